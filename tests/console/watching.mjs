// The pages that watch, on a document made by hand: answers come when the script lets them, in any order, and what stands on the page then is told.
// It draws nothing and knows no rig; argv: the folder of the page's files (their imports made relative), a file of words, and which page.
import fs from "node:fs";
import { pathToFileURL } from "node:url";
import { Element, document, found, kept, places, settled } from "./document_by_hand.mjs";

const [folder, words, page] = process.argv.slice(2);
const OPEN = { token: "t" };
let line = null;
const waiting = [], paints = [];
Object.assign(globalThis, {
  Node: Element, HTMLInputElement: class {}, ResizeObserver: class { observe() {} }, document, localStorage: kept(), sessionStorage: kept(), window: { scrollTo: () => undefined, addEventListener: () => undefined },
  setInterval: (act) => { paints.push(act); }, location: { protocol: "http:", host: "h:1", hostname: "h", port: "1", reload: () => undefined },
  fetch: (path) => {
    if (path.startsWith("/words/")) return Promise.resolve({ ok: true, json: async () => JSON.parse(fs.readFileSync(words)) });
    if (["/api/token", "/api/ticket"].includes(path)) return Promise.resolve({ ok: true, json: async () => OPEN });
    return new Promise((done) => waiting.push([path, done]));
  },
  WebSocket: class { constructor() { this.heard = {}; line = this; } addEventListener(name, act) { this.heard[name] = act; } send() {} },
});
document.body.dataset.page = `page_${page}`;

// The oldest question of this path that waits is answered now; without an answer it is refused.
const answer = async (path, said, ok = true) => {
  const [[, done]] = waiting.splice(waiting.findIndex(([one]) => one.startsWith(path)), 1);
  done({ ok, json: async () => said });
  await settled();
};
const refuse = (path, said) => answer(path, { words: said }, false);
const inside = (place, named) => found(places[place], (one) => one.tagName === "button" && one.textContent.includes(named))[0];
const press = async (place, named) => {
  for (const act of inside(place, named).heard.click) act({ target: new Element("button") });
  await settled();
};
const frame = (snapshot, person) => ({
  number: 1, page: "page", echo: [performance.now(), performance.now() / 1000], trouble: "", compared: null, order: null, rig: { name: "r", simulated: false, switch: "hold" }, service: false,
  control: { yours: false, by: "" }, person, locked: "", first_run: false, badges: false,
  snapshot: { state: "STANDBY", at_s: performance.now() / 1000, beam: "off", rules: [], latches: [], notice: "", recorder_lag_s: 0, late_ticks: 0, skipped_ticks: 0, simulated: false, emulated: "", ...snapshot },
});
const begin = async (role) => {
  await import(pathToFileURL(`${folder}/${page}.js`));
  await settled();
  const say = async (snapshot = {}) => {
    line.heard.message({ data: JSON.stringify(frame(snapshot, { name: "mia", role })) });
    for (const paint of paints) paint();
    await settled();
  };
  line.heard.open();
  await say();
  return say;
};
const told = {};

const patient = (name, names = []) => ({ patient_id: name, patient_id_2: "7", fractions: 1, lesions: 1, last_wall_s: 1, words: "", names });
const lesions = { words: "", lesions: [] };
const row = {
  id: "f", patient_id: "A", patient_id_2: "7", course_id: "C1", lesion_id: "L1", site: "nose", laterality: "left", fraction: 1, fractions: 6, status: "COMPLETE", quality: "GOOD", flagged: false,
  simulated: false, delivered_rx_mgy: 950, rx_mgy: 950, started_wall_s: 1, prescription_id: "RX", prescription_version: 1, prescription_sha256: "a".repeat(64), certificate_id: "C", certificate_sha256: "c".repeat(64),
};
const fraction = {
  ...row, particulars: { now: null, before: [], wrong: [], gone: [] }, order: [], order_words: "", exposures: [], events: [], events_words: "", corrections: [], reports: [],
  approval: { given: [], asked: [], missing: [], words: "", wrong: [] },
  chart: { now: row, signatures: [], review: false, operators: [], confirmed: [], corrections: [], wrong: [], gone: [], fields: {}, state: "s" },
};
const order = (given) => ({
  name: "a.toml", words: "", particulars: { now: null, before: [], wrong: [], gone: [] }, approval: { given, asked: [], missing: [], words: "" },
  order: { patient_id: "P", patient_id_2: "7", course_id: "C1", lesion_id: "L1", site: "nose", laterality: "left", fraction: 1, fractions: 6, rx_mgy: 950, depth_mm: 3, kv: 50, ma: 1, filter_id: "F2",
    applicator_id: "A20", gap_mm: 0, cutout_factor: 1, min_interval_h: 24, prescription_id: "RX", version: 1, approved_by: ["A"], sha256: "a".repeat(64) },
});

