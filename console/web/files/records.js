// The Records page: patients, their lesions and prescriptions, fractions with everything kept of them. It reads, a page at a time, and writes no record.
import { $, gy, h, named, number, post, stamp, t } from "/files/shell.js";
import { flagged, orders, setUp, signatures } from "/files/approvals.js";
import { confirmations, correctedRows, correcting, now, signatures as signed } from "/files/chart.js";
import { drawn } from "/files/drawn.js";
import { formerly, particularsOf } from "/files/particulars.js";
import { get, table, watched } from "/files/watch.js";

const BEHIND_S = 1.0;
let search = "", entered = null, shown = null, listed = 0, traced = 0;

const facts = (rows) => h("dl", { className: "facts" }, ...rows.flatMap(([name, said]) => [h("dt", {}, name), h("dd", {}, said ?? "–")]));
const button = (word, act, more = {}) => h("button", { type: "button", onclick: act, ...more }, word);
const mark = (row) => `${row.simulated ? t("simulated") + " " : ""}${row.status}${row.flagged ? " ⚑" : ""}, ${row.quality}`;

async function asked(work) {
  $("answer").textContent = "";
  try { await work(); } catch (error) { $("answer").textContent = error.message; }
}
// What was chosen last is what is shown: an answer that comes behind a later choice is thrown away, and where none comes nothing older stands there as if it were it.
const chosen = (one, work) => {
  shown = one;
  return asked(async () => {
    try { await work(() => shown === one); } catch (error) {
      if (shown !== one) return;
      $("one").replaceChildren();
      throw error;
    }
  });
};

// Names as they were stated, beside the identifiers by which a patient is found.
const whose = (row) => (row.wrong ? h("small", { className: "wrong" }, t("p_wrong")) : stated(row));
const stated = (row) => h("small", { className: row.names.length > 1 ? "name wrong" : "name" }, ...(row.names.length ? row.names.flatMap((one, place) => [place ? " / " : "", h("bdi", {}, one)]) : [t("name_not_stated")]), row.names.length > 1 ? ` – ${t("p_differ")}` : "");
const listPatients = (after) => asked(async () => {
  const own = ++listed, found = await get("/api/records/patients", { search, after });
  if (own !== listed) return;
  for (const one of found.patients) one.wrong = found.wrong.length > 0;
  if (after === "") $("list").replaceChildren();
  $("list").append(...found.patients.map((one) => button(named(one.patient_id, one.patient_id_2), () => showPatient(one), { className: "pick" })));
  [...$("list").children].slice(-found.patients.length || undefined).forEach((one, place) => {
    const row = found.patients[place];
    one.append(h("small", {}, t("records_of", { fractions: row.fractions, lesions: row.lesions, last: stamp(row.last_wall_s).slice(0, 10) }), row.words ? ` · ${row.words}` : ""), whose(row));
  });
  $("more").replaceChildren(...(found.next ? [button(t("more"), () => listPatients(found.next))] : []));
  $("answer").textContent = [...found.wrong.map((words) => `${t("p_wrong")} ${words}`), found.words || ($("list").children.length ? "" : t("none_found"))].join("\n").trim();
});

const showPatient = (one) => chosen(() => showPatient(one), async (still) => {
  const found = await get("/api/records/lesions", { patient: one.patient_id });
  const rows = h("div", {});
  if (!still()) return;
  $("one").replaceChildren(
    h("h2", {}, `${t("patient")} `, named(one.patient_id, one.patient_id_2)), h("p", {}, whose(one)),
    ...(found.words ? [h("p", { className: "wrong" }, found.words)] : []),
    table(t("records_lesions"), [t("course"), t("lesion"), t("order"), t("dose"), t("given"), t("delivered"), t("bounds")], found.lesions.map((row) => ({
      wrong: row.unknown > 0,
      cells: [row.course_id, `${row.lesion_id} · ${row.site}, ${t(`side_${row.laterality}`)}`, `${row.prescription_id} · ${row.prescription_version} · ${row.purpose}`,
        `${gy(row.rx_mgy)}, ${number(row.depth_mm, 1, "mm")}`, t("n_of", { n: row.given, of: row.fractions }), gy(row.delivered_rx_mgy), `${gy(row.low_rx_mgy)} … ${gy(row.high_rx_mgy)}`],
    }))),
    rows,
  );
  await listFractions(one.patient_id, "", rows);
});

