// The page of a new prescription: its fields, and beside them what the console makes of them while somebody types. It works nothing out itself and keeps nothing.
import { $, gy, h, named, number, post, t } from "/files/shell.js";
import { stating } from "/files/particulars.js";
import { table, watched } from "/files/watch.js";

const AFTER_MS = 300, ROLES = ["physician", "physicist"], NUMBER = /^[-+]?\d+(\.\d+)?$/, WHOLE = /^\d+$/;
const SIDES = ["left", "right", "midline", "none"], BACKINGS = ["full", "thin", "lead"];
// Each field by its kind, in groups, in the order in which a person goes through them; a dose is typed in Gy and is mGy everywhere else.
const GROUPS = [
  ["order_whose", [["patient_id", "text"], ["patient_id_2", "text"], ["course_id", "text"], ["lesion_id", "text"], ["site", "text"], ["laterality", SIDES]]],
  ["order_which", [["id", "text"], ["version", "whole"], ["fraction", "whole"], ["fractions", "whole"], ["min_interval_h", "number"]]],
  ["order_dose", [["combination", "combination"], ["rx_mgy", "gy"], ["depth_mm", "number"], ["gap_mm", "number"]]],
  ["order_placed", [["bolus_or_cover_mm", "number"], ["backing", BACKINGS], ["cutout_id", "text"], ["cutout_factor", "number"], ["cutout_diameter_mm", "number"],
    ["cutout_measured_by", "text"], ["shield_notes", "text"], ["tolerance_flags", "flags"]]],
];
const BEAM = ["kv", "ma", "filter", "applicator"];
let person = null, found = null, fields = {}, asked = 0, later = 0, last = null, until = "";

const button = (word, act, more = {}) => h("button", { type: "button", onclick: act, ...more }, t(word));
const option = (value, words, chosen) => h("option", { value, selected: value === chosen }, words);

async function tried(work) {
  $("answer").textContent = "";
  try { await work(); } catch (error) { $("answer").textContent = error.message; $("answer").scrollIntoView({ block: "center" }); }
}

// One field: its label, what is typed, and what is wrong with it. `get` gives its value, or null where there is none yet.
function field(name, kind, draft) {
  const wrong = h("small", { className: "wrong", id: `wrong-${name}` });
  const of = (input, get) => {
    input.setAttribute("aria-describedby", wrong.id);
    input.addEventListener("input", soon);
    fields[name] = { input, wrong, get };
    return h("label", {}, t(`f_${name}`), input, wrong);
  };
  if (Array.isArray(kind)) {
    const words = (one) => t(`${name === "backing" ? "backing" : "side"}_${one}`);
    const select = h("select", { name }, option("", t("order_choose"), draft[name] ?? ""), ...kind.map((one) => option(one, words(one), draft[name])));
    return of(select, () => select.value || null);
  }
  if (kind === "combination") {
    const mine = found.combinations.findIndex((one) => BEAM.every((key) => one[key] === draft[key]));
    const said = (one) => `${number(one.kv, 1, "kV")}, ${number(one.ma, 2, "mA")}, ${one.filter}, ${one.applicator}: ${t("order_reaches", { most: number(one.most_mm, 1, "mm"), skin: gy(one.max_skin_mgy) })}`;
    const select = h("select", { name }, option("", t("order_choose"), ""), ...found.combinations.map((one, place) => option(String(place), said(one), String(mine))));
    return of(select, () => found.combinations[select.value] ?? null);
  }
  if (kind === "flags") {
    const ticks = found.flags.map((flag) => h("input", { type: "checkbox", name: flag, checked: (draft[name] ?? []).includes(flag), oninput: soon }));
    fields[name] = { input: ticks[0], wrong, get: () => found.flags.filter((_, place) => ticks[place].checked) };
    return h("fieldset", {}, h("legend", {}, t(`f_${name}`)), ...ticks.map((tick, place) => h("label", { className: "tick" }, tick, t(`flag_${found.flags[place]}`))), wrong);
  }
  const typed = draft[name] ?? "", scale = kind === "gy" ? 1000 : 1;
  const input = h("input", { name, autocomplete: "off", maxLength: name === "shield_notes" ? 400 : 64, inputMode: kind === "text" ? "text" : "decimal", value: typed === "" ? "" : String(kind === "text" ? typed : typed / scale) });
  const value = () => {
    const words = input.value.trim();
    if (kind === "text") return words;
    if (words === "") return null;
    if (!(kind === "whole" ? WHOLE : NUMBER).test(words)) return undefined;
    return kind === "gy" ? Math.round(Number(words) * 1e6) / 1e3 : Number(words);
  };
  return of(input, value);
}

