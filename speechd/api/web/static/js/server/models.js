/** Models: which there are, which `auto` is, pull with progress, load, unload, remove. */
import { html, useState } from "../html.js";
import { tell, tellError } from "../messages.js";
import { languageName } from "../speak/voices.js";
import { Trouble, usePolled } from "./polled.js";
import { size } from "./units.js";

const SECONDS = 2;
const SHOWN_LANGUAGES = 3;

/**
 * @typedef {{id: string, active: boolean, owned_by: string, speechd: {kind: "asr"|"speakers"|"tts", embedded: boolean,
 *   languages: string[], stands_for: string|null, source: string|null, loaded: {bytes: number, users: number}|null,
 *   pull: {state: string, completed_bytes: number, total_bytes: number, error: string|null}|null}}} Model
 */

/** @param {import("../main.js").SectionProps & {may: boolean}} props `may`: whether the key may change models */
export function Models({ api, t, may }) {
  const polled = usePolled(() => modelsOf(api), SECONDS);
  const [search, setSearch] = useState("");
  const [all, setAll] = useState(false);
  const act = (/** @type {string} */ path, /** @type {string} */ method) => async () => {
    await api.fetch(path, { method }).catch(tellError);
    await polled.refresh();
  };
  const rows = (polled.value?.models ?? []).filter(
    (model) => (all || search || isInstalled(model) || model.speechd.pull) && matches(model, search),
  );
  return html`<h2>${t("server.models")}</h2>
    <${Trouble} error=${polled.error} />
    ${polled.value && html`<p>${t("server.auto", { asr: polled.value.auto ?? "–", tts: polled.value.voice ?? "–" })}</p>`}
    <div class="row">
      <label class="field grow">
        ${t("server.search")}
        <input type="search" value=${search} onInput=${(/** @type {any} */ event) => setSearch(event.target.value.trim())} />
      </label>
      <label class="row">
        <input type="checkbox" checked=${all} onChange=${(/** @type {any} */ event) => setAll(event.target.checked)} />
        ${t("server.all_models")}
      </label>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("server.models")}><table id="models">
      <thead>
        <tr><th>${t("server.model")}</th><th>${t("server.languages")}</th><th>${t("server.state")}</th>
          ${may && html`<th>${t("server.actions")}</th>`}</tr>
      </thead>
      <tbody>
        ${rows.map(
          (model) => html`<tr key=${model.id} data-model=${model.id}>
            <td>${model.id} ${isAuto(model, polled.value) && html`<strong>auto</strong>`}<br />
              <span class="hint">${t(`server.kind_${model.speechd.kind}`)}</span></td>
            <td>${languagesOf(model, t)}</td>
            <td><${ModelState} t=${t} model=${model} /></td>
            ${may && html`<td><div class="row"><${Actions} t=${t} model=${model} act=${act} /></div></td>`}
          </tr>`,
        )}
      </tbody>
    </table></div>
    ${may && html`<${PullOther} api=${api} t=${t} refresh=${polled.refresh} />`}`;
}

/** @param {import("../main.js").SectionProps["api"]} api */
async function modelsOf(api) {
  const [list, voices, auto] = await Promise.all([
    api.json("models"),
    api.json("audio/voices"),
    api.json("models/auto").catch(() => null), // there is no recogniser at all
  ]);
  /** @type {Model[]} */
  const models = list.data.filter((/** @type {any} */ { speechd }) => speechd && (!speechd.stands_for || speechd.source));
  const voice = voices.data.find((/** @type {any} */ each) => each.default)?.id ?? null;
  return { models, voice, auto: auto?.speechd?.stands_for ?? null };
}

/** Its own files are here: no other model answers to its name. @param {Model} model */
function isInstalled(model) {
  return model.active && !model.speechd.stands_for;
}

/** @param {Model} model @param {{auto: string|null, voice: string|null}|null} known */
function isAuto(model, known) {
  return model.id === known?.auto || model.id === known?.voice?.split("#")[0];
}

/** @param {Model} model @param {string} search */
function matches(model, search) {
  const names = model.speechd.languages.map(languageName).join(" ");
  return `${model.id} ${model.owned_by} ${names}`.toLowerCase().includes(search.toLowerCase());
}

/** @param {Model} model @param {typeof import("../i18n/index.js").t} t */
function languagesOf(model, t) {
  const names = model.speechd.languages.map(languageName);
  if (!names.length) return model.speechd.kind === "asr" ? t("server.many_languages") : "–";
  const rest = names.length - SHOWN_LANGUAGES;
  return rest > 1 ? t("server.languages_and", { names: names.slice(0, SHOWN_LANGUAGES).join(", "), rest }) : names.join(", ");
}

/** @param {{t: any, model: Model}} props */
function ModelState({ t, model }) {
  const { loaded, pull, embedded, stands_for: other } = model.speechd;
  if (pull?.state === "pulling") {
    const told = { done: size(pull.completed_bytes), total: pull.total_bytes ? size(pull.total_bytes) : "?" };
    return html`${t("server.pulling", told)}
      <progress aria-label=${t("server.progress")} max=${pull.total_bytes || 1}
        value=${pull.total_bytes ? pull.completed_bytes : undefined}></progress>`;
  }
  if (loaded) return html`<span class="good">${t("server.loaded", { size: size(loaded.bytes) })}</span>`;
  if (isInstalled(model)) return t(embedded ? "server.embedded" : "server.installed");
  return html`${other ? t("server.answered_by", { model: other }) : t("server.absent")} ${pull?.state === "failed" && html`<p class="fault">${pull.error}</p>`}`;
}

/** @param {{t: any, model: Model, act: (path: string, method: string) => () => Promise<void>}} props */
function Actions({ t, model, act }) {
  const { loaded, pull, embedded, kind } = model.speechd;
  const path = `models/${model.id}`;
  const button = (/** @type {string} */ text, /** @type {() => unknown} */ work) =>
    html`<button type="button" class="small" aria-label=${`${t(text)}: ${model.id}`} onClick=${work}>${t(text)}</button>`;
  if (!isInstalled(model)) return pull?.state === "pulling" ? null : button("server.pull", act(path, "POST"));
  const remove = () => confirm(t("server.delete_model", { model: model.id })) && act(path, "DELETE")();
  return html`
    ${kind !== "speakers" && button(loaded ? "server.unload" : "server.load", act(`${path}/${loaded ? "unload" : "load"}`, "POST"))}
    ${!embedded && button("server.delete", remove)}`;
}

/** @param {{api: import("../main.js").SectionProps["api"], t: any, refresh: () => Promise<void>}} props */
function PullOther({ api, t, refresh }) {
  const [name, setName] = useState("");
  const pull = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await api.fetch(`models/${name.trim()}`, { method: "POST" });
      tell(t("server.pull_begins", { model: name.trim() }), "note");
      setName("");
    } catch (error) {
      tellError(error);
    }
    await refresh();
  };
  return html`<form class="row" onSubmit=${pull}>
    <label class="field grow">
      ${t("server.pull_other")}
      <input id="pull-name" required value=${name} placeholder="de_DE-thorsten-medium"
        onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
    </label>
    <button type="submit">${t("server.pull")}</button>
  </form>
  <p class="hint">${t("server.pull_not_auto")}</p>`;
}
