// The treatment page: shows what the live line says, with its age, and asks by POST. It decides nothing; STOP and the line are shell.js.
import { $, NONE, ageMs, emulated, gy, h, language, named, number, open, page, post, serviceMode, socket, t } from "/files/shell.js";
import { again } from "/files/again.js";
import { holds, paintHold } from "/files/hold.js";
import { acknowledge, paintAlarms, tone } from "/files/alarms.js";
import { approvalMark, flagged, setUp, signatures } from "/files/approvals.js";
import { signing } from "/files/chart.js";
import { lesion } from "/files/lesion.js";
import { login, logout } from "/files/login.js";
import { formerly, nameLine, particularsOf } from "/files/particulars.js";
import { look, report, today } from "/files/today.js";

const OLD_MS = 300, SILENT_MS = 1000, TAP_GUARD_MS = 700;
const BEAM = ["STARTING", "IRRADIATING", "STOPPING"];
const LIVE = ["ARMING", "READY", ...BEAM];
const ICONS = {
  SELF_TEST: "⟳", STANDBY: "○", PREPARATORY: "⚙", ARMING: "⚙", READY: "✔", STARTING: "☢", IRRADIATING: "☢", STOPPING: "☢",
  INTERRUPTED: "❚❚", TERMINATED: "■", FAULT: "✖", STUCK_ON: "☢", NO_DATA: "?",
};
const STEPS = ["patient", "lesion", "applicator", "room", "confirm", "arm", "beam", "end"];
const SET_UP = ["PREPARATORY", "ARMING", "READY"];
const LOOKS = ["patient", "lesion", "applicator", "room"];
const LOOKS_OF = { door: "room", applicator_contact: "applicator", applicator_code: "applicator", filter_code: "applicator" };
const isUnmet = (rule) => !["TRUE", "NOT_ASKED", "NOT_FITTED"].includes(rule.truth);

let frame = null, orders = null, day = null;
let patient = "", order = null, checked = new Set(), lookedIn = "", lookedAt = {}, panelKey = "", busy = false, tickAt = 0, lastState = "";
let had = false, lostTo = "", stepKey = "", inPanel = false;

async function command(name, body = {}) {
  if (busy) return false;
  const held = document.activeElement;
  busy = true;
  paintBusy();
  $("answer").textContent = "";
  try {
    const { token } = await post("/api/token");
    await post(`/api/${name}`, { page: frame.page, ...body }, { "X-Kerma-Token": token });
    return true;
  } catch (error) {
    $("answer").textContent = error.message;
    return false;
  } finally {
    busy = false;
    paintBusy();
    // a button that could not be pressed meanwhile has lost the focus: whoever was refused goes on from where they were
    if (document.activeElement === document.body && held.isConnected) held.focus({ preventScroll: true });
  }
}
const paintBusy = () => { for (const one of document.querySelectorAll("[data-commands]")) one.disabled = busy || one.dataset.hold === "1"; };

const theSwitch = holds(() => frame, (words) => { $("answer").textContent = words; });
const go = (word, act, more = {}) => h("button", { type: "button", onclick: act, "data-commands": "1", disabled: busy, ...more }, t(word));

function paintAge() {
  const age = ageMs(frame), silent = !(age <= SILENT_MS), old = !(age <= OLD_MS);
  $("values").classList.toggle("old", old);
  $("left").classList.toggle("old", old);
  $("age").textContent = Number.isFinite(age) ? t("age", { age: number(Math.max(age, 0) / 1000, 1, "s") }) : t("no_data");
  const state = silent ? "NO_DATA" : frame.snapshot.state;
  if ($("band").dataset.state !== state) paintBand(state);
  if (silent) $("detail").textContent = t("no_data_first");
  paintAlarms(frame, silent, lastState);
  serviceMode(frame);
  emulated(frame);
  if (!silent) paintTick();
}

function paintBand(state) {
  $("band").dataset.state = state;
  $("icon").textContent = ICONS[state] ?? "?";
  $("state").textContent = t(`state_${state}`);
  document.title = `${frame?.rig.simulated ? t("simulated") + " " : ""}${t(`state_${state}`)} – Kerma`;
}

