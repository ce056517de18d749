// The Service page: traces, wires, interlocks, faults, what is due, counters, configuration, procedures, bundle; it shows no patient, and moves a simulated room or what a procedure asks for.
import { $, ageMs, h, number, post, stamp, t } from "/files/shell.js";
import { drawn } from "/files/drawn.js";
import { procedures } from "/files/procedure.js";
import { get, table, watched } from "/files/watch.js";

const TRACES = [[3, "kV", "kV", 2], [4, "mA", "mA", 3], [5, "filament", "A", 3], [6, "temperature", "°C", 1], [7, "dose_rate", "mGy/s D0", 2], [8, "lateness", "µs", 0]];
const TRACES_MS = 500, WIRE_MS = 700, RULES_MS = 250, SILENT_MS = 1000, KEPT_ROWS = 6000, KEPT_FRAMES = 600;
const WEAR = { OK: "✔", SOON: "⧖", DUE: "✖" };
const SPANS = [10, 30, 120, 300];
let open = "", entered = false, round = 0, looked = 0, frozen = false, span = 30, rows = [], last = 0, instance = "", frames = [], lastFrame = 0, link = "", filter = "", snapshot = null, newest = null, simulated = false;

const button = (word, act, more = {}) => h("button", { type: "button", onclick: act, ...more }, word);
const note = (word, values) => h("p", {}, t(word, values));
const said = (words) => (words ? [h("p", { className: "wrong" }, words)] : []);
const clock = (wallS) => (wallS === null ? "–" : new Date(wallS * 1000).toISOString().slice(11, 23));
const clean = (rule) => rule.replaceAll("_", " ");

// An answer that comes when its pane has been left is thrown away, and so is why it did not come: another pane stands there.
const LEFT = new Error("left");
async function still(answer) {
  const mine = round;
  try { const found = await answer; if (mine === round) return found; } catch (error) { if (mine === round) throw error; }
  throw LEFT;
}
const read = (path, values) => still(get(path, values));

// What was refused stays to be read where reads go on by themselves; only what is asked next takes it away.
const STAYS = ["simulator", "procedures"];
async function asked(work, own = false) {
  try { await work(); if (own || !STAYS.includes(open)) $("answer").textContent = ""; } catch (error) { if (error !== LEFT) $("answer").textContent = error.message; }
}
// One read after another, never two at once; a pane that was left reads no more.
function every(ms, work) {
  const mine = round;
  const turn = async () => {
    if (mine !== round) return;
    if (!frozen && !document.hidden) await asked(work);
    if (mine === round) setTimeout(turn, ms);
  };
  turn();
}

