// One's own secret once more, where a look at the login is not enough: the rest of a fraction, a signature, a correction. It keeps nothing that was typed.
import { h, post, t } from "/files/shell.js";

const DEMONSTRATION = "demonstration";

// The fields, and what was typed in them, which is taken once; the badge's field is there where badges are. With `kept` a panel that is built anew may fill them.
export function again(person, badges, kept = false) {
  const secret = h("input", { name: "secret", type: "password", maxLength: 200, autocomplete: "off" });
  const badge = h("input", { name: "badge", type: "password", maxLength: 64, autocomplete: "off" });
  if (kept) secret.id = "secret", badge.id = "badge-again";
  const word = person?.name === DEMONSTRATION ? "code_again" : "secret_again";
  const taken = () => {
    const said = { secret: secret.value, badge: badge.value };
    secret.value = badge.value = "";
    return said;
  };
  return { labels: [h("label", {}, t(word), secret), ...(badges ? [h("label", {}, t("badge_if"), badge)] : [])], taken };
}

// A form that ends with the secret. `asked` makes path and body of it, `done` is called with the answer after it was taken, and what was refused is said in `said`.
export function form(person, word, values, labels, said, done, asked) {
  const own = again(person, true);
  const send = h("button", { type: "submit" }, t(word, values));
  const say = (words) => {
    said.textContent = words;
    said.scrollIntoView({ block: "center" });
  };
  const go = async (event) => {
    event.preventDefault();
    send.disabled = true;
    said.textContent = "";
    const [path, body] = asked(own.taken());
    let taken = null;
    try {
      const { token } = await post("/api/token");
      taken = await post(`/api/${path}`, body, { "X-Kerma-Token": token });
    } catch (error) {
      say(error.message);
      send.disabled = false;
      return;
    }
    // it is done: where the look that follows fails nothing was refused, and nothing is asked for once more
    try { await done(taken); } catch (error) { say(`${taken.words}; ${error.message}`); }
  };
  return h("form", { onsubmit: go }, ...labels, ...own.labels, send);
}
