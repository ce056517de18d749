// What a page has that watches and does not treat: state, age of data, alarm and who is logged in; control it holds only for a procedure, whoever treats does that on the treatment page.
import { $, ageMs, emulated, h, number, open, page, serviceMode, t } from "/files/shell.js";
import { login, logout, ownPassword } from "/files/login.js";
export { get, table } from "/files/tables.js";

const OLD_MS = 300, SILENT_MS = 1000;
const BEAM = ["ARMING", "READY", "STARTING", "IRRADIATING", "STOPPING"];
const ICONS = {
  SELF_TEST: "⟳", STANDBY: "○", PREPARATORY: "⚙", ARMING: "⚙", READY: "✔", STARTING: "☢", IRRADIATING: "☢", STOPPING: "☢",
  INTERRUPTED: "❚❚", TERMINATED: "■", FAULT: "✖", STUCK_ON: "☢", NO_DATA: "?",
};
let frame = null, told = "", present = false;
export const watched = { entered: () => undefined, shown: () => undefined, spoken: () => undefined };

function paint() {
  const age = ageMs(frame), silent = !(age <= SILENT_MS);
  const state = silent ? "NO_DATA" : frame.snapshot.state;
  $("band").dataset.state = state;
  $("icon").textContent = ICONS[state] ?? "?";
  $("state").textContent = t(`state_${state}`);
  const simulated = Boolean(frame?.rig.simulated || frame?.snapshot?.simulated);
  document.title = `${simulated ? t("simulated") + " " : ""}${t(document.body.dataset.page)} – ${t(`state_${state}`)} – Kerma`;
  $("simulated").hidden = !simulated;
  $("simulated").title = t("simulated");
  const detail = silent ? t("no_data_first") : t("age", { age: number(Math.max(age, 0) / 1000, 1, "s") });
  if ($("detail").textContent !== detail) $("detail").textContent = detail;
  $("band").classList.toggle("old", !(age <= OLD_MS));
  const alarm = [frame?.trouble, ...(silent ? [] : frame.snapshot.latches)].filter((words) => words).join("; ");
  $("alarm").hidden = !alarm;
  if ($("alarm").textContent !== alarm) $("alarm").textContent = alarm;
  serviceMode(frame);
  emulated(frame);
  paintWho();
}

function paintWho() {
  if (!frame) return;
  const key = JSON.stringify([frame.person, frame.locked, frame.first_run, document.documentElement.lang]);
  if (told === key) return;
  // who was here and is here no more leaves nothing of a patient on the screen
  if (present && !frame.person) location.reload();
  told = key;
  present = Boolean(frame.person);
  const parts = [h("span", {}, frame.person ? `${frame.person.name} (${frame.person.role})` : t("nobody"))];
  if (frame.person) parts.push(h("button", { type: "button", onclick: logout }, t("logout")), ownPassword());
  else parts.push(...login(frame, () => location.reload()));
  $("who").replaceChildren(...parts);
  if (frame.person) watched.entered(frame.person);
}

page.live = () => BEAM.includes(frame?.snapshot?.state);
page.spoken = () => { told = ""; watched.spoken(); paint(); };
page.spoken();
setInterval(paint, 200);
// A number of its own only where this very page holds control: never that of the tab in which somebody treated before.
open(() => (frame?.control.yours ? frame.page : ""), (heard) => { frame = heard; watched.shown(frame); }, () => undefined);
