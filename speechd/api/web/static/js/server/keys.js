/** API keys: make, change, revoke; what each has used. */
import { html, useState } from "../html.js";
import { tell, tellError } from "../messages.js";
import { KeyForm } from "./key_form.js";
import { Uses } from "./me.js";
import { Trouble, usePolled } from "./polled.js";
import { moment } from "./units.js";

const SECONDS = 5;

/** @typedef {{id: string, name: string, scopes: string[], limits: Record<string, number|null>, use: any, created_at: number}} Key */

/** @param {import("../main.js").SectionProps & {me: import("./me.js").Me, reload: () => Promise<void>}} props */
export function Keys({ api, t, me, reload }) {
  const { value, error, refresh } = usePolled(() => api.json("admin/keys"), SECONDS);
  const [edited, setEdited] = useState(/** @type {Key|null} */ (null));
  const [secret, setSecret] = useState("");
  const first = !me.key_required;
  const save = async (/** @type {{name: string, scopes: string[], limits: Record<string, number|null>}} */ wish) => {
    const { name, ...changes } = wish;
    try {
      if (edited) await api.json(`admin/keys/${edited.id}`, { method: "PATCH", json: changes });
      else {
        const made = await api.json("admin/keys", { json: wish });
        if (first) api.key.set(made.key); // from now on the server wants one
        setSecret(made.key);
        await reload();
      }
      setEdited(null);
      await refresh();
      return true;
    } catch (problem) {
      tellError(problem);
      return false;
    }
  };
  const revoke = async (/** @type {Key} */ key) => {
    if (!confirm(t("server.revoke_key", { name: key.name }))) return;
    await api.fetch(`admin/keys/${key.id}`, { method: "DELETE" }).catch(tellError);
    await refresh();
  };
  return html`<h2>${t("server.part_keys")}</h2>
    <${Trouble} error=${error} />
    ${first && html`<p class="hint">${t("server.first_key")}</p>`}
    ${secret && html`<${Secret} t=${t} secret=${secret} done=${() => setSecret("")} />`}
    ${value?.data.length > 0 && html`<${Table} t=${t} keys=${value.data} edit=${setEdited} revoke=${revoke} />`}
    <${KeyForm} key=${edited?.id ?? ""} t=${t} edited=${edited} first=${first} save=${save} cancel=${() => setEdited(null)} />`;
}

/** @param {{t: any, keys: Key[], edit: (key: Key) => void, revoke: (key: Key) => void}} props */
function Table({ t, keys, edit, revoke }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("server.part_keys")}><table id="keys">
    <thead>
      <tr><th>${t("server.name")}</th><th>${t("server.scopes")}</th><th>${t("server.use")}</th><th>${t("server.actions")}</th></tr>
    </thead>
    <tbody>
      ${keys.map(
        (key) => html`<tr key=${key.id} data-key=${key.name}>
          <td>${key.name}<br /><span class="hint">${key.created_at ? moment(key.created_at) : ""}</span></td>
          <td>${key.scopes.map((scope) => t(`server.scope_${scope}`)).join(", ")}</td>
          <td><${Uses} t=${t} use=${key.use} /></td>
          <td><div class="row">
            <button type="button" class="small" onClick=${() => edit(key)}>${t("server.change")}</button>
            <button type="button" class="small" onClick=${() => revoke(key)}>${t("server.revoke")}</button>
          </div></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}

/** The secret of a new key, which the server tells once. @param {{t: any, secret: string, done: () => void}} props */
function Secret({ t, secret, done }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      tell(t("server.copied"), "note");
    } catch {
      tell(t("server.not_copied"));
    }
  };
  return html`<div class="card" role="status">
    <p>${t("server.secret")}</p>
    <p><code id="secret">${secret}</code></p>
    <div class="row">
      <button type="button" class="primary" onClick=${copy}>${t("server.copy")}</button>
      <button type="button" onClick=${done}>${t("server.kept_it")}</button>
    </div>
  </div>`;
}
