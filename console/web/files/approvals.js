// Signatures over orders: what stands at an order with its set-up and flags, and the form in which a physician or a physicist signs with the secret asked again.
// It keeps nothing that was typed.
import { form } from "/files/again.js";
import { formerly, particularsOf } from "/files/particulars.js";
import { gy, h, named, number, post, stamp, t } from "/files/shell.js";
import { table } from "/files/tables.js";

export const MEANING = { physician: "prescribed", physicist: "physics checked" };
const ROLES = Object.keys(MEANING);

// What the order says of the patient's set-up, in pairs; an order of the older form says nothing of it, and that is said.
export function setUp(one) {
  const said = one.set_up;
  if (!said) return [[t("set_up_of"), t("set_up_not_said")]];
  return [
    [t("bolus"), said.bolus_mm ? t("bolus_mm", { mm: number(said.bolus_mm, 1, "mm") }) : t("none")], [t("backing"), t(`backing_${said.backing}`)],
    [t("cutout"), said.cutout_id ? t("cutout_more", { id: said.cutout_id, mm: number(said.cutout_diameter_mm, 1, "mm"), by: said.cutout_measured_by }) : t("none")],
    [t("shields"), said.shield_notes || t("none")],
  ];
}
// Its flags by name, as records/approved.py asks for them.
export const flagsOf = (one) => (one.set_up ? [...(one.set_up.backing === "full" ? [] : [`backing_${one.set_up.backing}`]), ...one.set_up.tolerance_flags] : []);
export const flagged = (one) => flagsOf(one).map((flag) => h("p", { className: "wrong flag" }, `⚑ ${t(`flag_${flag}`)}`));

// One line for each meaning, and for each signature that does not stand. `row` is an order of the list.
export function signatures(row) {
  const approval = row.approval;
  if (!approval) return [];
  const standing = (role) => approval.given.find((one) => one.role === role && !one.against);
  return [
    ...ROLES.map((role) => {
      const one = standing(role);
      return h("p", { className: one ? "signed" : "signed wrong" }, one ? t("signed_by", { meaning: t(`meaning_${role}`), who: one.who, role, at: stamp(one.wall_s) }) + (one.accepted?.length ? ` ${t("accepting", { flags: one.accepted.map((flag) => t(`flag_${flag}`)).join("; ") })}` : "")
        : t(approval.asked.includes(role) ? "not_signed" : "not_signed_may", { meaning: t(`meaning_${role}`), role }));
    }),
    ...approval.given.filter((one) => one.against).map((one) => h("p", { className: "signed wrong" }, gone(one))),
    ...(approval.words ? [h("p", { className: "wrong" }, approval.words)] : []),
  ];
}
const gone = (one) => t("signature_gone", { n: one.n, who: one.who, role: one.role, at: stamp(one.wall_s), why: one.withdrawn_s === null ? one.against : `${one.withdrawn_by} (${one.withdrawn_role}) ${stamp(one.withdrawn_s)}: ${one.reason}` });

// In one line, where an order is chosen.
export const approvalMark = (row) => (!row.approval ? "" : row.approval.missing.length === 0 ? `✔ ${t("approved")}` : `✖ ${t("not_approved", { which: row.approval.missing.map((role) => t(`meaning_${role}`)).join(", ") })}`);

// Who may sign is given the forms; everybody else sees what stands. `taken` is the answer to what was just signed or withdrawn: it may say to press STOP.
export async function orders(into, person, taken = null) {
  const done = h("p", { className: "big", role: "alert" }, taken?.words ?? "");
  if (taken) { into.prepend(done); done.scrollIntoView({ block: "center" }); }
  const found = await post("/api/approvals/list");
  const said = h("p", { className: "wrong", role: "status" });
  const again = (answer) => orders(into, person, answer);
  into.replaceChildren(
    ...(taken ? [done] : []), h("h2", {}, t("approvals_orders")), said,
    ...(found.wrong.length ? found.wrong.map((words) => h("p", { className: "wrong" }, `${t("chain_wrong")} ${words}`)) : [h("small", {}, t("chain_right", { entries: found.entries }))]),
    ...(person.role in MEANING ? courses(found.orders, person.role) : []).map((rows) => course(rows, person, said, again)),
    ...found.orders.map((row) => (row.order === null ? h("p", { className: "wrong" }, row.words) : card(row, person, said, again))),
    ...(found.orders.length ? [] : [h("p", {}, t("no_orders"))]),
  );
}