// What is known of the beam, in the page's language; a word that nobody knows is no "off".
const BEAMS = { on: "beam_on", off: "beam_off" };
const more = (shown) => t(`state_${shown.state}_more`, { beam: t(BEAMS[shown.beam] ?? "beam_maybe") });

function paint() {
  const shown = frame.snapshot;
  $("simulated").hidden = !(frame.rig.simulated || shown?.simulated);
  $("simulated").title = t("simulated");
  if (shown) {
    paintBand(shown.state);
    $("detail").textContent = more(shown);
    $("notice").textContent = shown.notice;
    // whoever leaves this page gives control up: the ways out are shut while anything is armed
    $("rooms").hidden = page.live();
    document.querySelector("main").classList.toggle("beam", BEAM.includes(shown.state));
    paintDose(shown.dose, shown);
    paintSets(shown);
    paintWhy(shown);
    if (lastState !== shown.state) heardState(lastState, shown.state);
    lastState = shown.state;
  }
  paintAge();
  paintHold(frame);
  heardControl();
  paintWho();
  paintPanel();
}

function paintDose(dose, shown) {
  const beam = dose !== null && (LIVE.includes(shown.state) || shown.state === "INTERRUPTED" || shown.state === "TERMINATED");
  $("left").classList.toggle("idle", !beam);
  $("left").textContent = beam ? number(Math.max(dose.set_time_s - dose.beam_s, 0), 1) : NONE;
  $("delivered").textContent = dose ? gy(dose.delivered_mgy * dose.rx_factor) : NONE;
  $("of").textContent = dose ? t("of", { rx: gy(dose.d0_mgy * dose.rx_factor) }) : "";
  $("dose-bar").style.width = dose ? `${Math.min(100, (100 * dose.delivered_mgy) / Math.max(dose.d0_mgy, 1e-9))}%` : "0";
  const apart = dose && dose.d1_mgy > 0 ? number((100 * (dose.d2_mgy - dose.d1_mgy)) / dose.d1_mgy, 1, "%") : NONE;
  const rows = dose
    ? [
        ["channel_1", dose.chambers ? number(dose.d1_mgy, 1, "mGy") : t("not_fitted")], ["channel_2", dose.chambers ? number(dose.d2_mgy, 1, "mGy") : t("not_fitted")],
        ["apart", apart], ["timer", number(dose.dt_mgy, 1, "mGy")], ["bounds", `${number(dose.low_mgy, 1)} … ${number(dose.high_mgy, 1, "mGy")}`], ["quality", dose.quality],
      ]
    : [];
  $("channels").replaceChildren(...rows.flatMap(([word, said]) => [h("dt", {}, t(word)), h("dd", {}, said)]));
}

// A bar ends where the rig's hard window does, and its zone is the steady window; what stops the beam is decided elsewhere, against the certified read-back.
function paintSets(shown) {
  const row = (name, set, measured, digits, unit, band) => {
    const there = set !== null && measured !== null && set > 0;
    const steady = set > 0 ? Math.max(band.steady_part * set, band.steady) : 0, hard = band.hard_part * set;
    const mark = h("div", { className: "mark" }), zone = h("div", { className: "zone" });
    mark.style.left = there ? `${Math.max(0, Math.min(100, 50 + (50 * (measured - set)) / hard))}%` : "0";
    mark.hidden = !there || measured < 0.5 * set;
    zone.style.left = zone.style.right = set > 0 ? `${50 - Math.min(50, (50 * steady) / hard)}%` : "0";
    return h("div", { className: "set" }, h("b", {}, name), h("span", { className: "said" }, `${t("set")} ${number(set, digits, unit)}`),
      h("span", { className: "said" }, `${t("measured")} ${number(measured, digits, unit)}`),
      h("div", { className: "bar", title: t("bar_spans", { tolerance: number(steady, digits + 1, unit) }) }, zone, mark));
  };
  $("sets").replaceChildren(row("kV", shown.kv_set, shown.kv, 1, "kV", frame.rig.bands.kv), row("mA", shown.ma_set, shown.ma, 2, "mA", frame.rig.bands.ma));
}

