// The treatment page's own scripts on a document made by hand: what its panels show, which buttons they have, and what is asked when one is pressed.
// It draws nothing and knows no rig; argv: the folder of the page's files (their imports made relative), and a file of words.
import fs from "node:fs";
import { pathToFileURL } from "node:url";
import { Element, document, found, kept, places, settled } from "./document_by_hand.mjs";

const [folder, words] = process.argv.slice(2);

const order = (more = {}) => ({
  patient_id: "שלום", patient_id_2: "7", course_id: "C1", lesion_id: "L1", site: "nose", laterality: "left", fraction: 1, fractions: 6, rx_mgy: 950, depth_mm: 3,
  prescription_id: "RX", version: 1, approved_by: ["A"], sha256: "a".repeat(64), applicator_id: "A20", filter_id: "F2", gap_mm: 0, ...more,
});
// One name for two patients, and another one for a second course of the first.
const stated = (name) => ({ now: { n: 1, who: "mia", role: "physician", wall_s: 1, family_name: "Meier", given_names: name === "c" ? "Änne" : "Anna", birth_date: "", diagnosis: "<i>", diagnosis_code: "", intent: "", earlier: "none", earlier_words: "", reason: "" }, before: [], wrong: [], gone: name === "b" ? ["the audit says that mia made a statement"] : [] });
const orders = [["a", {}], ["b", { patient_id: "7", patient_id_2: "שלום" }], ["c", { course_id: "C2" }]].map(([name, more]) => ({ name: `${name}.toml`, words: "", particulars: stated(name), order: order({ sha256: name.repeat(64), ...more }) }));
const answers = {
  "/api/orders": { orders }, "/api/lesion/about": { photo: null, notes: [], former: 0, wrong: [] },
  "/api/records/fractions": { fractions: [{ id: "other", prescription_sha256: "c".repeat(64), lesion_id: "L1", fraction: 1 }, { id: "own", prescription_sha256: "a".repeat(64), lesion_id: "L1", fraction: 1 }] },
  "/api/records/fraction": { reports: ["fraction-own.pdf"] },
};
const asked = [], refused = {};
let line = null, held = null;
Object.assign(globalThis, {
  Node: Element, HTMLInputElement: class {}, ResizeObserver: class { observe() {} }, document, localStorage: kept(), sessionStorage: kept(), window: { scrollTo: () => undefined, addEventListener: () => undefined }, setInterval: () => 0,
  location: { protocol: "http:", host: "h:1", hostname: "h", port: "1" },
  fetch: async (path, given = {}) => {
    asked.push([path, given.body ?? ""]);
    const said = path.startsWith("/words/") ? JSON.parse(fs.readFileSync(words)) : answers[path.split("?")[0]] ?? { token: "t", locks: [], day: {}, certificate: {}, tests: [], warm_up: "", orders: [], orders_words: "" };
    if (held && path === "/api/day") await held;
    if (refused[path]) return { ok: false, json: async () => ({ words: refused[path] }) };
    return { ok: true, json: async () => said };
  },
  WebSocket: class { constructor() { this.heard = {}; line = this; } addEventListener(name, act) { this.heard[name] = act; } send() {} },
});

const shown = (more) => ({
  state: "STANDBY", at_s: performance.now() / 1000, beam: "off", rules: [], latches: [], notice: "", first_to_fix: "", dose: null, offer: null, ended: null, open_fractions: [],
  kv_set: null, kv: 0, ma_set: null, ma: 0, recorder_lag_s: 0, simulated: true, ...more,
});
const band = { steady_part: 0.01, steady: 0.1, hard_part: 0.05 };
let number = 0;
const say = async (snapshot = {}, more = {}) => {
  line.heard.message({ data: JSON.stringify({
    number: ++number, page: `page-${number}`, echo: [performance.now(), performance.now() / 1000], trouble: "", snapshot: shown(snapshot), compared: null, order: null,
    rig: { name: "r", simulated: true, bands: { kv: band, ma: band }, looked_s: 900 }, service: false, control: { yours: true, by: "olga" }, person: { name: "olga", role: "operator" },
    locked: "", first_run: false, badges: false, ...more,
  }) });
  await settled();
};
const panel = document.getElementById("panel");
const buttons = () => found(panel, (one) => one.tagName === "button").map((one) => one.textContent);
const press = async (words) => {
  for (const act of found(panel, (one) => one.tagName === "button").find((one) => one.textContent.includes(words)).heard.click) await act({ target: new Element("button") });
  await settled();
};

