// Who comes in: name and password, a badge with its PIN, or the first administrator of a new rig. It keeps nothing that was typed.
import { $, h, post, t } from "/files/shell.js";

const field = (word, name, more = {}) => {
  const input = h("input", { name, autocomplete: "off", maxLength: 128, ...more });
  return [input, h("label", {}, t(word), input)];
};

function form(word, labels, ask, done) {
  const said = h("span", { className: "wrong", role: "status" });
  const send = h("button", { type: "submit" }, t(word));
  const asked = async (event) => {
    event.preventDefault();
    send.disabled = true;
    said.textContent = "";
    try { await ask(); done(); } catch (error) { said.textContent = error.message; } finally { send.disabled = false; }
  };
  return h("form", { onsubmit: asked, className: "row" }, ...labels, send, said);
}

function setUp() {
  const [code, codeLabel] = field("set_up_code", "set-up-code");
  const [name, nameLabel] = field("name", "name");
  const [secret, secretLabel] = field("password", "password", { type: "password" });
  const [again, againLabel] = field("password_again", "password-again", { type: "password" });
  const ask = async () => {
    if (secret.value !== again.value) throw new Error(t("password_differs"));
    await post("/api/set-up", { code: code.value, name: name.value, secret: secret.value });
  };
  return [h("h2", {}, t("set_up")), h("p", {}, t("set_up_text")), form("set_up_do", [codeLabel, nameLabel, secretLabel, againLabel], ask, () => location.reload())];
}

// One's own password, by the old one; nothing of it is kept.
export function ownPassword() {
  const [old, oldLabel] = field("password_old", "password-old", { type: "password" });
  const [fresh, freshLabel] = field("password_new", "password-new", { type: "password" });
  const [again, againLabel] = field("password_again", "password-again", { type: "password" });
  const ask = async () => {
    if (fresh.value !== again.value) throw new Error(t("password_differs"));
    const { token } = await post("/api/token");
    await post("/api/own/password", { old: old.value, new: fresh.value }, { "X-Kerma-Token": token });
  };
  return h("details", {}, h("summary", {}, t("own_password")), h("p", {}, t("own_password_text")),
    form("own_password_do", [oldLabel, freshLabel, againLabel], ask, () => location.reload()));
}

// Whoever is not logged out is told so: nobody goes away from a page that is still theirs.
export async function logout() {
  try { await post("/api/logout"); location.reload(); } catch (error) { $("answer").textContent = error.message; }
}

// `entered` is called after a login. A locked page says whose it is; whoever logs in there takes its place.
export function login(frame, entered) {
  if (frame.first_run) return setUp();
  const [name, nameLabel] = field("name", "name", { value: frame.rig.simulated && !frame.locked ? "demonstration" : frame.locked });
  const [code, codeLabel] = field("code", "code", { type: "password" });
  const [badge, badgeLabel] = field("badge", "badge", { type: "password" });
  const [pin, pinLabel] = field("pin", "pin", { type: "password", inputMode: "numeric" });
  return [
    ...(frame.locked ? [h("p", { className: "wrong" }, t("locked", { name: frame.locked }))] : []),
    form("login", [nameLabel, codeLabel], () => post("/api/login", { name: name.value, secret: code.value }), entered),
    ...(frame.badges ? [form("login_badge", [badgeLabel, pinLabel], () => post("/api/login", { secret: pin.value, badge: badge.value }), entered)] : []),
  ];
}
