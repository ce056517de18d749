// What people say of a fraction beside its record: who confirmed it after which time-out and second calculation, who signed it at its end, what was corrected.
// It shows what the console says, with the forms of whoever may; it judges nothing.
import { form } from "/files/again.js";
import { gy, h, number, stamp, t } from "/files/shell.js";
import { get, table } from "/files/tables.js";

const GIVEN = "given as recorded", REVIEWED = "reviewed";
const WORD = { [GIVEN]: "chart_given", [REVIEWED]: "chart_reviewed" };
const ASK_AGAIN_MS = 1000, TRIES = 30;

const chain = (one) => one.chart.wrong.map((words) => h("p", { className: "wrong" }, `${t("chart_wrong")} ${words}`));

// An older chart that was put back is whole by itself, and the audit knows more.
const gone = (one) => (one.chart.gone.length ? [h("p", { className: "wrong" }, t("chart_gone")), ...one.chart.gone.map((words) => h("p", { className: "wrong" }, words))] : []);

// One line for each meaning: who signed and over what, or that nobody has.
export function signedLines(one) {
  const lines = [GIVEN, REVIEWED].flatMap((meaning) => {
    const said = one.chart.signatures.filter((row) => row.meaning === meaning);
    const values = { meaning: t(WORD[meaning]), status: one.status };
    const standing = said.map((row) => h("p", { className: row.covers ? "signed" : "signed wrong" },
      t("chart_signed", { ...values, who: row.who, role: row.role, at: stamp(row.wall_s) }), row.covers ? "" : ` · ${t("chart_earlier", { segments: row.segments })}`));
    if (said.some((row) => row.covers)) return standing;
    const asked = meaning === GIVEN || one.chart.review;
    return [...standing, h("p", { className: asked ? "signed wrong" : "signed" }, t(meaning === GIVEN ? "chart_unsigned" : one.chart.review ? "chart_review_due" : "chart_review_none", values))];
  });
  return [...chain(one), ...gone(one), ...lines];
}

// The forms of whoever may sign this record as it stands.
function signForms(one, person, said, done) {
  const gave = one.chart.operators.includes(person.name);
  const may = [...(gave ? [GIVEN] : []), ...(person.role === "physicist" && !gave ? [REVIEWED] : [])];
  const open = one.exposures.some((row) => row.provisional) || one.exposures.every((row) => row.void);
  const left = may.filter((meaning) => !one.chart.signatures.some((row) => row.meaning === meaning && row.covers && row.who === person.name));
  if (open || one.chart.wrong.length || !left.length) return [];
  return [h("p", {}, t("chart_text", { status: one.status, delivered: gy(one.delivered_rx_mgy), rx: gy(one.rx_mgy), segments: one.exposures.filter((row) => !row.void).length })),
    ...left.map((meaning) => form(person, "sign_do", { meaning: t(WORD[meaning]) }, [], said, done, (secret) => ["chart/sign", { fraction: one.id, state: one.chart.state, meaning, ...secret }]))];
}

export function signatures(one, person, done) {
  const said = h("p", { className: "wrong", role: "status" });
  return h("section", { className: "chart" }, h("h3", {}, t("chart_sign")), ...signedLines(one), ...(person ? signForms(one, person, said, done) : []), said);
}

// At the end screen: the fraction of this very order as the records have it; they may be a moment behind.
export function signing(order, person) {
  const card = h("section", { className: "chart" }, h("h2", {}, t("chart_sign")));
  let tries = 0;
  const fill = async () => {
    const { fractions } = await get("/api/records/fractions", { patient: order.patient_id });
    const own = fractions.find((one) => one.prescription_sha256 === order.sha256);
    const one = own ? await get("/api/records/fraction", { fraction: own.id }) : null;
    if (!one || one.exposures.some((row) => row.provisional)) {
      if (++tries < TRIES) setTimeout(() => { if (card.isConnected) fill().catch(wrong); }, ASK_AGAIN_MS);
      else card.replaceChildren(h("h2", {}, t("chart_sign")), h("p", { className: "wrong" }, t("report_later")));
      return;
    }
    const said = h("p", { className: "wrong", role: "status" });
    card.replaceChildren(h("h2", {}, t("chart_sign")), ...signedLines(one), ...(person ? signForms(one, person, said, fill) : []), said);
  };
  const wrong = (error) => card.append(h("p", { className: "wrong" }, error.message));
  fill().catch(wrong);
  return card;
}

// Time-out and second calculation of each confirmation.
export function confirmations(one) {
  const items = (row) => row.ticked.map((tick) => `${t(`item_${tick.item}`)}${tick.at_s === null ? "" : ` ${stamp(tick.at_s).slice(11)}`}`).join(", ") || t("chart_no_items");
  const times = (row) => row.figures.map((figure) => `${figure.method} (${figure.source}): ${number(figure.calculated_s, 2, "s")}, ${t("chart_apart", { diff: number(figure.diff_pct, 2, "%"), bound: `${number(figure.bound_pct, 1, "%")}${figure.bound_s ? ` / ${number(figure.bound_s, 2, "s")}` : ""}` })}`).join("; ");
  return h("div", {}, h("h3", {}, t("chart_confirmed")), ...chain(one), one.chart.confirmed.length
    ? table(t("chart_confirmed"), [t("when"), t("by_whom"), t("segment_token"), t("chart_items"), t("set"), t("second")], one.chart.confirmed.map((row) => ({
        wrong: row.figures.some((figure) => !figure.agrees),
        cells: [stamp(row.wall_s), `${row.who}${row.role ? ` (${row.role})` : ""} · ${row.place}`, `${row.segment} · ${row.digest.slice(0, 16)}`, items(row), number(row.set_time_s, 2, "s"), times(row)],
      })))
    : h("p", {}, t("chart_none")));
}

// What a person has corrected of these fields, each by itself beside what was recorded. A word that runs from right to left turns nothing beside it.
const alone = (words) => `\u2068${words}\u2069`;
export const now = (one, ...fields) => fields.filter((field) => one.chart.now[field] !== one[field]).map((field) => t("chart_now", { field: t(`field_${field}`), now: alone(one.chart.now[field]) }));

export const correctedRows = (one) => one.chart.corrections.map((row) => ({
  wall_s: row.wall_s, what: "person", who: `${row.who} (${row.role})`, against: "",
  words: `${t(`field_${row.field}`)}: ${row.field === "remark" ? row.new : `${alone(row.old)} → ${alone(row.new)}`} · ${row.reason}`,
}));

export function correcting(one, person, done) {
  const fields = Object.entries(one.chart.fields).filter(([, roles]) => roles.includes(person?.role)).map(([field]) => field);
  if (!fields.length || one.chart.wrong.length) return [];
  const said = h("p", { className: "wrong", role: "status" });
  const field = h("select", { name: "field" }, ...fields.map((name) => h("option", { value: name }, t(`field_${name}`))));
  const fresh = h("input", { name: "new", maxLength: 200, required: true, autocomplete: "off" }), reason = h("input", { name: "reason", maxLength: 200, required: true, autocomplete: "off" });
  const labels = [h("label", {}, t("chart_field"), field), h("label", {}, t("chart_new"), fresh), h("label", {}, t("reason"), reason)];
  const asked = (secret) => ["chart/correct", { fraction: one.id, field: field.value, old: one.chart.now[field.value], new: fresh.value, reason: reason.value, ...secret }];
  return [h("details", {}, h("summary", {}, t("chart_correct")), h("p", {}, t("chart_correct_text")), form(person, "chart_correct_do", {}, labels, said, done, asked), said)];
}