function paintWhy(shown) {
  const open = shown.rules.filter(isUnmet);
  const lacking = shown.rules.filter((rule) => rule.truth === "NOT_FITTED").length;
  $("why-title").textContent = `${t(open.length ? "not_ready" : "ready")}${lacking ? ` · ${lacking} ${t("not_fitted")}` : ""}`;
  $("first").textContent = shown.first_to_fix ? t("first", { words: shown.first_to_fix }) : "";
  $("why").replaceChildren(...open.map((rule) =>
    h("li", {}, h("b", {}, `${rule.truth === "FALSE" ? "✖" : "⧖"} ${rule.id} `), `${t(`truth_${rule.truth}`)}: ${rule.words}`)));
}

// Nothing of a fraction before is carried over: patient, lesion and what was looked at are chosen anew, from orders as they lie there now.
function fresh() {
  patient = "";
  order = orders = day = null;
  checked.clear();
  lookedAt = {};
  panelKey = "";
}

// Who loses control to another page is told so until control is theirs again; who takes it goes on at the panel.
function heardControl() {
  const { yours, by } = frame.control;
  if (yours) lostTo = "";
  else if (had && by) lostTo = by;
  // what somebody else chose at this page, or this person before a pause, is chosen anew: both identifiers are asked for again
  if (yours && !had) { inPanel = true; fresh(); }
  had = yours;
}

function paintWho() {
  const key = JSON.stringify([frame.person, frame.control, language, lastState]);
  if ($("who").dataset.key === key) return;
  $("who").dataset.key = key;
  const parts = [h("span", {}, frame.person ? `${frame.person.name} (${frame.person.role})` : t("nobody"))];
  if (frame.person) {
    const over = !frame.control.yours && frame.control.by !== "";
    if (!frame.control.yours) parts.push(go(over ? "take_over" : "take", () => command("control/take", { over })));
    else parts.push(h("span", {}, t("yours")));
    parts.push(go("logout", logout));
  }
  $("who").replaceChildren(...parts);
}

function step(shown) {
  if (!shown || ["SELF_TEST", "FAULT", "STUCK_ON"].includes(shown.state)) return "";
  if (shown.state === "STANDBY") return patient && checked.has("patient") ? "lesion" : "patient";
  if (shown.state === "PREPARATORY") return LOOKS.find((name) => !checked.has(name)) ?? "confirm";
  if (shown.state === "ARMING" || shown.state === "READY") return "arm";
  return BEAM.includes(shown.state) ? "beam" : "end";
}

// What was looked at stands as long as nobody can have changed it: a door that was opened, an applicator that was off, and whatever was armed is looked at
// anew. An offer that is made anew by itself changes nothing. After a beam, and where what was loaded is not any more, another patient may sit there: nothing
// stands. Nor does what was looked at longer ago than the console takes it.
function lookAgain(shown) {
  const { state } = shown;
  if (!["STANDBY", ...SET_UP].includes(state) || (state === "STANDBY" && SET_UP.includes(lookedIn))) checked.clear();
  if (state === "PREPARATORY") {
    for (const rule of shown.rules.filter(isUnmet)) if (rule.id in LOOKS_OF) checked.delete(LOOKS_OF[rule.id]);
    if (["ARMING", "READY"].includes(lookedIn)) { checked.delete("applicator"); checked.delete("room"); }
  }
  for (const name of [...checked]) if (performance.now() - lookedAt[name] > 1000 * frame.rig.looked_s) checked.delete(name);
  lookedIn = state;
}

