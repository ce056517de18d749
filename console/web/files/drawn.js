// A line against time as SVG with its grid, its dashed line and a cursor that reads out; it knows numbers and words, and nothing of what they are.
import { h, number, t } from "/files/shell.js";

const WIDTH = 900, HEIGHT = 200, LEFT = 70, RIGHT = 14, TOP = 28, BOTTOM = 26;
const SPACE = "http://www.w3.org/2000/svg";

function s(tag, given = {}, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Round steps, `most` at most.
function ticks(low, high, most) {
  for (let size = 1e-9; ; size *= 10) {
    for (const step of [1, 2, 5]) {
      const width = step * size;
      if ((high - low) / width <= most) {
        const found = [];
        for (let n = Math.ceil(low / width); n <= Math.floor(high / width); n++) found.push(n * width);
        return found;
      }
    }
  }
}

// `points`: [[seconds, value or null], ...] in order of time; a null leaves a gap. `wanted` is the dashed line, or null.
export function drawn(title, unit, points, wanted, digits) {
  const known = points.filter((point) => point[1] !== null && Number.isFinite(point[1]));
  if (known.length < 2) return h("p", {}, `${title}: ${t("no_points")}`);
  let least = wanted ?? Infinity, most = wanted ?? -Infinity;
  for (const [, value] of known) { least = Math.min(least, value); most = Math.max(most, value); }
  const low = Math.min(0, least), high = most > low ? most + 0.05 * (most - low) : low + 1;
  const from = points[0][0], to = Math.max(points.at(-1)[0], from + 1e-6);
  const x = (at) => LEFT + ((WIDTH - LEFT - RIGHT) * (at - from)) / (to - from);
  const y = (value) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (value - low)) / (high - low);
  const span = `${number(least, digits, unit)} … ${number(most, digits, unit)}`;
  const picture = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "drawn", role: "img", tabindex: "0", "aria-label": `${title}: ${span}` });
  for (const at of ticks(low, high, 5)) {
    picture.append(s("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at), class: "grid" }));
    picture.append(s("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, number(at, Math.abs(at) < 10 && at !== 0 ? 2 : 0)));
  }
  for (const at of ticks(from, to, 10)) {
    picture.append(s("line", { x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM, class: "grid" }));
    picture.append(s("text", { x: x(at), y: HEIGHT - 8, "text-anchor": "middle" }, number(at, to - from < 5 ? 1 : 0)));
  }
  let path = "", on = false;
  for (const [at, value] of points) {
    if (value === null || !Number.isFinite(value)) { on = false; continue; }
    path += `${on ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    on = true;
  }
  picture.append(s("path", { d: path, class: "line" }));
  if (wanted !== null) picture.append(s("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(wanted), y2: y(wanted), class: "wanted" }));
  const read = s("text", { x: WIDTH - RIGHT, y: 18, "text-anchor": "end" }, span);
  const cursor = s("line", { y1: TOP, y2: HEIGHT - BOTTOM, x1: -9, x2: -9, class: "cursor" });
  picture.append(s("text", { x: LEFT, y: 18 }, `${title}, ${unit}`), read, cursor);
  let place = known.length - 1;
  const look = (next) => {
    place = Math.max(0, Math.min(known.length - 1, next));
    const [at, value] = known[place];
    cursor.setAttribute("x1", x(at));
    cursor.setAttribute("x2", x(at));
    read.textContent = `${number(at, 3, "s")}: ${number(value, digits, unit)}`;
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const at = from + (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT) * (to - from);
    let near = 0;
    for (let n = 1; n < known.length; n++) if (Math.abs(known[n][0] - at) < Math.abs(known[near][0] - at)) near = n;
    look(near);
  });
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -25, PageDown: 25 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    look(place + step);
  });
  return picture;
}
