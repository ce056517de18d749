// The People page: an administrator's look at users and changes to them, and whether the audit is what was written. What was typed is kept nowhere.
import { $, h, post, stamp, t } from "/files/shell.js";
import { table, watched } from "/files/watch.js";

const ROLES = ["operator", "physician", "physicist", "service", "administrator"];
let person = null;

const button = (word, act, more = {}) => h("button", { type: "button", onclick: act, ...more }, t(word));
const field = (word, name, more = {}) => {
  const input = h("input", { name, autocomplete: "off", maxLength: 128, ...more });
  return [input, h("label", {}, t(word), input)];
};
const roles = (chosen) => {
  const select = h("select", { name: "role" }, ...ROLES.map((role) => h("option", { value: role, selected: role === chosen }, role)));
  return [select, h("label", {}, t("role"), select)];
};

async function asked(work) {
  $("answer").textContent = "";
  try { await work(); } catch (error) { $("answer").textContent = error.message; }
}

const change = (body) => asked(async () => {
  const { token } = await post("/api/token");
  const done = await post("/api/people/change", body, { "X-Kerma-Token": token });
  await list();
  $("one").replaceChildren(h("p", {}, done.words));
});

// Two fields for a secret, and what is done with it when both are the same.
function secret(word, done, repeated = "password_again") {
  const [first, firstLabel] = field(word, "secret", { type: "password" });
  const [again, againLabel] = field(repeated, "again", { type: "password" });
  const given = () => { if (first.value === again.value) done(first.value); else $("answer").textContent = t("password_differs"); };
  return [firstLabel, againLabel, given];
}

function form(title, labels, word, act) {
  const made = h("form", { onsubmit: (event) => { event.preventDefault(); act(); } }, h("h3", {}, title), ...labels, h("button", { type: "submit" }, t(word)));
  return made;
}

function one(user) {
  const name = user.name;
  const [role, roleLabel] = roles(user.role);
  const [passwordLabel, passwordAgain, withPassword] = secret("password", (typed) => change({ do: "password", name, secret: typed }));
  const [badge, badgeLabel] = field("badge", "badge", { type: "password" });
  const [pinLabel, pinAgain, withPin] = secret("pin", (typed) => change({ do: "badge", name, badge: badge.value, secret: typed }), "pin_again");
  $("one").replaceChildren(
    h("h2", {}, `${name} (${user.role})`), h("p", {}, t("made_on", { day: stamp(user.made_s).slice(0, 10) })),
    h("div", { className: "row" },
      button(user.enabled ? "disable" : "enable", () => change({ do: user.enabled ? "disable" : "enable", name })),
      user.badge ? button("no_badge", () => change({ do: "no badge", name })) : null),
    form(t("role"), [roleLabel], "change", () => change({ do: "role", name, role: role.value })),
    form(t("password"), [passwordLabel, passwordAgain], "change", withPassword),
    form(t("badge"), [badgeLabel, pinLabel, pinAgain], "change", withPin),
  );
}

function add() {
  const [name, nameLabel] = field("name", "new-name");
  const [role, roleLabel] = roles("operator");
  const [first, again, withPassword] = secret("password", (typed) => change({ do: "add", name: name.value, role: role.value, secret: typed }));
  $("one").replaceChildren(form(t("people_add"), [nameLabel, roleLabel, first, again], "people_add", withPassword));
}

async function verify() {
  const found = await post("/api/audit/verify");
  $("one").replaceChildren(
    h("h2", {}, t("audit")), h("p", {}, t("audit_found", { entries: found.entries, key: found.key })),
    ...(found.wrong.length ? found.wrong.map((words) => h("p", { className: "wrong" }, words)) : [h("p", {}, t("audit_right"))]));
}

async function list() {
  const administers = person.role === "administrator";
  const rows = administers ? (await post("/api/people/list")).users : [];
  $("list").replaceChildren(
    table(t("page_people"), [t("name"), t("role"), t("lets_in")], rows.map((user) => ({
      wrong: !user.enabled,
      cells: [h("button", { type: "button", onclick: () => one(user) }, user.name), user.role, t(user.enabled ? (user.badge ? "by_both" : "by_password") : "disabled")],
    }))),
    h("div", { className: "row" }, administers ? button("people_add", add) : null, button("audit_verify", () => asked(verify))));
}

watched.entered = (who) => { person = who; asked(list); };
watched.spoken = () => { if (person) asked(list); };