await import(pathToFileURL(`${folder}/treat.js`));
await settled();
line.heard.open();
const told = {};
await say();
await say();
told.patients = found(panel, (one) => one.className === "pick").map((one) => found(one, (part) => part.tagName === "bdi").map((part) => part.textContent));
told.named = found(panel, (one) => one.className === "pick").map((one) => one.textContent);
await press("שלום · 7");
told.whose = panel.textContent;
const { particularsOf } = await import(pathToFileURL(`${folder}/particulars.js`));
told.unbelieved = particularsOf({ particulars: { now: null, before: [], wrong: ["line 3: was altered"], gone: [] } }).map(([name, words]) => [name, words.textContent]);
told.lesions = buttons();
await press("C1 · RX · 1");
await press("Load");
told.loaded = asked.filter(([path]) => path === "/api/load").map(([, body]) => JSON.parse(body));
await say({}, { control: { yours: false, by: "" } });
await say();
told.again = panel.textContent.includes("Ask the patient for name and both identifiers");
// A fraction from the choice to its confirmation, armed, interrupted, and resumed with another person in the chair; each look with its age.
const real = performance.now.bind(performance);
let more = 0;
performance.now = () => real() + more;
const later = (s) => { more += 1000 * s; };
const step = () => (panel.textContent.match(/anew\. They must be|anew\. Lesion|Fit applicator|Nobody but the patient|Offer 1|Ask the patient for name and both identifiers, then|which lesion/) ?? [""])[0];
const offered = { offer: { id: 1, digest: "01".repeat(32), segment: 1 } };
const agreed = { order: order(), compared: [["kV", "1", "1", true]] };
const due = { outcome: "INTERRUPTED", event: "STOP", rule: "", words: "", durable: true, rest_mgy: 1, dose: { delivered_mgy: 1, rx_factor: 0.8, low_mgy: 1, high_mgy: 2, quality: "GOOD", d1_mgy: 1, d2_mgy: 1, dt_mgy: 1, beam_s: 1, set_time_s: 2, d0_mgy: 3, chambers: true } };
const confirmed = async () => {
  asked.length = 0;
  await press("Confirm exactly this");
  return asked.filter(([path]) => path === "/api/confirm").map(([, body]) => JSON.parse(body)).map((one) => [one.checked, one.ago_s.map(Math.round)])[0];
};
const stepped = async (...names) => {
  const seen = [step()];
  for (const one of names) {
    if (buttons().some((there) => there.includes(one))) await press(one);
    else seen.push(`no ${one}`);
    later(10);
    seen.push(step());
  }
  return seen;
};
await say();
await press("שלום · 7");
later(10);
await press("C1 · RX · 1");
later(10);
await press("Load");
await say({ state: "PREPARATORY", ...offered }, agreed);
told.looked = await stepped("Applicator and shields", "The room is ready");
told.first = await confirmed();
await say({ state: "READY" }, agreed);
await say({ state: "PREPARATORY", ...offered }, agreed);
told.set_back = await stepped("Applicator and shields", "The room is ready");
await say({ state: "IRRADIATING" }, agreed);
await say({ state: "INTERRUPTED", ended: due, dose: due.dose }, agreed);
await press("Resume the rest");
await say({ state: "PREPARATORY", ...offered }, agreed);
told.resumed = await stepped("The patient said both", "Lesion, side and site are", "Applicator and shields", "The room is ready");
told.rest = await confirmed();
later(855);
await say({ state: "PREPARATORY", ...offered }, agreed);
told.within = step();
later(10);
await say({ state: "PREPARATORY", ...offered }, agreed);
told.too_long_ago = step();
await press("The patient said both");
await say();
told.unloaded = step();
await say({ state: "PREPARATORY", ...offered }, { ...agreed, order: null });
told.foreign = buttons();
more = 0;
performance.now = real;
await say({}, { control: { yours: false, by: "" } });
await say();
// The day's card is asked for, and does not come yet; then it comes; then it does not come in time.
const picks = () => found(panel, (one) => one.className === "pick").length;
let come = null;
held = new Promise((done) => { come = done; });
await say({}, { control: { yours: false, by: "" } });
await say();
told.before_the_day = [picks(), panel.textContent.includes("Nothing that is looked at here locks")];
come();
await settled();
await say();
told.with_the_day = [picks(), panel.textContent.includes("Nothing that is looked at here locks")];
held = new Promise(() => undefined);
const timer = globalThis.setTimeout;
globalThis.setTimeout = (act) => setImmediate(act);
await say({}, { control: { yours: false, by: "" } });
await say();
await settled();
await say();
globalThis.setTimeout = timer;
held = null;
told.without_the_day = [picks(), panel.textContent.includes("did not come within 3")];
const dose = { delivered_mgy: 1, rx_factor: 0.8, low_mgy: 1, high_mgy: 2, quality: "GOOD", d1_mgy: 1, d2_mgy: 1, dt_mgy: 1, beam_s: 1, set_time_s: 2, d0_mgy: 3, chambers: true };
const ended = { outcome: "INTERRUPTED", event: "STOP", rule: "", words: "", durable: true, rest_mgy: 1, dose };
await say({ state: "INTERRUPTED", ended, dose, open_fractions: ["שלום lesion L1 fraction 1: half"] });
told.interrupted = buttons();
await say({ state: "INTERRUPTED", ended, dose, open_fractions: [] }, { order: order() });
told.own = buttons();
await say({ state: "TERMINATED", ended, dose }, { order: order() });
await press("Report");
told.reported = asked.filter(([path, body]) => path === "/api/records/report" && body).map(([, body]) => JSON.parse(body).fraction);
const recorded = () => panel.textContent.match(/Channel 1[^B]*/)?.[0] ?? "";
told.with_chambers = recorded();
await say({ state: "TERMINATED", ended: { ...ended, dose: { ...dose, d1_mgy: 0, d2_mgy: 0, chambers: false } }, dose }, { order: order() });
told.without_chambers = recorded();
// A recorder that was never heard: its lag is endless, and comes as null.
for (const lag of [0, 3, null]) {
  await say({ recorder_lag_s: lag });
  (told.lags ??= []).push(places.alarm.textContent);
}
await say({ state: "FAULT", latches: ["door: open"] }, { trouble: "the switch could not be let go; first: press STOP" });
told.fault = places.alarm.textContent;
const rules = [{ id: "door", truth: "NOT_FITTED", words: "" }, { id: "key", truth: "TRUE", words: "" }];
await say({ rules, emulated: "no timer, no lease" });
told.bench = [places.alarm.beside[0].textContent, places["why-title"].textContent];
await say({ rules: rules.slice(1), emulated: "" });
told.unit = [places.alarm.beside[0].hidden, places["why-title"].textContent];
// Another rig's process answers at the desk: what was chosen of this one is not left standing there; and whoever's page is locked meanwhile may log in.
await say({}, { control: { yours: false, by: "" } });
await say();
await say();
told.before_another = panel.textContent.includes("שלום");
await say({}, { snapshot: null });
told.another = panel.textContent;
await say({}, { snapshot: null, person: null, locked: "olga" });
told.another_locked = panel.textContent.includes("This page of olga is locked");
await say();
refused["/api/logout"] = "503 requests at once";
const who = places.who;
for (const act of found(who, (one) => one.tagName === "button").find((one) => one.textContent === "Log out").heard.click) await act();
await settled();
told.logout = places.answer.textContent;
console.log(JSON.stringify(told));
