// Alarms by priority, seen and heard: which one leads, its tone, a timed mute, acknowledging, and that a browser is silent before the first hand. It clears none.
import { $, t } from "/files/shell.js";
import { down } from "/files/finger.js";

const QUIET_MS = 120000, LAG_S = 2, NOTE_S = 0.15, GAP_S = 0.25;
const ORDER = ["high", "medium", "low"];
// How an alarm sounds: pitch, notes of one burst, and how often the burst comes again.
const SOUNDS = { high: { hertz: 960, notes: 5, everyMs: 2500 }, medium: { hertz: 720, notes: 3, everyMs: 7500 }, low: { hertz: 520, notes: 1, everyMs: 20000 } };

let context = null, mutedUntil = 0, burstAt = -Infinity, leads = "", seen = new Map();

function wake() {
  try { context ??= new AudioContext(); } catch { return; }
  if (context.state === "suspended") context.resume().catch(() => undefined);
}
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, wake, true);
if (navigator.userActivation?.hasBeenActive) wake();  // a hand that was there before this file was

export function tone(hertz, seconds, after = 0) {
  if (performance.now() < mutedUntil || context?.state !== "running") return;
  const from = context.currentTime + after, made = context.createOscillator(), loud = context.createGain();
  made.frequency.value = hertz;
  loud.gain.setValueAtTime(0.15, from);
  loud.gain.exponentialRampToValueAtTime(0.001, from + seconds);
  made.connect(loud).connect(context.destination);
  made.start(from);
  made.stop(from + seconds);
}

// Every alarm that stands, the gravest first. A machine that is not heard is as grave as what was last seen of it.
function standing(frame, silent, lastState) {
  const shown = frame?.snapshot, found = [];
  const grave = ["STARTING", "IRRADIATING", "STOPPING", "FAULT", "STUCK_ON"].includes(lastState);
  const add = (priority, words) => { if (words) found.push({ priority, words }); };
  if (silent) add(grave ? "high" : "medium", frame?.trouble || t("no_data_first"));
  else {
    const named = shown.latches.join("; ");
    if (["FAULT", "STUCK_ON"].includes(shown.state)) add("high", named || t(`state_${shown.state}`));
    else add("medium", named);
    add("medium", frame.trouble);
    if (shown.state === "INTERRUPTED") add("medium", `${t("state_INTERRUPTED")}: ${shown.ended?.words || shown.ended?.event || ""}`);
    // null is a recorder that has not been heard, or is endlessly far behind
    if (!(typeof shown.recorder_lag_s === "number" && shown.recorder_lag_s <= LAG_S)) add("low", `${t("record")}: ${t("not_kept")}`);
  }
  return found.sort((one, other) => ORDER.indexOf(one.priority) - ORDER.indexOf(other.priority));
}

const put = (id, said) => { if ($(id).textContent !== said) $(id).textContent = said; };

// Called a few times a second with what the page knows.
export function paintAlarms(frame, silent, lastState) {
  const now = performance.now(), alarms = standing(frame, silent, lastState), first = alarms[0];
  const keys = new Set(alarms.map((one) => one.priority + one.words));
  seen = new Map([...seen].filter(([key, until]) => keys.has(key) && until > now));
  const lead = first ? first.priority + first.words : "";
  if (lead !== leads) {
    // a new alarm of high priority is heard also by whoever muted an older one
    if (first?.priority === "high") mutedUntil = 0;
    leads = lead;
    burstAt = -Infinity;
  }
  $("alarm").hidden = !first;
  $("alarm").dataset.priority = first?.priority ?? "";
  put("alarm", alarms.map((one) => `${t(`priority_${one.priority}`)}  ${one.words}`).join("\n"));
  const notice = frame?.snapshot?.notice ?? "";
  $("notice").hidden = alarms.some((one) => one.words.includes(notice));
  const quiet = seen.get(lead) ?? 0;
  $("acknowledge").hidden = !first;
  put("acknowledge", quiet > now ? t("acknowledged", { left: Math.ceil((quiet - now) / 1000) }) : t("acknowledge"));
  const left = Math.ceil((mutedUntil - now) / 1000);
  put("mute", left > 0 ? t("muted", { left }) : t("mute"));
  // not under the very finger that lets the page sound: all below the line would move up, and the finger be on something else
  if (!down()) $("sound").hidden = context?.state === "running";
  put("sound", t(context === null ? "sound_off" : "sound_lost"));
  const loud = alarms.find((one) => !seen.has(one.priority + one.words));
  if (!loud || now - burstAt < SOUNDS[loud.priority].everyMs || context?.state !== "running") return;
  burstAt = now;
  for (let note = 0; note < SOUNDS[loud.priority].notes; note++) tone(SOUNDS[loud.priority].hertz, NOTE_S, note * GAP_S);
}

// Acknowledging silences what stands now for two minutes; it stays on the page, and whatever is new is heard.
export function acknowledge(frame, silent, lastState) {
  const until = performance.now() + QUIET_MS;
  for (const one of standing(frame, silent, lastState)) seen.set(one.priority + one.words, until);
}
$("mute").addEventListener("click", () => { mutedUntil = performance.now() < mutedUntil ? 0 : performance.now() + QUIET_MS; });