const PANES = {
  traces: () => {
    const pictures = h("div", {}), words = h("p", {});
    const paint = () => {
      const since = (rows.at(-1)?.[1] ?? 0) - span;
      const shown = rows.filter((row) => row[1] >= since);
      const end = shown.at(-1)?.[1] ?? 0;
      pictures.replaceChildren(...TRACES.map(([place, name, unit, digits]) => drawn(t(`trace_${name}`), unit, shown.map((row) => [row[1] - end, row[place]]), null, digits)));
    };
    $("pane").replaceChildren(note("traces_note"),
      h("div", { className: "row" },
        button(t(frozen ? "go_on" : "freeze"), (event) => { frozen = !frozen; event.target.textContent = t(frozen ? "go_on" : "freeze"); }),
        ...SPANS.map((seconds) => button(`${seconds} s`, () => { span = seconds; paint(); })),
        h("a", { className: "button", href: "/api/service/ticks.csv", download: "ticks.csv" }, t("export_csv"))),
      words, pictures);
    paint();
    every(TRACES_MS, async () => {
      let found;
      do {
        found = await read("/api/service/traces", { after: last });
        if (found.instance !== instance) { instance = found.instance; rows = []; }
        rows = [...rows, ...found.rows].slice(-KEPT_ROWS);
        last = found.rows.at(-1)?.[0] ?? last;
      } while (found.left_out);
      const state = rows.at(-1)?.[2] ?? "–";
      words.textContent = found.words || t("traces_of", { instance, state, lost: found.lost });
      if (found.rows.length) paint();
    });
  },
  wire: () => {
    const list = h("div", {}), words = h("p", {});
    const paint = () => list.replaceChildren(table(t("pane_wire"), [t("when"), t("wire_name"), t("direction"), t("bytes"), t("words")],
      frames.filter((row) => (!link || row[2].startsWith(link)) && (!filter || `${row[4]} ${row[5]}`.toLowerCase().includes(filter))).slice(-120).reverse()
        .map((row) => ({ wrong: row[1] === null, cells: [clock(row[1]), row[2], row[3] ? "→" : "←", row[4], row[5]] }))));
    const choose = h("select", { "aria-label": t("wire_name"), onchange: (event) => { link = event.target.value; paint(); } },
      ...["", "generator", "unit"].map((name) => h("option", { value: name, selected: name === link }, name || t("all"))));
    $("pane").replaceChildren(note("wire_note"),
      h("div", { className: "row" }, button(t(frozen ? "go_on" : "freeze"), (event) => { frozen = !frozen; event.target.textContent = t(frozen ? "go_on" : "freeze"); }), choose,
        h("label", {}, t("filter"), h("input", { maxLength: 60, value: filter, oninput: (event) => { filter = event.target.value.toLowerCase(); paint(); } }))),
      words, list);
    every(WIRE_MS, async () => {
      const found = await read("/api/service/wire", { after: lastFrame });
      frames = [...frames, ...found.rows].slice(-KEPT_FRAMES);
      lastFrame = found.next;
      words.textContent = found.words || (found.left_out ? t("left_out", { count: found.left_out }) : "");
      paint();
    });
  },
  interlocks: () => asked(async () => {
    const found = await read("/api/service/interlocks");
    const changed = new Map(found.changes.toReversed().map((row) => [row.rule, row]));
    // as the machine says now: told anew as long as the pane is open, and of a machine that is silent nothing is
    const now = h("div", {});
    let key = "";
    const paint = () => {
      const silent = !(ageMs(newest) <= SILENT_MS), rules = silent ? [] : snapshot.rules;
      if (key === JSON.stringify([silent, rules.map((rule) => [rule.id, rule.truth, rule.words])])) return;
      key = JSON.stringify([silent, rules.map((rule) => [rule.id, rule.truth, rule.words])]);
      now.replaceChildren(...said(silent ? t("no_data_first") : ""),
        table(t("pane_interlocks"), [t("rule"), t("stands"), t("last_change"), t("words")], rules.map((rule) => ({
          wrong: !["TRUE", "NOT_ASKED", "NOT_FITTED"].includes(rule.truth),
          cells: [rule.id, rule.truth, stamp(changed.get(rule.id)?.wall_s), rule.words],
        }))));
    };
    every(RULES_MS, async () => paint());
    $("pane").replaceChildren(note("interlocks_note"), ...said(found.words), now,
      table(t("history"), [t("when"), t("rule"), t("became")], found.changes.map((row) => ({ wrong: false, cells: [stamp(row.wall_s), row.rule, t(row.true ? "became_true" : "became_open")] }))),
      table(t("latches"), [t("when"), t("rule"), t("what"), t("words")], found.latches.map((row) => ({
        wrong: row.set, cells: [stamp(row.wall_s), row.rule, row.set ? `${t("latch_set")} · ${row.trip}` : `${t("latch_cleared")} · ${row.role}`, row.words],
      }))));
  }),
  faults: () => listFaults(0),
  due: () => asked(async () => {
    const found = await read("/api/service/due");
    const day = found.day.waived ? t("day_waived") : found.day.today ? t("day_done", { at: found.day.last, who: found.day.who }) : found.day.words || t("day_missing", { at: found.day.last || "–" });
    $("pane").replaceChildren(...said(found.words), note("due_note"),
      h("p", {}, `${t("certificate")}: ${found.certificate.id ?? "–"}${found.certificate.id ? `, ${t("until", { at: stamp(found.certificate.expires_wall_s).slice(0, 10) })}` : ""}`),
      h("p", { className: found.day.waived || found.day.today ? "" : "wrong" }, `${t("day_check")}: ${day}`),
      table(t("periodic"), [t("what"), t("every"), t("stands"), t("words")], found.tests.map((row) => ({ wrong: ["NEVER", "OVERDUE", "ACT"].includes(row.state), cells: [row.what, row.every, t(`test_${row.state}`), row.words] }))),
      table(t("sessions"), [t("record")], found.sessions.map((name) => ({ wrong: false, cells: [name] }))));
  }),
  procedures: () => $("pane").replaceChildren(...procedures({ every, asked, frame: () => newest })),
  counters: () => asked(async () => {
    const found = await read("/api/service/counters"), wear = await read("/api/service/maintenance");
    const may = ["physicist", "service"].includes(newest?.person?.role);
    const serviced = (row) => button(t("serviced"), () => asked(async () => {
      const { token } = await post("/api/token");
      await post("/api/service/maintained", { row }, { "X-Kerma-Token": token });
      show("counters");
    }), { "aria-label": `${t("serviced")} ${row}` });
    const gib = (bytes) => number(bytes / 2 ** 30, 2, "GiB");
    $("pane").replaceChildren(...said(found.words),
      table(t("parts"), [t("what"), ""].map((one) => one || t("words")), Object.entries(found.parts).map(([name, value]) => ({ wrong: false, cells: [name, value] }))),
      table(t("pane_counters"), [t("purpose"), t("exposures"), t("beam_time"), "mAs", t("last_time")], found.purposes.map((row) => ({
        wrong: false, cells: [row.purpose, number(row.exposures, 0), number(row.beam_s, 1, "s"), number(row.mas, 1), stamp(row.last_wall_s)] }))),
      h("p", {}, t("counters_more", { processes: found.processes, records: found.records, journal: gib(found.disk.journal_bytes), free: gib(found.disk.free_bytes), whole: gib(found.disk.whole_bytes) })),
      ...(snapshot ? [h("p", {}, t("running_more", { late: snapshot.late_ticks, skipped: snapshot.skipped_ticks, lag: number(snapshot.recorder_lag_s, 2, "s") }))] : []),
      ...said(wear.words),
      table(t("maintenance"), [t("what"), t("since_service"), t("interval_of"), t("stands"), t("serviced_last"), ...(may ? [t("serviced")] : []), t("assumption")], wear.rows.map((row) => ({
        wrong: row.stands === "DUE", cells: [row.what, number(row.since, 1, row.unit), number(row.interval, 0, row.unit), `${WEAR[row.stands]} ${t(`wear_${row.stands}`)}`,
          row.serviced_wall_s === null ? "–" : `${stamp(row.serviced_wall_s)}, ${row.by}`, ...(may ? [serviced(row.id)] : []), row.assumption] }))),
      h("div", { className: "row" }, h("a", { className: "button", href: "/api/service/maintenance.csv", download: "maintenance.csv" }, t("maintenance_csv"))),
      note("maintenance_note"));
  }),
  configuration: () => asked(async () => {
    const found = await read("/api/service/configuration");
    const differs = found.rows.filter((row) => !row.same);
    const alone = found.columns.length - found.words.length < 2;
    const shown = (list) => list.map((row) => ({ wrong: !row.same, cells: [row.key, ...row.values] }));
    const heads = [t("key"), ...found.columns.map((name) => t(`config_${name}`))];
    $("pane").replaceChildren(note("config_note"), ...found.words.map((words) => h("p", { className: "wrong" }, words)),
      differs.length ? table(t("config_differs", { count: differs.length }), heads, shown(differs)) : h("p", alone ? { className: "wrong" } : {}, t(alone ? "config_alone" : "config_same")),
      table(t("config_all"), heads, shown(found.rows)));
  }),
  bundle: () => $("pane").replaceChildren(note("bundle_note"),
    h("div", { className: "row" }, button(t("bundle_get"), () => asked(take)))),
  simulator: () => asked(async () => {
    const found = await still(room({ do: "list" }));
    const list = h("div", {});
    const paint = (active) => list.replaceChildren(table(t("sim_faults"), [t("what"), t("stands"), t("look"), t("words")], Object.entries(found.faults).map(([name, words]) => ({
      wrong: active.includes(name),
      cells: [clean(name), t(active.includes(name) ? "sim_active" : "sim_idle"), button(t(active.includes(name) ? "sim_stop" : "sim_start"), () => asked(async () => {
        await room({ do: active.includes(name) ? "stop" : "fault", name });
        paint((await room({ do: "list" })).active);
      }), { "aria-label": `${t(active.includes(name) ? "sim_stop" : "sim_start")} ${clean(name)}` }), words],
    }))));
    paint(found.active);
    const set = (name, value, word) => button(t(word), () => asked(() => room({ do: "room", name, value })));
    $("pane").replaceChildren(note("sim_note"), h("div", { className: "row" }, set("door_open", true, "sim_door_open"), set("door_open", false, "sim_door_shut"),
      set("emergency_stop", true, "sim_estop"), set("emergency_stop", false, "sim_estop_out"),
      set("key", "TREAT", "sim_key_treat"), set("key", "SERVICE", "sim_key_service")), list);
  }),
};