async function listFractions(patient, before, into) {
  const found = await get("/api/records/fractions", { patient, before });
  const more = h("div", { className: "row" });
  into.append(table(t("records_fractions"), [t("started"), t("lesion"), t("fraction"), t("delivered"), t("status"), t("look")], found.fractions.map((row) => ({
    wrong: row.flagged || row.quality === "UNKNOWN",
    cells: [stamp(row.started_wall_s), `${row.lesion_id} · ${row.site}`, t("n_of", { n: row.fraction, of: row.fractions }), `${gy(row.delivered_rx_mgy)} ${t("of", { rx: gy(row.rx_mgy) })}`, mark(row),
      button(t("look"), () => showFraction(row.id), { "aria-label": `${t("look")} ${row.id}` })],
  }))), more);
  if (found.next) more.append(button(t("more"), () => asked(async () => { more.remove(); await listFractions(patient, found.next, into); })));
}

const showFraction = (id) => chosen(() => showFraction(id), async (still) => {
  const one = await get("/api/records/fraction", { fraction: id });
  const traces = h("div", {}), anew = () => (still() ? showFraction(id) : null);
  if (!still()) return;
  $("one").replaceChildren(
    h("h2", {}, `${t("fraction")} ${t("n_of", { n: one.fraction, of: one.fractions })} · ${one.site}, ${t(`side_${one.laterality}`)}`),
    facts([
      [t("patient"), named(one.patient_id, one.patient_id_2, ...now(one, "patient_id", "patient_id_2"))], [t("lesion"), named(one.course_id, one.lesion_id, ...now(one, "course_id", "lesion_id", "site", "laterality"))], [t("status"), mark(one)], [t("delivered"), `${gy(one.delivered_rx_mgy)} ${t("of", { rx: gy(one.rx_mgy) })}, ${number(one.depth_mm, 1, "mm")}`],
      ...particularsOf(one),
      [t("bounds"), `${gy(one.low_rx_mgy)} … ${gy(one.high_rx_mgy)}`], [t("rest"), number(one.rest_mgy, 1, "mGy D0")], [t("beam_time"), number(one.beam_s, 2, "s")],
      [t("started"), stamp(one.started_wall_s)], [t("order"), `${one.prescription_id} · ${one.prescription_version} · ${one.prescription_sha256.slice(0, 16)}`],
      [t("beam_of"), `${number(one.kv, 1, "kV")}, ${number(one.ma, 2, "mA")}, ${one.filter_id}, ${one.applicator_id}`], [t("certificate"), `${one.certificate_id} · ${one.certificate_sha256.slice(0, 16)}`],
      ...(one.order.length ? setUp(one.order.at(-1)) : []), [t("record"), `${one.id} · ${one.software_version}`],
    ]),
    ...(one.order.length ? flagged(one.order.at(-1)) : []), ...formerly(one),
    signed(one, entered, anew),
    approvals(one),
    confirmations(one),
    table(t("segments"), [t("segment_token"), t("started"), `${t("outcome")} · ${t("cause")}`, `${t("delivered")} · ${t("bounds")}`, t("beam_time"), t("channels")], one.exposures.map((row) => ({
      wrong: row.recovered || row.provisional || row.quality === "UNKNOWN",
      cells: [`${row.segment} · ${row.token}`, stamp(row.started_wall_s), `${row.void ? "VOID" : row.outcome ?? t("no_end_yet")} · ${row.event}${row.rule ? " · " + row.rule : ""}${row.words ? ": " + row.words : ""}`,
        `${gy(row.delivered_rx_mgy)} · ${number(row.low_mgy, 1)} … ${number(row.high_mgy, 1, "mGy D0")}, ${row.quality}`, number(row.beam_s, 2, "s"),
        `${number(row.d1_mgy, 1)} · ${number(row.d2_mgy, 1)} · ${number(row.dt_mgy, 1, "mGy D0")}`],
    }))),
    h("h3", {}, t("traces")),
    h("div", { className: "row" }, ...one.exposures.filter((row) => !row.void).map((row) => button(t("trace_of", { segment: row.segment }), () => showTrace(row, one, traces)))),
    traces,
    corrections(one, anew),
    table(t("entries"), [t("when"), t("what"), t("words")], one.events.map((row) => ({
      wrong: false, cells: [stamp(row.wall_s), `${row.kind} ${row.event}${row.to ? " → " + row.to : ""}${row.rule ? " · " + row.rule : ""}`, row.words],
    }))),
    ...(one.events_words ? [h("p", {}, one.events_words)] : []),
    reports(one, anew),
  );
});