function paintPanel() {
  // of a machine that was never heard, or is not this rig any more, nothing is shown, and no patient of before it
  const shown = frame.snapshot;
  if (shown) lookAgain(shown);
  else checked.clear();
  const now = step(shown);
  const offer = shown?.offer ? `${shown.offer.id} ${shown.offer.digest} ${JSON.stringify(frame.compared)}` : "";
  const ended = now === "end" ? JSON.stringify(shown.ended) : "";
  if ($("steps").dataset.key !== `${now} ${language}`) {
    $("steps").dataset.key = `${now} ${language}`;
    $("steps").replaceChildren(...STEPS.map((name) => h("li", name === now ? { "aria-current": "step" } : {}, t(`step_${name}`))));
    window.scrollTo(0, 0);
  }
  // who types a name or a code is not disturbed by what the machine does meanwhile
  const key = JSON.stringify(!frame.person ? [frame.locked, frame.first_run, frame.badges, language] : [now, shown?.state, offer, ended, frame.person, frame.control, lostTo, patient, order, orders?.length, language, frame.order?.sha256, shown?.open_fractions]);
  if (key === panelKey) return;
  panelKey = key;
  const panel = !frame.person ? login(frame, () => socket.close()) : !shown ? [h("p", { className: "wrong" }, t("no_data_first"))] : !frame.control.yours ? [watching()] : (PANELS[now] ?? PANELS.other)(shown);
  putPanel(panel, JSON.stringify([now, shown?.state, frame.person, frame.control.yours]));
  if (frame.person && orders === null) listOrders();
}

const watching = () => {
  const name = lostTo || frame.control.by;
  return h("p", lostTo ? { className: "wrong" } : {}, name ? t(lostTo ? "taken_from" : "watching_of", { name }) : t("watching"));
};

// What was typed stays where the same step is built anew, and the focus goes to the panel or stays in its field: never to a button that was not there before.
function putPanel(panel, nowKey) {
  const same = stepKey === nowKey, within = inPanel && (document.activeElement === document.body || $("panel").contains(document.activeElement));
  const typed = same ? [...$("panel").querySelectorAll("input[id]")].map((one) => [one.id, one.value, one === document.activeElement]) : [];
  stepKey = nowKey;
  $("panel").replaceChildren(...panel);
  if (within) $("panel").focus({ preventScroll: true });
  for (const [id, value, focused] of typed) {
    const field = $(id);
    if (!field) continue;
    field.value = value;
    if (focused) field.focus({ preventScroll: true });
  }
}
document.addEventListener("focusin", (event) => { inPanel = $("panel").contains(event.target); });

// The day's card comes with the patients below it, in one piece.
async function listOrders() {
  const [seen, listed] = await Promise.allSettled([look(), post("/api/orders")]);
  day = seen.value;
  if (listed.status === "fulfilled") { orders = listed.value.orders; panelKey = ""; return; }
  $("answer").textContent = listed.reason.message;
  setTimeout(() => { panelKey = ""; }, 1000);
}

const who = (one) => JSON.stringify([one.patient_id, one.patient_id_2]);
const person = (one) => named(one.patient_id, one.patient_id_2);
const about = (one) => `${one.site}, ${t(`side_${one.laterality}`)}`;
const facts = (one) => table([
  [t("patient"), person(one)], [t("p_name"), ordered(one).length ? nameLine(ordered(one)) : NONE], [t("lesion"), named(one.course_id, one.lesion_id, about(one))],
  [t("fraction"), t("n_of", { n: one.fraction, of: one.fractions })], [t("dose"), `${gy(one.rx_mgy)}, ${number(one.depth_mm, 1, "mm")}`],
  [t("order"), named(one.prescription_id, one.version, one.approved_by.join(", "))],
]);
// What lies on, in and behind the patient, and what the order flags.
const placed = (one) => [table(setUp(one)), ...(one.set_up?.bolus_mm ? [h("p", { className: "big" }, t("lay_bolus", { mm: number(one.set_up.bolus_mm, 1, "mm") }))] : []), ...flagged(one)];
const table = (rows) => h("table", { className: "pairs" }, h("tbody", {}, ...rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((cell) =>
  cell instanceof Node ? h("td", {}, cell) : h("td", {}, cell))))));
const back = () => go("unload", async () => { if (await command("edit")) fresh(); });
const reason = () => h("input", { maxLength: 200, id: "reason" });
const ordered = (one) => (orders ?? []).filter((row) => row.order?.sha256 === one?.sha256);
const isOpen = (shown, one) => shown.open_fractions.some((said) => said.startsWith(`${one.patient_id} lesion ${one.lesion_id} fraction ${one.fraction}:`));
const readable = () => (orders ?? []).filter((one) => one.order !== null);