// Fetched and then saved, so that a refusal is words on the page and not a file of that name.
async function take() {
  const answer = await fetch("/api/service/bundle.zip");
  if (!answer.ok) throw new Error((await answer.json()).words);
  const place = URL.createObjectURL(await answer.blob());
  h("a", { href: place, download: "kerma-support.zip" }).click();
  setTimeout(() => URL.revokeObjectURL(place), 10000);
}

async function room(body) {
  const { token } = await post("/api/token");
  return post("/api/service/room", body, { "X-Kerma-Token": token });
}

const listFaults = (before) => asked(async () => {
  const found = await read("/api/service/faults", { before });
  const more = h("div", { className: "row" }), around = h("div", {});
  const list = table(t("pane_faults"), [t("when"), t("what"), t("cause"), t("first_to_do"), t("look")], found.faults.map((row) => ({
    wrong: false,
    cells: [stamp(row.wall_s), `${row.kind} ${row.event}${row.rule ? " · " + row.rule : ""}`, row.cause, row.first,
      button(t("five_seconds"), () => showBefore(row.index, around), { "aria-label": `${t("five_seconds")} ${row.index}` })],
  })));
  if (before === 0) {
    $("pane").replaceChildren(...said(found.words), note("faults_note"),
      table(t("fault_sums"), [t("rule"), t("what"), t("count"), t("first_time"), t("last_time")], found.sums.map((row) => ({
        wrong: false, cells: [row.rule, row.event, number(row.count, 0), stamp(row.first_wall_s), stamp(row.last_wall_s)] }))));
  }
  $("pane").append(list, around, more);
  if (found.next) more.append(button(t("more"), () => { more.remove(); listFaults(found.next); }));
});

