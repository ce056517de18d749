// What stands before the first patient and after the last: the day's card, and a fraction's report. It reads, and locks nothing.
import { gy, h, named, number, post, stamp, t } from "/files/shell.js";
import { get } from "/files/tables.js";

const LATE_MS = 3000;
const LOOK = ["open", "unknown", "unknown_open", "running", "before", "before_open"];
const mark = (one) => t(`mark_${one.mark}`, { at: stamp(one.at_s), dose: gy(one.delivered_rx_mgy) });

// Each order of the folder with how it stands by the records. What may be delivered they say themselves at each load.
const list = (found) => [
  h("h3", {}, t("today_list")),
  ...(found.orders_words ? [h("p", { className: "wrong" }, found.orders_words)] : []),
  ...(found.orders.length || found.orders_words ? [] : [h("p", {}, t("no_orders"))]),
  h("table", { className: "pairs" }, h("tbody", {}, ...found.orders.map((one) => h("tr", LOOK.includes(one.mark) ? { className: "wrong" } : {},
    h("th", { scope: "row" }, named(one.patient_id, one.patient_id_2)), h("td", {}, named(one.lesion_id, one.site, t(`side_${one.laterality}`)), ` · ${t("n_of", { n: one.fraction, of: one.fractions })}`), h("td", {}, mark(one)))))),
];
const day = (wallS) => new Date(wallS * 1000).toISOString().slice(0, 10);

// How many tests stand in each way, the worst first; each by its name only when it is asked for, for the patients stand below.
function tests(due) {
  if (!due.length) return "–";
  const ways = [...new Set(due.map((one) => one.state))];
  return h("details", {}, h("summary", {}, ways.map((way) => `${t(`test_${way}`)} (${due.filter((one) => one.state === way).length})`).join(" · ")),
    h("ul", {}, ...due.map((one) => h("li", {}, `${one.what} (${t(`test_${one.state}`)})`))));
}

// What the card shows, or why it does not: asked for before it is put up, for a card that fills later moves what stands below it under a finger.
export function look() {
  const late = new Promise((_, no) => setTimeout(() => no(new Error(t("today_late", { s: number(LATE_MS / 1000, 0, "s") }))), LATE_MS));
  return Promise.race([get("/api/day"), late]).catch((error) => ({ error: error.message }));
}

// The day's card; `found` is what `look` gave, null while nothing came.
export function today(found) {
  const card = h("section", { className: "today" }, h("h2", {}, t("today")));
  if (found?.error) card.append(h("p", { className: "wrong" }, found.error));
  else if (found) {
    const check = found.day.waived ? t("day_waived") : found.day.today ? t("day_done", { at: found.day.last, who: found.day.who }) : found.day.words || t("day_missing", { at: found.day.last || "–" });
    const rows = [
      [t("warm_up"), found.warm_up || t("warm_up_done")], [t("day_check"), check],
      [t("certificate"), found.certificate.id ? `${found.certificate.id}, ${t("until", { at: day(found.certificate.expires_wall_s) })}` : "–"],
      [t("periodic"), tests(found.tests)],
    ];
    card.append(
      h("p", found.locks.length ? { className: "wrong" } : {}, found.locks.length ? t("today_locked", { words: found.locks[0] }) : t("today_open")),
      ...found.locks.slice(1).map((words) => h("p", { className: "wrong" }, words)),
      h("table", { className: "pairs" }, h("tbody", {}, ...rows.map(([name, said]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, said))))),
      ...list(found),
    );
  }
  return card;
}

// A button that writes the report of this order's fraction and then is a link to it.
export function report(order) {
  const place = h("div", { className: "row" });
  const said = h("span", { role: "status" });
  const make = async (event) => {
    event.target.disabled = true;
    said.textContent = "";
    try {
      const { fractions } = await get("/api/records/fractions", { patient: order.patient_id });
      // the very order: another course of this patient, or another version, may have the same lesion and number
      const own = fractions.find((one) => one.prescription_sha256 === order.sha256);
      if (!own) throw new Error(t("report_later"));
      const { token } = await post("/api/token");
      await post("/api/records/report", { fraction: own.id }, { "X-Kerma-Token": token });
      const { reports } = await get("/api/records/fraction", { fraction: own.id });
      const pdf = reports.find((name) => name.endsWith(".pdf"));
      if (!pdf) throw new Error(t("report_later"));
      place.replaceChildren(h("a", { className: "button", href: `/api/records/report?name=${encodeURIComponent(pdf)}`, download: pdf }, pdf));
      place.firstChild.focus();
    } catch (error) {
      said.textContent = error.message;
      event.target.disabled = false;
    }
  };
  place.append(h("button", { type: "button", onclick: make }, t("report_pdf")), said);
  return place;
}
