// What is read from the console, and a table of it. It knows no page and keeps nothing.
import { h } from "/files/shell.js";

export async function get(path, values = {}) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));
  const answer = await fetch(`${path}${query.size ? `?${query}` : ""}`);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.words);
  return said;
}

// A table that is wider than its place says so: its last columns are found by scrolling it.
const wide = new ResizeObserver((seen) => { for (const { target } of seen) target.parentNode.dataset.more = String(target.offsetWidth > target.parentNode.clientWidth + 1); });
const looked = (scrolled) => { wide.observe(scrolled.firstChild); return scrolled; };

// A table; a cell is text or a node, `wrong` marks a row. Nothing is ever read as HTML. It can be scrolled by key.
export const table = (label, heads, rows) =>
  looked(h("div", { className: "scrolled", tabIndex: 0, role: "region", "aria-label": label },
    h("table", {}, h("caption", {}, label), h("thead", {}, h("tr", {}, ...heads.map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, ...rows.map(({ cells, wrong }) => h("tr", wrong ? { className: "wrong" } : {}, ...cells.map((cell) => h("td", {}, cell ?? "–"))))))));