function approvals(one) {
  const said = one.order.map((row) => `${row.version}: ${row.approved_by.join(", ") || "–"}`);
  return h("div", {}, h("h3", {}, t("approval")),
    ...(one.approval.wrong.length ? one.approval.wrong.map((words) => h("p", { className: "wrong" }, `${t("chain_wrong")} ${words}`)) : []),
    ...signatures(one), ...one.approval.given.filter((row) => row.wall_s > one.started_wall_s).map((row) => h("p", { className: "wrong" }, t("signed_late", { n: row.n, who: row.who }))),
    ...(one.order_words ? [h("p", { className: "wrong" }, one.order_words)] : []),
    h("p", {}, t("named_in_file"), ": ", [...new Set(said)].join("; ") || "–"), h("small", {}, t("approval_note")));
}

const showTrace = (row, one, into) => asked(async () => {
  const own = ++traced, found = await get("/api/records/trace", { token: row.token });
  if (own !== traced) return;
  const of = (place) => found.points.map((point) => [point[0], point[place]]);
  into.replaceChildren(
    h("p", {}, found.words || t("trace_note", { segment: row.segment, ticks: found.ticks, points: found.points.length })),
    drawn(t("delivered_d0"), "mGy", of(3), null, 1), drawn("kV", "kV", of(1), one.kv, 2), drawn("mA", "mA", of(2), one.ma, 3),
  );
});

function corrections(one, anew) {
  const rows = [...one.corrections, ...correctedRows(one)];
  return h("div", {}, h("h3", {}, t("corrections")), h("small", {}, t("corrections_note")),
    rows.length
      ? table(t("corrections"), [t("when"), t("what"), t("by_whom"), t("words")], rows.map((row) => ({
          wrong: row.against !== "", cells: [stamp(row.wall_s), t(`correction_${row.what}`), row.who, `${row.words}${row.against ? " · " + row.against : ""}`],
        })))
      : h("p", {}, t("no_corrections")),
    ...correcting(one, entered, anew));
}

const reports = (one, anew) => h("div", {}, h("h3", {}, t("reports")), h("small", {}, t("reports_note")),
  h("div", { className: "row" }, ...one.reports.map((name) => h("a", { className: "button", href: `/api/records/report?name=${encodeURIComponent(name)}`, download: name }, `${name.split(".").at(-1).toUpperCase()} ${name.slice(0, name.indexOf(".")).split("-").at(-1)}`)),
    button(t("report_make"), (event) => asked(async () => {
      event.target.disabled = true;
      try {
        const { token } = await post("/api/token");
        await post("/api/records/report", { fraction: one.id }, { "X-Kerma-Token": token });
      } finally { event.target.disabled = false; }
      await anew();
    }))));

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search = $("words").value.trim();
  if (entered) listPatients("");
});
// What the recorder has not made durable yet is not in these records: a dead one is said, not left out.
watched.shown = (frame) => {
  const lag = frame.snapshot ? frame.snapshot.recorder_lag_s : 0;
  const behind = !(typeof lag === "number" && lag <= BEHIND_S);
  $("behind").hidden = !behind;
  const words = behind ? t("records_behind", { lag: number(typeof lag === "number" ? lag : null, 1, "s") }) : "";
  if ($("behind").textContent !== words) $("behind").textContent = words;
};
const showOrders = () => chosen(() => showOrders(), async () => {
  const place = h("div", {});
  $("one").replaceChildren(place);
  await orders(place, entered);
});
$("orders").addEventListener("click", showOrders);
watched.entered = (person) => { if (!entered) { entered = person; $("orders").hidden = false; listPatients(""); } };
watched.spoken = () => { if (entered) { listPatients(""); if (shown) shown(); } };