function typed() {
  const draft = {}, unread = [];
  for (const [name, one] of Object.entries(fields)) {
    const value = one.get();
    if (name === "combination") { for (const key of BEAM) draft[key] = value ? value[key] : null; continue; }
    if (value === undefined) unread.push(name);
    draft[name] = value === undefined ? null : value;
  }
  return { draft, unread };
}

function build(draft) {
  fields = {};
  until = "";
  const cut = h("select", { name: "measured" }, option("", t("order_choose"), ""), ...found.cutouts.map((one, place) => option(String(place), `${one.id}, ${one.applicator}, ${number(one.diameter_mm, 1, "mm")}`, "")));
  cut.addEventListener("input", () => {
    const one = found.cutouts[cut.value];
    if (!one) return;
    for (const [name, value] of [["cutout_id", one.id], ["cutout_factor", one.factor], ["cutout_diameter_mm", one.diameter_mm], ["cutout_measured_by", one.measured_by]]) fields[name].input.value = String(value);
    soon();
  });
  const group = ([word, own]) => h("fieldset", { className: "group" }, h("legend", {}, t(word)), ...own.map(([name, kind]) => field(name, kind, draft)),
    ...(word === "order_placed" && found.cutouts.length ? [h("label", {}, t("order_measured"), cut)] : []));
  const follow = h("select", { name: "follow" }, option("", t("order_choose"), ""), ...found.orders.map((one, place) => option(String(place), `${one.draft.id} · ${one.draft.version} · ${t("fraction")} ${one.draft.fraction} · ${one.draft.lesion_id}`, "")));
  const following = (key) => () => {
    const one = found.orders[follow.value];
    if (one) build({ ...one.draft, [key]: one.draft[key] + 1 });
  };
  const whose = h("div", {});
  const state = () => { const one = found.orders[follow.value]; if (one) tried(() => stating(whose, { order: one.name, sha256: one.sha256 }, person)); };
  $("list").replaceChildren(
    ...(found.no_certificate ? [h("p", { className: "wrong" }, found.no_certificate)] : []),
    ...(found.orders.length ? [h("div", { className: "row" }, h("label", {}, t("order_follow"), follow), button("order_next", following("fraction")), button("order_newer", following("version")), button("particulars", state)), whose] : []),
    h("form", { className: "new", onsubmit: (event) => event.preventDefault() }, ...GROUPS.map(group)),
  );
  work();
}

function soon() {
  clearTimeout(later);
  later = setTimeout(work, AFTER_MS);
}

// What is shown is of what was typed last: an answer that comes behind a later question is thrown away.
const work = () => tried(async () => {
  const own = ++asked, { draft, unread } = typed();
  let made = null;
  try { made = await post("/api/order/work", { draft }); } catch (error) {
    if (own !== asked) return;
    // what was worked out of an older draft does not stand beside this one
    last = null;
    $("one").replaceChildren();
    throw error;
  }
  if (own !== asked) return;
  last = { draft, unread, made };
  paint();
});

