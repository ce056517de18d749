// What every page has: STOP at pointer-down by two ways, the words, the live line with its age, language and theme. It knows no page and decides nothing.

export const $ = (id) => document.getElementById(id);
export const NONE = "–";
const STOP_ANSWERED_MS = 1500, STOP_SAID_MS = 3000, OPEN_AGAIN_MS = 300, OFFSETS = 30, ELSEWHERE = 4002;
const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", fr: "Français" };

let words = {}, english = {}, offsets = [], hand = false, stops = 0;
export let language = "en";
export let socket = null;
export const page = { live: () => false, spoken: () => undefined, lost: () => undefined };

export const t = (key, values = {}) => {
  const said = words[key] ?? english[key] ?? key;
  return said.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? NONE);
};
// A number has a point and no thousands' mark in every language, as in order files, records and on paper: "2,000 Gy" is two or two thousand, by who reads it.
export const number = (value, digits, unit) =>
  value === null || value === undefined ? NONE : `${Number(value).toFixed(digits).replace(/^-(?=[0.]*$)/, "")}${unit ? "\u00a0" + unit : ""}`;
export const stamp = (wallS) => (wallS === null || wallS === undefined ? "–" : new Date(wallS * 1000).toISOString().slice(0, 19).replace("T", " ") + "Z");
export const gy = (mgy) => number(mgy === null || mgy === undefined ? null : mgy / 1000, 3, "Gy");

export function h(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Words that people wrote, each by itself: one that runs from right to left turns nothing beside it, so that no two patients are shown alike.
export const named = (...words) => h("span", {}, ...words.flatMap((one, at) => [...(at ? [" · "] : []), h("bdi", {}, one)]));

// STOP: no dialog, no login, no token, two ways at once. The first that takes it is said, whatever the other does; what nobody took, or nobody answered in time,
// is said and stays until the next STOP.
function stop() {
  const button = $("stop"), own = ++stops;
  let taken = "", missed = 0;
  const say = (word) => {
    if (own !== stops) return;
    $("stop-said").dataset.word = word;
    $("stop-said").textContent = t(word);
  };
  const took = (word) => { if (taken !== "stop_taken") { taken = word; say(word); } };
  const miss = () => { if (!taken) say("stop_nobody"); };
  button.classList.add("sent");
  say("stop_sent");
  const door = `${location.protocol}//${location.hostname}:${Number(location.port || (location.protocol === "https:" ? 443 : 80)) + 1}/stop`;
  for (const [way, word] of [["/stop", "stop_taken"], [door, "stop_door"]]) {
    fetch(way, { method: "POST", keepalive: true }).then((answer) => { if (!answer.ok) throw new Error(answer.status); took(word); }).catch(() => { if (++missed === 2) miss(); });
  }
  setTimeout(miss, STOP_ANSWERED_MS);
  setTimeout(() => { if (own === stops) { button.classList.remove("sent"); if (taken) say("stop_keys"); } }, STOP_SAID_MS);
}
$("stop").addEventListener("pointerdown", (event) => { event.preventDefault(); stop(); });
$("stop").addEventListener("click", (event) => { if (event.detail === 0) stop(); });
document.addEventListener("keydown", (event) => {
  const types = event.target instanceof HTMLInputElement && !page.live();
  if (event.key !== "Escape" && (event.key !== " " || types)) return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) stop();
}, true);
document.addEventListener("keyup", (event) => { if (event.key === " " && !(event.target instanceof HTMLInputElement)) event.preventDefault(); }, true);
document.addEventListener("contextmenu", (event) => event.preventDefault());

// A hand at the page keeps it from being locked.
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => { hand = true; }, true);

export async function post(path, body = {}, more = {}) {
  const answer = await fetch(path, {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-Kerma": "console", ...more },
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.words);
  return said;
}

// The live line; each frame that was shown is answered, and that answer is the page's word that it is there. `number` is the page's own, if it keeps one.
export async function open(number, shown, elsewhere) {
  const again = () => setTimeout(open, OPEN_AGAIN_MS, number, shown, elsewhere);
  try {
    const { token } = await post("/api/ticket");
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    const own = socket;
    own.addEventListener("open", () => own.send(JSON.stringify({ ticket: token, page: number() })));
    own.addEventListener("message", (event) => {
      const frame = JSON.parse(event.data);
      if (frame.echo) offsets = [...offsets.slice(1 - OFFSETS), frame.echo[1] * 1000 - frame.echo[0]];
      shown(frame);
      own.send(JSON.stringify({ seen: frame.number, t: performance.now(), hand }));
      hand = false;
    });
    own.addEventListener("close", (event) => {
      if (own !== socket) return;
      page.lost();
      if (event.code === ELSEWHERE) elsewhere();
      else again();
    });
  } catch {
    again();
  }
}

// How old what is shown may be at most: the desk's stamp against the least offset of the two clocks that the line has proven.
export const ageMs = (frame) =>
  !frame?.snapshot || offsets.length === 0 ? Infinity : performance.now() + Math.min(...offsets) - frame.snapshot.at_s * 1000;

// Service at work, on each page: the key stands in SERVICE, or a service login holds control.
const service = h("div", { id: "service-mode", hidden: true }, h("b"));
document.querySelector("header").append(service);
export function serviceMode(frame) {
  const on = Boolean(frame?.service);
  if (service.hidden === on) service.hidden = !on;
  const words = on ? t("service_mode") : "";
  if (service.textContent !== words) service.firstChild.textContent = words;
  const mark = `${t("service_mode")} `;
  if (on !== document.title.startsWith(mark)) document.title = on ? mark + document.title : document.title.slice(mark.length);
}

// What stands in for a safety unit on a bench rig is said on each page: everything that such a unit says is this computer's own word.
const bench = h("p", { id: "emulated", hidden: true });
$("alarm").before(bench);
export function emulated(frame) {
  const words = frame?.snapshot?.emulated ? t("emulated", { words: frame.snapshot.emulated }) : "";
  bench.hidden = !words;
  if (bench.textContent !== words) bench.textContent = words;
}

async function speak(name) {
  const chosen = (language = name in LANGUAGES ? name : "en");
  localStorage.setItem("language", language);
  const found = await (await fetch(`/words/${chosen}.json`)).json();
  // two choices in a hurry: the later one counts, whichever words come first
  if (chosen !== language) return;
  words = found;
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = t(one.dataset.word);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", t(one.dataset.label));
  page.spoken();
}
for (const [name, said] of Object.entries(LANGUAGES)) $("language").append(h("option", { value: name }, said));
$("language").addEventListener("change", (event) => speak(event.target.value));
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});
document.documentElement.dataset.theme = localStorage.getItem("theme") === "light" ? "light" : "dark";

english = await (await fetch("/words/en.json")).json();
await speak(localStorage.getItem("language") ?? "en");
$("language").value = language;