// The orders that are alike but for the fraction's number, and that this role has not signed: the console says which are.
function courses(orders, role) {
  const alike = {};
  for (const row of orders) if (row.alike && !row.approval.given.some((one) => one.role === role && !one.against)) (alike[row.alike] ??= []).push(row);
  return Object.values(alike).filter((rows) => rows.length > 1).map((rows) => rows.sort((a, b) => a.order.fraction - b.order.fraction));
}

// All of them in one act: what they have in common once, then each file by its own bytes.
function course(rows, person, said, again) {
  const one = rows[0].order, meaning = t(`meaning_${person.role}`);
  const ticks = ticksOf(rows[0]);
  const sign = form(person, "course_do", { count: rows.length, meaning }, labelsOf(ticks), said, again,
    (secret) => ["approvals/course", { orders: rows.map((row) => ({ order: row.name, sha256: row.order.sha256 })), meaning: MEANING[person.role], accepted: acceptedOf(ticks), ...secret }]);
  return h("section", { className: "order course" }, h("h3", {}, `${t("course_all")} `, named(one.prescription_id, one.lesion_id, `${one.site}, ${t(`side_${one.laterality}`)}`)),
    h("dl", { className: "facts" }, ...factsOf(rows[0], false).flatMap(([name, words]) => [h("dt", {}, name), h("dd", {}, words)])), ...flagged(one),
    table(t("course_files"), [t("fraction"), t("file"), "SHA-256"], rows.map((row) => ({ wrong: false, cells: [t("n_of", { n: row.order.fraction, of: row.order.fractions }), row.name, row.order.sha256] }))),
    h("p", {}, t("course_text")), sign);
}

const ticksOf = (row) => flagsOf(row.order).map((flag) => [flag, h("input", { type: "checkbox", name: flag, required: true })]);
const labelsOf = (ticks) => ticks.map(([flag, tick]) => h("label", { className: "tick" }, tick, t("accept_flag", { flag: t(`flag_${flag}`) })));
const acceptedOf = (ticks) => ticks.filter(([, tick]) => tick.checked).map(([flag]) => flag);

// What is ordered; of a course without what each file has of its own.
const factsOf = ({ order: one, particulars }, alone) => [
    [t("patient"), named(one.patient_id, one.patient_id_2)], ...particularsOf({ particulars }), [t("lesion"), named(one.course_id, one.lesion_id, `${one.site}, ${t(`side_${one.laterality}`)}`)],
    ...(alone ? [[t("fraction"), t("n_of", { n: one.fraction, of: one.fractions })]] : []), [t("dose"), `${gy(one.rx_mgy)}, ${number(one.depth_mm, 1, "mm")}`],
    [t("beam_of"), `${number(one.kv, 1, "kV")}, ${number(one.ma, 2, "mA")}, ${one.filter_id}, ${one.applicator_id}`],
    [t("set_up_of"), t("gap_cutout", { gap: number(one.gap_mm, 1, "mm"), factor: number(one.cutout_factor, 3) })], [t("interval"), number(one.min_interval_h, 1, "h")],
    ...setUp(one), [t("order"), `${one.prescription_id} · ${one.version}`], [t("named_in_file"), one.approved_by.join(", ")],
];

function card(row, person, said, again) {
  const one = row.order;
  const facts = [...factsOf(row, true), [t("file"), row.name], ["SHA-256", one.sha256]];
  return h("section", { className: "order" }, h("h3", {}, named(one.prescription_id, one.lesion_id, `${one.site}, ${t(`side_${one.laterality}`)}`)),
    h("dl", { className: "facts" }, ...facts.flatMap(([name, words]) => [h("dt", {}, name), h("dd", {}, words)])),
    ...formerly(row), ...flagged(one), ...signatures(row), ...(person.role in MEANING ? forms(row, person, said, again) : []));
}

function forms(row, person, said, again) {
  const role = person.role;
  const own = row.approval.given.some((one) => one.role === role && !one.against);
  const ticks = ticksOf(row);
  const sign = form(person, "sign_do", { meaning: t(`meaning_${role}`) }, labelsOf(ticks), said, again,
    (secret) => ["approvals/sign", { order: row.name, sha256: row.order.sha256, meaning: MEANING[role], accepted: acceptedOf(ticks), ...secret }]);
  const withdraw = row.approval.given.filter((one) => !one.against).map((one) => {
    const reason = h("input", { name: "reason", maxLength: 200, required: true, autocomplete: "off" });
    return form(person, "withdraw_do", { meaning: t(`meaning_${one.role}`), who: one.who }, [h("label", {}, t("reason"), reason)], said, again, (secret) => ["approvals/withdraw", { n: one.n, reason: reason.value, ...secret }]);
  });
  return [...(own ? [] : [h("p", {}, t("sign_text")), sign]), ...withdraw];
}
