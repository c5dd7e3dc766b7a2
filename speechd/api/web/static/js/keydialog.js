/** Asks for the API key when the server wants one. */
import { api } from "./api.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { t } from "./i18n/index.js";

/** @param {{open: boolean, wrong: boolean, onDone: (used: boolean) => void}} props */
export function KeyDialog({ open, wrong, onDone }) {
  const dialog = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const [value, setValue] = useState("");
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  const use = (/** @type {Event} */ event) => {
    event.preventDefault();
    api.key.set(value.trim());
    setValue("");
    onDone(true);
  };
  return html`<dialog ref=${dialog} class="card" aria-labelledby="key-title" onCancel=${() => onDone(false)}>
    <form onSubmit=${use}>
      <h2 id="key-title">${t("key.title")}</h2>
      ${wrong && html`<p class="fault" role="alert">${t("key.wrong")}</p>`}
      <label class="field"
        >${t("key.label")}
        <input
          type="password"
          autocomplete="off"
          required
          value=${value}
          onInput=${(/** @type {any} */ event) => setValue(event.target.value)}
        />
      </label>
      <p class="hint">${t("key.note")}</p>
      <div class="row">
        <button type="submit" class="primary">${t("key.use")}</button>
        <button type="button" onClick=${() => onDone(false)}>${t("key.later")}</button>
      </div>
    </form>
  </dialog>`;
}
