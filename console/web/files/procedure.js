// A procedure at a page, a calibration's or the day's: the step, why, what to connect, what it will expose, trace, readings, the line that is typed, and a
// check's signature. It judges nothing.
import { h, number, post, t } from "/files/shell.js";
import { again } from "/files/again.js";
import { drawn } from "/files/drawn.js";
import { holds, paintHold } from "/files/hold.js";
import { get, table } from "/files/watch.js";

const EVERY_MS = 300, TAP_GUARD_MS = 700, LINES = 14;
// Who types at which kind, and the keys that it has: each sends the word, a label of its own where the word is none for people.
const MAY = { calibration: ["physicist", "service"], day: ["operator", "physicist"] };
const KEYS = {
  calibration: ["go", "accept", "repeat", "leave", "help"].map((word) => [word, word]),
  day: [["yes", "say_yes"], ["no", "say_no"], ["", "say_enter"]],
};
const TRACE = [[1, "kV", "kV", 2], [2, "mA", "mA", 3], [3, "dose_rate", "mGy/s D0", 1]];

// `every` reads again and again while this pane is open, `frame` is the newest word of the live line.
export function procedures({ every, asked, frame }) {
  const control = h("div", { className: "row" }), press = h("div", { className: "row" }), real = h("div", {}), list = h("div", {}), head = h("div", {}), read = h("div", {}), trace = h("div", {});
  const words = h("div", { role: "log", "aria-label": t("words") }), question = h("p", { id: "question", "aria-live": "polite" });
  const line = h("input", { id: "procedure-line", maxLength: 200, autocomplete: "off", "aria-describedby": "question" });
  const name = h("input", { id: "procedure-name", maxLength: 80, autocomplete: "off" }), anew = h("input", { type: "checkbox" });
  press.append(holds(frame, (said) => asked(async () => { throw new Error(said); }, true)));
  let now = {}, open = 0, openedAt = 0, keys = {}, busy = false;

  async function command(path, body = {}) {
    if (busy) return;
    busy = true;
    await asked(async () => {
      const { token } = await post("/api/token");
      await post(`/api/${path}`, { page: frame().page, ...body }, { "X-Kerma-Token": token });
    }, true);
    busy = false;
  }
  const send = (said) => { if (open) command("procedure/line", { question: open, line: said }); };
  // A second tap is never the answer to the question that came after the first; what was typed is taken away with its question.
  const tapped = (said) => { if (performance.now() - openedAt >= TAP_GUARD_MS) send(said); };
  const button = (word, act, more = {}) => h("button", { type: "button", onclick: act, ...more }, word);
  const put = (key, into, value, make) => {
    const told = JSON.stringify(value);
    if (keys[key] === told) return;
    keys[key] = told;
    into.replaceChildren(...make());
  };

  const keysOf = h("div", { className: "row" });
  const type = h("form", { hidden: true, onsubmit: (event) => { event.preventDefault(); if (line.value) send(line.value); } },
    h("label", {}, t("procedure_line"), line), h("button", { type: "submit" }, t("procedure_send")), keysOf);
  const begin = h("form", { hidden: true, onsubmit: (event) => { event.preventDefault(); command("procedure/begin", { name: name.value, anew: anew.checked }); } },
    h("label", {}, t("procedure_name"), name), h("label", {}, anew, t("procedure_anew")), h("button", { type: "submit" }, t("procedure_begin")));
  const device = h("input", { maxLength: 200, autocomplete: "off" }), filter = h("select", {}), applicator = h("select", {}), unable = h("p", { className: "wrong", hidden: true });
  const check = h("button", { type: "submit" }, t("day_begin")), warm = h("button", { type: "submit" }, t("warm_begin"));
  const today = h("section", { hidden: true }, h("h3", {}, t("day_work")), unable,
    h("form", { onsubmit: (event) => { event.preventDefault(); command("procedure/day", { what: "warm-up", filter_id: filter.value, applicator_id: applicator.value }); } },
      h("label", {}, t("head_filter"), filter), h("label", {}, t("head_applicator"), applicator), warm),
    h("form", { onsubmit: (event) => { event.preventDefault(); command("procedure/day", { what: "daily", device: device.value }); } },
      h("label", {}, t("day_device"), device), check));
  const own = again(frame()?.person, frame()?.badges);
  const signs = h("div", {}), sign = h("form", { hidden: true, onsubmit: (event) => { event.preventDefault(); signed(); } },
    ...own.labels, h("button", { type: "submit" }, t("sign_day")));
  async function signed() {
    const { question: asked_, sha256 } = now.signing ?? {};
    if (!asked_ || performance.now() - openedAt < TAP_GUARD_MS) return;
    await command("procedure/sign", { question: asked_, sha256, ...own.taken() });
  }

  function paintControl() {
    const { control: held, person, snapshot, rig } = frame();
    const roles = now.running ? (MAY[now.kind] ?? []) : Object.values(MAY).flat();
    const may = roles.includes(person?.role), yours = held.yours && may;
    put("control", control, [held, may, document.documentElement.lang], () => !may ? [h("p", {}, t("procedure_watch"))] : held.yours
      ? [button(t("give_back"), () => command("control/leave"))]
      : [h("p", {}, t("procedure_watch")), button(t(held.by ? "take_over" : "take"), () => command("control/take", { over: Boolean(held.by) }))]);
    const due = yours && now.running;
    press.hidden = !due;
    paintHold(frame());
    put("real", real, [Boolean(due && !rig.simulated && snapshot?.state === "READY"), document.documentElement.lang], () =>
      (due && !rig.simulated && snapshot?.state === "READY" ? [h("p", { className: "big" }, t(rig.switch === "hold" ? "press" : "press_once")), h("p", {}, t("switch_real"))] : []));
    begin.hidden = !yours || Boolean(now.running) || !MAY.calibration.includes(person?.role);
    today.hidden = !yours || Boolean(now.running) || !MAY.day.includes(person?.role);
    type.hidden = !yours || !now.running || !open || Boolean(now.signing?.question);
    sign.hidden = !yours || !now.running || !now.signing?.question;
  }
  function paint() {
    const due = now.signing?.question ?? now.question ?? 0;
    if (due !== open) {
      open = due;
      openedAt = performance.now();
      line.value = "";
      own.taken();
      question.textContent = now.asked ?? "";
    }
    put("keys", keysOf, [now.kind, document.documentElement.lang], () => [
      ...(KEYS[now.kind] ?? []).map(([word, label]) => button(label === word ? word : t(label), () => tapped(word))),
      ...(now.kind === "day" ? [button(t("say_leave"), () => command("procedure/leave"))] : [])]);
    put("signs", signs, now.signing, () => signing(now.signing));
    put("head", head, [now.banner, now.session, now.ended, now.step, now.running], () => now.name ? [
      h("h2", { className: "wrong" }, now.banner ?? now.name), h("p", {}, `${now.session} · ${now.by} (${now.role})`), ...(now.ended ? [h("p", { className: "wrong" }, now.ended)] : []),
      ...step(now.step)] : []);
    put("read", read, now.readings, () => readings(now.readings));
    put("words", words, now.words, () => (now.words ?? []).slice(-LINES).map(([, said]) => h("p", {}, said)));
    put("trace", trace, now.trace, () => (now.trace?.length ? TRACE.map(([place, word, unit, digits]) => drawn(t(`trace_${word}`), unit, now.trace.map((row) => [row[0], row[place]]), null, digits)) : []));
    paintControl();
  }
  const fact = (word, said) => [h("dt", {}, t(word)), h("dd", {}, said)];
  function step(shown) {
    if (!shown?.id) return [];
    const what = shown.exposes;
    return [h("h3", {}, t("procedure_step", { place: shown.place, of: shown.of, id: shown.id, hazard: shown.hazard })),
      h("dl", { className: "facts" }, ...fact("procedure_why", shown.why), ...fact("procedure_connect", shown.connect),
        ...(what ? fact("procedure_exposes", `${shown.token}: ${number(what.kv, 2, "kV")}, ${number(what.ma, 3, "mA")}, ${number(what.seconds, 2, "s")} = ${number(what.mas, 1, "mAs")}, ${what.filter}, ${what.applicator}`) : []),
        ...(what ? fact("procedure_used", t("procedure_used_more", { used: number(what.used_mas, 1), cap: number(what.mas_cap, 1, "mAs"), sets: what.sets, least: what.least_sets })) : []))];
  }
  function readings(shown) {
    if (!shown?.rows?.length) return [];
    return [table(t("procedure_readings"), ["N", t("procedure_instrument"), t("procedure_reading"), t("procedure_timer"), t("procedure_rejected")], shown.rows.map((row) => ({
      wrong: Boolean(row.rejected), cells: [String(row.number), row.instrument, `${row.value} ${row.unit}`, number(row.timer_s, 2, "s"), row.rejected] }))),
      ...shown.figures.map((one) => h("p", {}, `${one.name}: ${Number(one.value).toPrecision(4)} ${one.unit}`)),
      ...shown.warned.map((said) => h("p", { className: "wrong" }, said)),
      ...(shown.judged ? [h("p", shown.refused ? { className: "wrong" } : {}, shown.refused || t("procedure_acceptable"))] : [])];
  }

  function signing(shown) {
    if (!shown?.question) return [];
    return [h("p", {}, t("sign_check", { day: shown.day, device: shown.device, p: number(shown.p_kpa, 2, "kPa"), t: number(shown.t_c, 1, "°C"), interrupted: shown.interrupt_token,
      left: shown.left.map(([token, why]) => `${token} (${why})`).join("; ") || "–", sha256: shown.sha256.slice(0, 16) })),
      table(t("sign_rows"), [t("sign_combination"), t("record"), t("procedure_reading"), t("sign_off")], shown.lines.map((one) => ({ wrong: false,
        cells: [`${number(one.kv, 1, "kV")}, ${number(one.ma, 2, "mA")}, ${one.filter}, ${one.applicator}`, String(one.token), `${one.reading} ${shown.unit}`,
          one.begun_pct === null ? number(one.off_pct, 2, "%") : t("sign_begun", { off: number(one.off_pct, 2, "%"), begun: number(one.begun_pct, 2, "%") })] })))];
  }

  asked(async () => {
    const found = await get("/api/procedure/day");
    unable.textContent = found.unable;
    unable.hidden = !found.unable;
    check.disabled = Boolean(found.unable);
    for (const [into, names] of [[filter, found.filters], [applicator, found.applicators]]) into.replaceChildren(...names.map((one) => h("option", { value: one }, one)));
  }, true);
  asked(async () => {
    const found = await get("/api/procedure/list");
    list.replaceChildren(h("details", {}, h("summary", {}, t("procedure_list")), ...found.lines.map((said) => h("p", {}, said))));
  }, true);
  every(EVERY_MS, async () => { now = (await get("/api/procedure")).procedure; paint(); });
  return [h("p", {}, t("procedure_note")), control, today, begin, list, head, trace, read, words, signs, question, type, sign, real, press];
}