function paint() {
  if (!last) return;
  const { draft, unread, made } = last, n = made.numbers;
  for (const [name, one] of Object.entries(fields)) {
    const mine = made.wrong.filter((row) => row.field === name || (name === "combination" && BEAM.includes(row.field)));
    const words = unread.includes(name) ? t("order_number") : mine.map((row) => row.words).join("\n");
    if (one.wrong.textContent !== words) one.wrong.textContent = words;
    one.input.setAttribute("aria-invalid", String(words !== ""));
  }
  const whole = made.wrong.filter((row) => !row.field);
  const rows = n === null ? [] : [
    [t("dose"), h("b", {}, gy(n.rx_mgy))], [t("order_skin"), h("b", { className: n.skin_mgy > n.skin_most_mgy ? "wrong" : "" }, `${gy(n.skin_mgy)} ${t("order_most", { most: gy(n.skin_most_mgy) })}`)],
    [t("order_depth"), n.reach_mm === n.depth_mm ? number(n.depth_mm, 1, "mm") : t("order_under", { depth: number(n.depth_mm, 1, "mm"), reach: number(n.reach_mm, 1, "mm") })],
    ["PDD", number(n.pdd_pct, 2, "%")], [t("order_gap_factor"), number(n.gap_factor, 4)], [t("order_cutout_factor"), number(n.cutout_factor, 4)],
    ["F", number(n.factor, 5)], ["D0 = D_Rx / F", number(n.d0_mgy, 1, "mGy")],
    [t("order_time"), `${number(n.time_s, 2, "s")} ${t("order_most", { most: number(n.time_most_s, 0, "s") })}`], [t("order_ends"), t(`order_ends_${n.ends_by}`)],
  ];
  const names = { factor: "F", d0: "D0", skin: t("order_skin"), time: t("order_time") };
  const digits = { factor: 5, d0: 1, skin: 1, time: 2 };
  const missing = made.missing.map((name) => t(BEAM.includes(name) ? "f_combination" : `f_${name}`));
  const write = button("order_write", writing, { className: "go", disabled: !made.ready || unread.length > 0 });
  const upTo = h("input", { name: "until", inputMode: "decimal", autocomplete: "off", maxLength: 4, value: until, oninput: () => { until = upTo.value.trim(); } });
  const more = draft.fractions > draft.fraction ? [h("label", {}, t("order_until", { fraction: draft.fraction, fractions: draft.fractions }), upTo)] : [];
  $("one").replaceChildren(
    h("h2", {}, t("order_comes_to")),
    ...(rows.length ? [h("dl", { className: "facts" }, ...rows.flatMap(([name, words]) => [h("dt", {}, name), h("dd", {}, words)]))] : [h("p", {}, t("order_no_numbers"))]),
    ...(made.lines.length ? [table(t("order_second"), [t("what"), t("order_first"), t("second"), t("stands")], made.lines.map((one) => ({
      wrong: !one.agrees, cells: [names[one.name], number(one.first, digits[one.name], one.unit), number(one.second, digits[one.name], one.unit), t(one.agrees ? "agrees" : "differs")],
    })))] : []),
    ...(draft.backing && draft.backing !== "full" ? [h("p", { className: "wrong flag" }, `⚑ ${t(`flag_backing_${draft.backing}`)}`)] : []),
    ...(draft.tolerance_flags ?? []).map((flag) => h("p", { className: "wrong flag" }, `⚑ ${t(`flag_${flag}`)}`)),
    ...whole.map((row) => h("p", { className: "wrong" }, row.words)), ...made.remarks.map((words) => h("p", {}, words)),
    ...(missing.length ? [h("p", {}, t("order_missing", { which: [...new Set(missing)].join(", ") }))] : []),
    h("p", {}, t("order_counts")), h("div", { className: "row" }, ...more, write),
  );
}

const writing = (event) => tried(async () => {
  event.target.disabled = true;
  const { draft } = typed();
  if (until && !WHOLE.test(until)) { event.target.disabled = false; throw new Error(t("order_number")); }
  const { token } = await post("/api/token");
  try {
    const done = await post("/api/order/write", { draft, ...(until ? { last: Number(until) } : {}) }, { "X-Kerma-Token": token });
    found = await post("/api/order/form");
    const written = done.files.at(-1).fraction;
    const next = h("div", { className: "row" }, button("order_next", () => build({ ...draft, fraction: written + 1 })), h("a", { className: "button", href: "/records" }, t("approvals_orders")));
    $("list").replaceChildren(h("p", { className: "big" }, done.files.length > 1 ? t("order_written_all", { count: done.files.length }) : t("order_written", { name: done.name })), h("p", {}, named(draft.patient_id, draft.patient_id_2, draft.lesion_id)), next);
    const whose = h("div", {});
    $("one").replaceChildren(table(t("order_files"), [t("fraction"), t("file"), "SHA-256"], done.files.map((one) => ({ wrong: false, cells: [t("n_of", { n: one.fraction, of: draft.fractions }), one.name, one.sha256] }))), whose);
    await stating(whose, { order: done.files.at(-1).name, sha256: done.files.at(-1).sha256 }, person);
    last = null;
    scrollTo(0, 0);
  } catch (error) {
    await work();
    throw error;
  }
});

const begun = () => tried(async () => {
  if (!ROLES.includes(person.role)) { $("list").replaceChildren(h("p", {}, t("order_not_yours"))); return; }
  found = await post("/api/order/form");
  build({ version: 1, fraction: 1, gap_mm: 0 });
});

watched.entered = (one) => { if (!person) { person = one; begun(); } };
watched.spoken = () => { if (found && Object.keys(fields).length && last) build(typed().draft); else if (person && !found) begun(); };
