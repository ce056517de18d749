// SIMULATED: the room's beam-on switch in a hand: pressed from pointer-down, or Enter, until it is lifted, cancelled, or nobody can be sure any more: the window
// loses the focus, the page is hidden or left, the line is lost. On a real rig there is no such button. What a switch that was let go means says the machine.
import { h, page, post, t } from "/files/shell.js";

let number = 0, held = null;
// What the page is now, and who is told why it was not pressed; each page sets its own.
let now = () => null, failed = () => undefined;

const node = h("button", { type: "button", className: "go holds" });
const show = () => { node.setAttribute("aria-pressed", String(held !== null)); };

// The line of a page that is being left is gone before its answer: it is sent all the same.
const released = (own) => fetch("/api/release", { method: "POST", keepalive: true, headers: { "Content-Type": "application/json", "X-Kerma": "console" }, body: JSON.stringify({ page: own.page, hold: own.number }) })
  .then(async (answer) => { if (!answer.ok) failed((await answer.json()).words); }, (error) => failed(error.message));
function letGo(lifted) {
  if (!held) return;
  const own = held;
  held = null;
  own.lifted = lifted;
  show();
  if (!own.sent) return;
  // where a short press is one, letting go of it does not overtake it on the way
  if (lifted && own.once) own.answered.finally(() => released(own)).catch(() => undefined);
  else released(own);
}
const lost = () => letGo(false);
async function press(pointer) {
  const frame = now();
  if (held || !frame) return;
  const own = (held = { number: ++number, page: frame.page, pointer, once: frame.rig.switch === "once", sent: false, lifted: false });
  show();
  try {
    const { token } = await post("/api/token");
    // let go before it was asked for: where the switch is held nothing is pressed, where it is pressed once a short press is one
    if (held !== own && !(own.lifted && own.once)) return;
    own.sent = held === own;
    own.answered = post("/api/press", { page: own.page, hold: own.number }, { "X-Kerma-Token": token });
    await own.answered;
    if (!own.sent) released(own);
  } catch (error) {
    failed(error.message);
    if (held === own) lost();
  }
}

node.addEventListener("pointerdown", (event) => { if (event.button === 0) press(event.pointerId); });
node.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); if (!event.repeat) press("Enter"); } });
// The button may be gone from under the finger by the time it is lifted.
for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, (event) => { if (held?.pointer === event.pointerId) letGo(kind === "pointerup"); }, true);
document.addEventListener("keyup", (event) => { if (held?.pointer === "Enter" && event.key === "Enter") letGo(true); }, true);
document.addEventListener("visibilitychange", () => { if (document.hidden) lost(); });
for (const kind of ["blur", "pagehide"]) window.addEventListener(kind, lost);
page.lost = lost;

// The one button, to be put where it belongs; `frame` gives the newest frame, `told` takes words of what went wrong.
export function holds(frame, told) {
  now = frame;
  failed = told;
  show();
  return node;
}
// There while the switch is due, or in the hand; its words say whether it is to be held.
export function paintHold(frame) {
  const due = Boolean(frame?.snapshot?.simulated) && frame.snapshot.state === "READY";
  const words = t(frame?.rig.switch === "hold" ? "hold_simulated" : "press_simulated");
  if (node.textContent !== words) node.textContent = words;
  if (node.hidden === (due || held !== null)) node.hidden = !node.hidden;
}
