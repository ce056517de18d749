// Whose lesion it is, as people state it beside the order: shown beside the two identifiers, and the form of whoever may write an order. It identifies nobody:
// what is chosen, loaded and given goes by the identifiers alone, and what nobody stated says so.
import { form } from "/files/again.js";
import { h, named, post, stamp, t } from "/files/shell.js";
import { table } from "/files/tables.js";

const FIELDS = ["family_name", "given_names", "birth_date", "diagnosis", "diagnosis_code", "intent", "earlier", "earlier_words"];
const joined = (...words) => words.filter((one) => one).join(", ");
// What a person wrote stands by itself, so that a word that runs from right to left turns nothing beside it.
const own = (words) => (words ? h("bdi", {}, words) : t("not_stated"));
const nameOf = (said) => joined(said?.family_name, said?.given_names);
const earlierOf = (said) => (said?.earlier === "given" ? said.earlier_words : said?.earlier ? t("earlier_none") : "");
// An older chart that was put back is whole by itself and tells an older name; the audit knows of more.
const lost = (rows) => [...new Set(rows.flatMap((row) => row.particulars.gone))].map((words) => h("small", { className: "wrong" }, `${t("p_gone")} ${words}`));
const broken = (wrong) => wrong.map((words) => h("small", { className: "wrong" }, `${t("p_wrong")} ${words}`));

// Name and birth date of one patient in one line, from every lesion that is here; where they were stated differently each is shown, and that is said.
export function nameLine(rows) {
  const wrong = [...new Set(rows.flatMap((row) => row.particulars.wrong))];
  if (wrong.length) return h("span", {}, ...broken(wrong));
  const said = (of) => [...new Set(rows.map((row) => of(row.particulars.now)).filter((one) => one))];
  const names = said(nameOf), born = said((one) => one?.birth_date);
  const apart = names.length > 1 || born.length > 1;
  const line = (words, none) => (words.length ? words.flatMap((one, place) => [place ? " / " : "", h("bdi", {}, one)]) : [none]);
  return h("span", { className: apart ? "name wrong" : "name" }, ...line(names, t("name_not_stated")), ", ", `${t("p_born")} `, ...line(born, t("not_stated")), apart ? ` – ${t("p_differ")}` : "", ...lost(rows));
}

const pairs = (said) => [
  [t("p_name"), own(nameOf(said))], [t("p_born"), own(said?.birth_date)], [t("p_diagnosis"), own(joined(said?.diagnosis, said?.diagnosis_code))],
  [t("p_intent"), said?.intent ? t(`intent_${said.intent}`) : t("not_stated")], [t("p_earlier"), own(earlierOf(said))],
];

// All that stands of one lesion in pairs, with who stated it; `one` has `particulars` as the console tells them. What is not believed is not "not stated".
export const particularsOf = (one) => (one.particulars.wrong.length ? [[t("particulars"), h("span", {}, ...broken(one.particulars.wrong))]]
  : [...pairs(one.particulars.now), [t("p_stated"), h("span", {}, one.particulars.now ? by(one.particulars.now) : t("not_stated"), ...lost([one]))]]);
const by = (said) => `${said.who} (${said.role}), ${stamp(said.wall_s)}${said.reason ? ` · ${said.reason}` : ""}`;

// What stood before: nothing is written over.
export const formerly = (one) => (one.particulars.before.length
  ? [table(t("p_former"), [t("p_stated"), ...pairs(null).map(([name]) => name)], one.particulars.before.map((said) => ({ wrong: false, cells: [by(said), ...pairs(said).map(([, words]) => words)] })))]
  : []);

// The form at the page of orders, of the very order that was chosen or has just been written.
export async function stating(into, order, person) {
  const found = await post("/api/order/particulars", order);
  const now = found.now, of = found.whose, inputs = {};
  const said = h("p", { className: "wrong", role: "status" });
  const label = (name, input) => { inputs[name] = input; return h("label", {}, t(`p_${name}`), input); };
  const text = (name) => label(name, h("input", { name: `p-${name}`, maxLength: 200, autocomplete: "off", value: now?.[name] ?? "", ...(name === "birth_date" ? { placeholder: "YYYY-MM-DD", inputMode: "numeric" } : {}) }));
  const choice = (name, some, words) => label(name, h("select", { name: `p-${name}` }, h("option", { value: "" }, t("not_stated")), ...some.map((one) => h("option", { value: one, selected: one === now?.[name] }, t(`${words}_${one}`)))));
  const reason = h("input", { name: "p-reason", maxLength: 200, required: true, autocomplete: "off" });
  const labels = [
    ...["family_name", "given_names", "birth_date", "diagnosis", "diagnosis_code"].map(text), choice("intent", found.intents, "intent"), choice("earlier", found.earlier, "earlier"), text("earlier_words"),
    ...(now ? [h("label", {}, t("reason"), reason)] : []),
  ];
  const asked = (secret) => ["order/particulars/state", { ...order, stood: now?.n ?? 0, ...Object.fromEntries(FIELDS.map((name) => [name, inputs[name].value.trim()])), reason: now ? reason.value.trim() : "", ...secret }];
  const made = form(person, now ? "p_correct" : "p_state", {}, labels, said, () => stating(into, order, person), asked);
  made.className = "new particulars";
  into.replaceChildren(h("section", { className: "order" }, h("h2", {}, t("particulars")), h("p", {}, h("b", {}, named(of.patient_id, of.patient_id_2, of.course_id, of.lesion_id))), h("p", {}, t("p_text")), ...broken(found.wrong), ...lost([{ particulars: found }]),
    ...(now ? [h("p", {}, t("p_stated"), ": ", by(now))] : []), ...formerly({ particulars: found }), ...(found.wrong.length ? [] : [made]), said));
}
