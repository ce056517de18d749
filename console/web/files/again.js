// One's own secret once more, where a look at the login is not enough: the rest of a fraction, a signature, a correction. It keeps nothing that was typed.
import { h, t } from "/files/shell.js";

const DEMONSTRATION = "demonstration";

// The fields, and what was typed in them, which is taken once; the badge's field is there where badges are.
export function again(person, badges) {
  const secret = h("input", { id: "secret", type: "password", maxLength: 200, autocomplete: "off" });
  const badge = h("input", { id: "badge-again", type: "password", maxLength: 64, autocomplete: "off" });
  const word = person?.name === DEMONSTRATION ? "code_again" : "secret_again";
  const taken = () => {
    const said = { secret: secret.value, badge: badge.value };
    secret.value = badge.value = "";
    return said;
  };
  return { labels: [h("label", {}, t(word), secret), ...(badges ? [h("label", {}, t("badge_if"), badge)] : [])], taken };
}