// What was looked at, and when by this page's clock: the record tells both.
const tick = (name) => { checked.add(name); lookedAt[name] = performance.now(); };
const ago = (names) => names.map((name) => (performance.now() - lookedAt[name]) / 1000);
// One item of a fraction that is loaded, looked at and said so.
const looking = (name, words, seen, more = []) => [
  ...(frame.order ? [...(words ? [h("p", {}, t(words))] : []), facts(frame.order), ...more] : [h("p", { className: "wrong" }, t("foreign_load"))]),
  h("div", { className: "row" }, back(), frame.order ? go(seen, () => { tick(name); paintPanel(); }, { className: "go" }) : null),
];

const PANELS = {
  patient: (shown) => {
    if (shown.state === "PREPARATORY") return looking("patient", "ask_again", "asked_again");
    const people = new Map(readable().map((one) => [who(one.order), one]));
    const bad = (orders ?? []).filter((one) => one.order === null);
    return [
      today(day),
      h("p", {}, t("choose_patient")),
      ...[...people].map(([key, one]) => h("button", { type: "button", className: "pick", onclick: () => { patient = key; order = null; checked.clear(); tick("patient"); paintPanel(); } }, person(one.order), h("small", {}, nameLine(readable().filter((row) => who(row.order) === key))))),
      ...bad.map((one) => h("p", { className: "wrong" }, one.words)),
      people.size || orders === null ? null : h("p", {}, t("no_orders")),
    ].filter((one) => one !== null);
  },
  lesion: (shown) => {
    if (shown.state === "PREPARATORY") return looking("lesion", "see_again", "seen_again");
    const own = readable().filter((one) => who(one.order) === patient);
    const open = shown.open_fractions.length > 0;
    const why = reason(), ownHand = again(frame.person, frame.badges, true);
    return [
      h("p", {}, t("choose_lesion", { patient: own.length ? `\u2068${own[0].order.patient_id}\u2069 · \u2068${own[0].order.patient_id_2}\u2069` : NONE })),
      ...(own.length ? [h("p", {}, nameLine(own))] : []),
      ...own.map((one) => h("button", { type: "button", className: "pick", "aria-pressed": order === one.name, onclick: () => { order = one.name; tick("lesion"); paintPanel(); } },
        order === one.name ? "● " : "○ ", named(one.order.lesion_id, about(one.order)), h("small", {}, named(one.order.course_id, one.order.prescription_id, one.order.version)), h("small", {}, `${t("fraction")} ${t("n_of", { n: one.order.fraction, of: one.order.fractions })}, ${gy(one.order.rx_mgy)}`), h("small", {}, approvalMark(one)))),
      ...own.filter((one) => one.name === order).flatMap((one) => [table(particularsOf(one)), ...formerly(one), ...signatures(one), lesion(one.order, one.name, { change: true })]),
      ...(open ? [h("p", { className: "wrong" }, t("open", { which: shown.open_fractions.join("; ") })), h("label", {}, t("reason"), why), ...ownHand.labels] : []),
      h("div", { className: "row" },
        h("button", { type: "button", onclick: () => { fresh(); paintPanel(); } }, t("back")),
        go("load", () => load("load", own), { className: "go" }),
        open ? go("resume", () => load("resume", own, { reason: why.value, ...ownHand.taken() })) : null),
    ];
  },
  applicator: () => looking("applicator", "", "fitted", frame.order ? [h("p", {}, t("fit", { applicator: frame.order.applicator_id, filter: frame.order.filter_id, gap: number(frame.order.gap_mm, 1, "mm") })), ...placed(frame.order)] : []),
  room: () => [h("p", {}, t("room_text")), h("div", { className: "row" }, back(), go("room_ready", () => { tick("room"); paintPanel(); }, { className: "go" }))],
  confirm: (shown) => {
    const offer = shown.offer;
    if (!offer) return [h("p", {}, t("waiting_offer")), back()];
    if (typeof frame.compared === "string") return [h("p", { className: "wrong" }, frame.compared), back()];
    const agreed = frame.compared.every((line) => line[3]);
    let photo = null, guarded = true;
    const looks = () => [...LOOKS.filter((name) => checked.has(name)), ...(photo ? ["photo"] : [])];
    const confirm = go("confirm", () => command("confirm", { offer_id: offer.id, digest: offer.digest, checked: looks(), ago_s: ago(looks()), photo }), { className: "go", disabled: true });
    confirm.dataset.hold = "1";
    const free = () => { if (agreed && !guarded && photo !== null) { confirm.dataset.hold = "0"; confirm.disabled = busy; } };
    if (agreed) setTimeout(() => { guarded = false; free(); }, TAP_GUARD_MS);
    const card = lesion(frame.order, "", { compare: (name) => { photo = name; if (photo) tick("photo"); free(); } });
    return [
      facts(frame.order), ...placed(frame.order), ...ordered(frame.order).flatMap(signatures), card,
      h("table", {}, h("thead", {}, h("tr", {}, ...[t("what"), t("read_back"), t("second"), t("stands")].map((one) => h("th", { scope: "col" }, one)))),
        h("tbody", {}, ...frame.compared.map(([name, offered, calculated, agrees]) =>
          h("tr", agrees ? {} : { className: "wrong" }, h("th", { scope: "row" }, name), h("td", { className: "said" }, offered), h("td", { className: "said" }, calculated), h("td", { className: "said" }, t(agrees ? "agrees" : "differs")))))),
      h("small", {}, t("offer", { id: offer.id, digest: offer.digest.slice(0, 16), segment: offer.segment })),
      h("div", { className: "row" }, back(), confirm),
    ];
  },
  arm: (shown) => [
    frame.order ? facts(frame.order) : h("p", {}, ""),
    h("p", { className: "big" }, t(shown.state !== "READY" ? "arming" : frame.rig.switch === "hold" ? "press" : "press_once")),
    ...(shown.simulated ? [] : [h("p", {}, t("switch_real"))]),
    h("div", { className: "row" }, back(), shown.simulated ? theSwitch : null),
  ],
  beam: (shown) => [frame.order ? facts(frame.order) : h("p", {}, ""), h("p", {}, t("beam_text")), ...(frame.rig.switch === "hold" ? [h("p", {}, t("beam_hold"))] : []),
    ...(shown.simulated ? [h("div", { className: "row" }, theSwitch)] : [])],
  end: (shown) => {
    const ended = shown.ended, why = reason(), ownHand = again(frame.person, frame.badges, true);
    const interrupted = shown.state === "INTERRUPTED";
    // a console that was started anew knows no order, and the records say which fraction is open; the machine judges whether it is this one
    const may = readable().filter((one) => (frame.order ? one.order.sha256 === frame.order.sha256 : isOpen(shown, one.order)));
    // of two orders that both may be the open one, another course or another version, a person says which
    const chosen = frame.order || may.length === 1 ? may[0] : undefined;
    const resumes = (frame.order ? may.slice(0, 1) : may).map((one) => {
      const button = go("resume", () => { checked.clear(); order = one.name; return load("resume", [one], { reason: why.value, ...ownHand.taken() }); });
      if (!chosen) button.append(` · ${one.order.course_id} · ${one.order.prescription_id} · ${one.order.version} · ${one.name}`);
      return button;
    });
    const others = readable().filter((one) => frame.order && who(one.order) === who(frame.order) && one.order.sha256 !== frame.order.sha256)
      .map((one) => `${one.order.lesion_id} · ${about(one.order)}, ${t("fraction")} ${t("n_of", { n: one.order.fraction, of: one.order.fractions })}`);
    const rows = ended ? [
      [t("outcome"), ended.outcome], [t("cause"), `${ended.event}${ended.rule ? " · " + ended.rule : ""}${ended.words ? ": " + ended.words : ""}`],
      [t("delivered"), gy(ended.dose.delivered_mgy * ended.dose.rx_factor)], [t("rest"), number(ended.rest_mgy, 1, "mGy D0")],
      [t("bounds"), `${number(ended.dose.low_mgy, 1)} … ${number(ended.dose.high_mgy, 1, "mGy D0")}, ${ended.dose.quality}`],
      ...["1", "2"].map((one) => [t(`channel_${one}`), ended.dose.chambers ? number(ended.dose[`d${one}_mgy`], 1, "mGy") : t("not_fitted")]),
      [t("beam_time"), `${number(ended.dose.beam_s, 2)} / ${number(ended.dose.set_time_s, 2, "s")}`], [t("record"), t(ended.durable ? "kept" : "not_kept")],
    ] : [];
    return [
      ...(frame.order ? [facts(frame.order)] : interrupted ? may.map((one) => facts(one.order)) : []), table(rows),
      ...(frame.order && ended?.durable ? [...(interrupted ? [] : [signing(frame.order, frame.person)]), report(frame.order), h("p", {}, others.length ? t("left_of", { which: others.join("; ") }) : t("left_none"))] : []),
      ...(interrupted && chosen ? [lesion(chosen.order, chosen.name, { change: true })] : []),
      ...(interrupted ? [h("label", {}, t("reason"), why), h("p", {}, t("resume_again")), ...ownHand.labels] : []),
      h("div", { className: "row" },
        ...(interrupted ? resumes : []),
        !interrupted && ended?.durable ? go("next_lesion", async () => { if (await command("close", { reason: t("close") })) fresh(); }) : null,
        go(interrupted ? "close_partial" : "close", async () => { if (await command("close", { reason: interrupted ? why.value : t("close") })) fresh(); })),
    ];
  },
  other: (shown) => {
    const why = reason();
    if (shown.state === "STUCK_ON") {
      const name = h("input", { name: "second", autocomplete: "off" }), secret = h("input", { name: "second-secret", type: "password", autocomplete: "off" });
      return [h("p", {}, t("state_STUCK_ON_more")), h("p", {}, shown.latches.join("; ")), h("label", {}, t("reason"), why), h("p", {}, t("second_person")),
        h("label", {}, t("second_name"), name), h("label", {}, t("second_secret"), secret),
        go("reset", () => command("reset", { reason: why.value, second: { name: name.value, secret: secret.value } }))];
    }
    if (shown.state !== "FAULT") return [h("p", {}, more(shown))];
    return [h("p", {}, shown.latches.join("; ")), h("label", {}, t("reason"), why), go("reset", () => command("reset", { reason: why.value }))];
  },
};