const PLAYS = {
  records: async () => {
    await begin("physician");
    // what was asked for by the language's own first look is answered too
    const all = async (path, said) => { while (waiting.some(([one]) => one.startsWith(path))) await answer(path, said); };
    await all("/api/records/patients", { patients: [patient("A", ["Meier"]), patient("B")], next: "", words: "", wrong: [] });
    told.listed = places.list.textContent;
    const search = async (typed) => {
      document.getElementById("words").value = typed;
      for (const act of places.search.heard.submit) act({ preventDefault: () => undefined });
      await settled();
    };
    await search("x");
    await search("y");
    const [older] = waiting.splice(0, 1);
    await answer("/api/records/patients", { patients: [patient("Y")], next: "", words: "", wrong: [] });
    older[1]({ ok: true, json: async () => ({ patients: [patient("X")], next: "", words: "", wrong: [] }) });
    await settled();
    told.searched = places.list.textContent;
    await search("");
    await answer("/api/records/patients", { patients: [patient("A"), patient("B")], next: "", words: "", wrong: ["line 3: was altered"] });
    told.unbelieved = [places.list.textContent, places.answer.textContent];
    // one is chosen, and another before the answer came; then the answers come the other way round
    await press("list", "A");
    await press("list", "B");
    const [first] = waiting.splice(0, 1);
    await answer("/api/records/lesions", lesions);
    await answer("/api/records/fractions", { fractions: [], next: "", words: "" });
    first[1]({ ok: true, json: async () => lesions });
    await settled();
    await all("/api/records/fractions", { fractions: [], next: "", words: "" });
    told.chosen = places.one.textContent;
    // a report takes its time, and meanwhile another patient is chosen
    await press("list", "A");
    await answer("/api/records/lesions", lesions);
    await answer("/api/records/fractions", { fractions: [row], next: "", words: "" });
    await press("one", "Look");
    await answer("/api/records/fraction?", fraction);
    told.fraction = places.one.textContent;
    await press("one", "Make the report");
    await press("list", "B");
    await answer("/api/records/lesions", lesions);
    await answer("/api/records/fractions", { fractions: [], next: "", words: "" });
    await answer("/api/records/report", { words: "written" });
    told.reported = [places.one.textContent, waiting.length];
    await press("list", "A");
    await refuse("/api/records/lesions", "not read within 8 s");
    told.not_read = [places.one.textContent, places.answer.textContent];
    // a signature is withdrawn while beam may be on by it
    const signed = { n: 1, who: "mia", role: "physician", meaning: "prescribed", wall_s: 1, against: "", withdrawn_s: null, accepted: [] };
    for (const act of places.orders.heard.click) act();
    await settled();
    await answer("/api/approvals/list", { orders: [order([signed])], wrong: [], entries: 1, key: "k" });
    const forms = found(places.one, (one) => one.tagName === "form");
    for (const act of forms.at(-1).heard.submit) act({ preventDefault: () => undefined });
    await settled();
    await answer("/api/approvals/withdraw", { n: 1, words: "withdrawn: mia, prescribed; beam may be on for this very order; first: press STOP" });
    told.withdrawn_at_once = places.one.textContent;
    await answer("/api/approvals/list", { orders: [order([])], wrong: [], entries: 2, key: "k" });
    told.withdrawn = places.one.textContent;
  },
  order: async () => {
    await begin("physician");
    await answer("/api/order/form", { certificate: "C", no_certificate: "", combinations: [], cutouts: [], orders: [], flags: ["eye"] });
    const numbers = { rx_mgy: 7000, depth_mm: 3, reach_mm: 3, pdd_pct: 80, gap_factor: 1, cutout_factor: 1, factor: 0.8, d0_mgy: 8750, skin_mgy: 8750, skin_most_mgy: 20000, time_s: 100, time_most_s: 600, ends_by: "monitor" };
    await answer("/api/order/work", { ready: true, wrong: [], missing: [], remarks: [], numbers, lines: [] });
    told.worked_out = places.one.textContent;
    const typed = found(places.list, (one) => one.tagName === "input")[0];
    for (const act of typed.heard.input) act();
    await new Promise((done) => setTimeout(done, 400));
    await settled();
    await refuse("/api/order/work", "the rig's limits cannot be read");
    told.not_worked_out = [places.one.textContent, places.answer.textContent];
  },
  service: async () => {
    const say = await begin("physicist");
    const rules = (truth) => [{ id: "door", truth, words: "the door" }];
    const pass = async () => { await new Promise((done) => setTimeout(done, 350)); await settled(); };
    const history = { words: "", latches: [], changes: [] };
    await say({ rules: rules("TRUE") });
    await press("panes", "Interlocks");
    await answer("/api/service/interlocks", history);
    told.true = places.pane.textContent.includes("doorTRUE");
    await say({ rules: rules("FALSE") });
    await pass();
    told.open = places.pane.textContent.includes("doorFALSE");
    await say({ rules: rules("FALSE"), at_s: performance.now() / 1000 - 2 });
    await pass();
    told.silent = [places.pane.textContent.includes("NO DATA"), places.pane.textContent.includes("doorFALSE")];
    // a pane is left before its answer came, and another one is open
    await press("panes", "Counters");
    await press("panes", "Due");
    await answer("/api/service/due", { words: "", certificate: {}, tests: [], sessions: [], day: { waived: false, today: false, last: "l", who: "w", words: "in the records, and it opens nothing" } });
    told.due = places.pane.textContent;
    await refuse("/api/service/counters", "the counters cannot be read");
    told.left = [places.pane.textContent === told.due, places.answer.textContent];
    // the seconds before one fault are asked for, then those of another
    await press("panes", "Faults");
    const fault = (index) => ({ index, wall_s: index, kind: "EVENT", event: "TRIP", rule: `rule ${index}`, cause: "c", first: "f" });
    await answer("/api/service/faults", { words: "", sums: [], next: 0, faults: [fault(1), fault(2)] });
    const [one, two] = found(places.pane, (button) => button.tagName === "button" && button.textContent.includes("5 s before"));
    for (const button of [one, two]) button.heard.click[0]();
    await settled();
    const [older] = waiting.splice(waiting.findIndex(([path]) => path.startsWith("/api/service/before")), 1);
    await answer("/api/service/before", { words: "of the second", ticks: 0, points: [] });
    older[1]({ ok: true, json: async () => ({ words: "of the first", ticks: 0, points: [] }) });
    await settled();
    told.before = ["of the first", "of the second"].map((said) => places.pane.textContent.includes(said));
  },
};
await PLAYS[page]();
console.log(JSON.stringify(told));
process.exit(0);
