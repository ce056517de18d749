// The photo and the notes of a lesion: shown beside patient, side and site so that a person compares them, attached and taken away. A photo is drawn anew here,
// so that only the picture goes out: no place, no date, no mirrored view.
import { h, named, post, stamp, t } from "/files/shell.js";

const MOST_SIDE = 1600, QUALITY = 0.9;

async function asked(path, body) {
  const { token } = await post("/api/token");
  return post(`/api/lesion/${path}`, body, { "X-Kerma-Token": token });
}

async function drawnAnew(file) {
  let picture;
  try { picture = await createImageBitmap(file, { imageOrientation: "from-image" }); } catch { throw new Error(t("photo_none")); }
  const part = Math.min(1, MOST_SIDE / Math.max(picture.width, picture.height));
  const canvas = h("canvas", { width: Math.round(picture.width * part), height: Math.round(picture.height * part) });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

// A card that fills itself. `one` is the order, `name` its file or "" for the loaded one; with `compare` it asks for a look and tells what was compared:
// the photo's name, or "" where there is none. With `change` it has the forms.
export function lesion(one, name, { compare = null, change = false } = {}) {
  const order = { order: name, sha256: one.sha256 };
  const card = h("section", { className: "lesion" }, h("h2", {}, t("lesion_photo")));
  const said = h("p", { className: "wrong", role: "status" });
  const fill = async () => {
    const found = await post("/api/lesion/about", order);
    card.replaceChildren(h("h2", {}, t("lesion_photo")), h("p", { className: "whose" }, named(one.patient_id, one.patient_id_2, t(`side_${one.laterality}`), one.site, one.lesion_id)),
      ...found.wrong.map((words) => h("p", { className: "wrong" }, `${t("lesion_wrong")} ${words}`)), ...shown(found), ...found.notes.map((note) => noted(note)),
      ...(change ? forms(found) : []), said);
    if (compare && !found.photo) compare("");
  };
  const shown = ({ photo, wrong }) => {
    if (!photo) return wrong.length ? [] : [h("p", { className: "wrong" }, t("photo_missing"))];
    const looked = h("button", { type: "button", "aria-pressed": false, hidden: true }, t("photo_compared"));
    looked.addEventListener("click", () => { looked.setAttribute("aria-pressed", "true"); looked.textContent = `✔ ${t("photo_compared")}`; compare(photo.file); });
    const image = h("img", { alt: t("photo_alt", { site: one.site, side: t(`side_${one.laterality}`) }), onload: () => { looked.hidden = !compare; }, onerror: () => { said.textContent = t("photo_broken"); } });
    image.src = `/api/lesion/photo?name=${photo.file}`;
    return [image, h("small", {}, `${photo.who} (${photo.role}), ${stamp(photo.wall_s)}`), looked];
  };
  const noted = (note) => h("p", {}, `• ${note.words} `, h("small", {}, `${note.who} (${note.role}), ${stamp(note.wall_s)}`));
  const act = (work) => async (event) => {
    event.preventDefault();
    said.textContent = "";
    try { await work(event); await fill(); } catch (error) { said.textContent = error.message; }
  };
  const forms = (found) => {
    const file = h("input", { type: "file", accept: "image/*", onchange: act(async () => { if (file.files.length) await asked("photo", { ...order, photo: await drawnAnew(file.files[0]) }); }) });
    const words = h("input", { maxLength: 400, autocomplete: "off" });
    const standing = [...(found.photo ? [found.photo] : []), ...found.notes];
    return [
      h("label", {}, t("photo_attach"), file), h("small", {}, t("photo_note")),
      h("form", { onsubmit: act(() => asked("note", { ...order, words: words.value })) }, h("label", {}, t("note_words"), words), h("button", { type: "submit" }, t("note_do"))),
      ...standing.map((one_of) => {
        const reason = h("input", { maxLength: 200, required: true, autocomplete: "off" });
        return h("details", {}, h("summary", {}, t("away", { what: one_of.words || t("lesion_photo") })),
          h("form", { onsubmit: act(() => asked("away", { ...order, n: one_of.n, reason: reason.value })) }, h("label", {}, t("reason"), reason), h("button", { type: "submit" }, t("away_do"))));
      }),
    ];
  };
  fill().catch((error) => { said.textContent = error.message; card.append(said); });
  return card;
}
