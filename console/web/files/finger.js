// What a finger is on. A click counts only where the finger, or the mouse, went down: what moved under it meanwhile, an alarm or a new step, is not pressed by it.
// And as long as one is down, nothing moves that can wait.
const CLICKS_WITHIN_MS = 500;
const pressed = (one) => one.closest?.("button, a, summary, label, select") ?? one;

let under = null, liftedAt = -Infinity;

document.addEventListener("pointerdown", (event) => { under = pressed(event.target); liftedAt = Infinity; }, true);
document.addEventListener("pointerup", () => { liftedAt = performance.now(); }, true);
document.addEventListener("pointercancel", () => { under = null; liftedAt = -Infinity; }, true);
document.addEventListener("click", (event) => {
  const wasUnder = under;
  under = null;
  liftedAt = -Infinity;
  // by key, or by a script: nothing went down
  if (event.detail === 0 || wasUnder === null || pressed(event.target) === wasUnder) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// From the moment it goes down to its click, which comes a little after it is lifted.
export const down = () => performance.now() - liftedAt < CLICKS_WITHIN_MS;