async function load(name, own, more = {}) {
  const one = own.find((candidate) => candidate.name === order);
  if (!one) { $("answer").textContent = t("choose_first"); return; }
  // what was refused may have been signed, or changed, meanwhile
  if (!(await command(name, { order: one.name, sha256: one.order.sha256, ...more }))) orders = null, panelKey = "";
}

// The screen stays on while the beam is. A page that was hidden has lost its lock, and asks for it anew when it is seen again.
let lock = null;
async function awake(on) {
  try {
    if (on) lock = (await navigator.wakeLock?.request("screen")) ?? null;
    else { const kept = lock; lock = null; await kept?.release(); }
  } catch { lock = null; }
}
document.addEventListener("visibilitychange", () => { if (!document.hidden && BEAM.includes(lastState)) awake(true); });
// A beep at beam-on, a tick while it is on, another tone at its end.
function heardState(before, now) {
  if (!BEAM.includes(before) && BEAM.includes(now)) { tone(880, 0.6); awake(true); }
  if (BEAM.includes(before) && !BEAM.includes(now)) { tone(440, 1.2); awake(false); }
}
function paintTick() {
  const now = performance.now();
  if (BEAM.includes(frame?.snapshot?.state) && now - tickAt >= 1000) { tickAt = now; tone(660, 0.08); }
}
$("acknowledge").addEventListener("click", () => acknowledge(frame, !(ageMs(frame) <= SILENT_MS), lastState));

page.live = () => LIVE.includes(frame?.snapshot?.state);
page.spoken = () => {
  panelKey = "";
  $("who").dataset.key = $("steps").dataset.key = "";
  if (frame) paint();
};
page.spoken();
setInterval(paintAge, 50);
open(() => sessionStorage.getItem("page") ?? "", (heard) => {
  frame = heard;
  sessionStorage.setItem("page", frame.page);
  paint();
}, () => { $("answer").textContent = t("elsewhere"); });
