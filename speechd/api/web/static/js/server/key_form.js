/** The form of a key: its name, what it may do, what it may use. */
import { html, useState } from "../html.js";
import { LIMITS } from "./me.js";

const SCOPES = ["transcribe", "speak", "text", "batches", "models", "metrics", "admin"];
const USUAL = SCOPES.filter((scope) => scope !== "models" && scope !== "admin");

/**
 * @param {{t: any, edited: import("./keys.js").Key|null, first: boolean, cancel: () => void,
 *   save: (wish: {name: string, scopes: string[], limits: Record<string, number|null>}) => Promise<boolean>}} props
 *   `first`: the server has no key yet; the one that is made has to be able to make others.
 */
export function KeyForm({ t, edited, first, cancel, save }) {
  const [name, setName] = useState(edited?.name ?? "");
  const [scopes, setScopes] = useState(edited?.scopes ?? (first ? SCOPES : USUAL));
  const [limits, setLimits] = useState(/** @type {Record<string, number|null>} */ (edited?.limits ?? {}));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const done = await save({ name: name.trim(), scopes, limits: Object.fromEntries(LIMITS.map((each) => [each, limits[each] ?? null])) });
    if (!done || edited) return;
    setName("");
    setScopes(USUAL);
    setLimits({});
  };
  const toggle = (/** @type {string} */ scope) => () =>
    setScopes((old) => SCOPES.filter((each) => (each === scope ? !old.includes(each) : old.includes(each))));
  const limit = (/** @type {string} */ each) => (/** @type {any} */ event) =>
    setLimits((old) => ({ ...old, [each]: event.target.value === "" ? null : Number(event.target.value) }));
  return html`<form onSubmit=${submit} id="key-form">
    <h3>${edited ? t("server.change_key", { name: edited.name }) : t("server.new_key")}</h3>
    ${!edited &&
    html`<label class="field">
      ${t("server.name")}
      <input id="key-name" required maxlength="64" pattern="[\\w.@\\-]+" title=${t("server.name_rule")} value=${name}
        onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
    </label>`}
    <fieldset class="row plainset">
      <legend class="field">${t("server.scopes")}</legend>
      ${SCOPES.map(
        (scope) => html`<label class="row">
          <input type="checkbox" name=${scope} checked=${scopes.includes(scope)} onChange=${toggle(scope)} /> ${t(`server.scope_${scope}`)}
        </label>`,
      )}
    </fieldset>
    <div class="grid">
      ${LIMITS.map(
        (each) => html`<label class="field">
          ${t(`server.limit_${each}`)}
          <input type="number" name=${each} min="1" step="1" placeholder=${t("server.unlimited")} value=${limits[each] ?? ""}
            onInput=${limit(each)} />
        </label>`,
      )}
    </div>
    <div class="row">
      <button type="submit" class="primary" disabled=${!scopes.length}>${t(edited ? "server.save" : "server.make_key")}</button>
      ${edited && html`<button type="button" onClick=${cancel}>${t("server.discard")}</button>`}
    </div>
  </form>`;
}