const showBefore = (index, into) => asked(async () => {
  const own = ++looked, found = await read("/api/service/before", { index });
  // those of another fault were asked for since
  if (own !== looked) return;
  const of = (place) => found.points.map((point) => [point[0], point[place]]);
  into.replaceChildren(h("p", {}, found.words || t("before_note", { ticks: found.ticks })), drawn("kV", "kV", of(1), null, 2), drawn("mA", "mA", of(2), null, 3),
    drawn(t("delivered_d0"), "mGy", of(3), null, 1), drawn(t("trace_lateness"), "µs", of(4), null, 0), drawn(t("unit_age"), "ms", of(5), null, 1));
  into.scrollIntoView({ block: "nearest" });
});

function show(name) {
  open = name;
  round += 1;
  frozen = false;
  $("answer").textContent = "";
  paintPanes();
  PANES[name]();
}
function paintPanes() {
  $("panes").replaceChildren(...Object.keys(PANES).filter((name) => name !== "simulator" || simulated).map((name) =>
    button(t(`pane_${name}`), () => show(name), { "aria-pressed": String(name === open) })));
}

watched.entered = () => { if (!entered) { entered = true; paintPanes(); show("traces"); } };
watched.shown = (frame) => {
  snapshot = frame.snapshot;
  newest = frame;
  if (simulated !== Boolean(frame.rig.simulated)) { simulated = Boolean(frame.rig.simulated); if (entered) paintPanes(); }
};
watched.spoken = () => { if (entered) show(open); };
