// A document made by hand, for the pages' own scripts: elements that keep what is put into them and what listens to them. It draws nothing.
export class Element {
  constructor(tag) {
    const names = new Set();
    Object.assign(this, { tagName: tag, children: [], dataset: {}, style: {}, heard: {}, hidden: false, className: "", value: "", href: "", isConnected: true, disabled: false });
    this.classList = { add: (one) => names.add(one), remove: (one) => names.delete(one), contains: (one) => names.has(one), toggle: (one, on) => (on ? names.add(one) : names.delete(one)) };
  }
  append(...more) { this.children.push(...more); }
  prepend(...more) { this.children.unshift(...more); }
  before(...more) { this.beside = more; }
  remove() {}
  scrollIntoView() {}
  replaceChildren(...more) { this.children = more; }
  addEventListener(name, act) { (this.heard[name] ??= []).push(act); }
  setAttribute(name, value) { this[name] = value; }
  querySelector() { return new Element("one"); }
  querySelectorAll() { return []; }
  focus() {}
  contains() { return false; }
  get firstChild() { return this.children[0]; }
  get textContent() { return this.children.map((one) => (one instanceof Element ? one.textContent : String(one))).join(""); }
  set textContent(said) { this.children = [said]; }
}
export const found = (element, fits) => element.children.filter((one) => one instanceof Element).flatMap((one) => [...(fits(one) ? [one] : []), ...found(one, fits)]);
export const kept = () => { const values = {}; return { getItem: (key) => values[key] ?? null, setItem: (key, value) => { values[key] = value; } }; };
export const places = {};
export const document = {
  getElementById: (id) => (places[id] ??= new Element(id)), createElement: (tag) => new Element(tag), querySelector: () => new Element("one"), querySelectorAll: () => [],
  addEventListener: () => undefined, createElementNS: (_, tag) => new Element(tag), documentElement: new Element("html"), body: new Element("body"), title: "", hidden: false,
};
document.activeElement = document.body;

// So many turns of the loop that what was answered at once has been taken.
export const settled = async () => { for (let turn = 0; turn < 4; turn++) await new Promise((done) => setImmediate(done)); };
