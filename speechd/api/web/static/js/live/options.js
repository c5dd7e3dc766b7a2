/** How a live session listens: microphone, model, language, words to expect, speakers. */
import { listMicrophones } from "../audio/microphone.js";
import { html, useEffect, useState } from "../html.js";
import { tellError } from "../messages.js";
import { languageName } from "../speak/voices.js";

/**
 * @typedef {{device: string, model: string, language: string, words: string, speakers: boolean}} Choice
 */

/** @type {Choice} */
export const DEFAULT_CHOICE = { device: "", model: "auto", language: "", words: "", speakers: false };

/**
 * @param {{api: typeof import("../api.js").api, t: typeof import("../i18n/index.js").t, choice: Choice,
 *   change: (part: Partial<Choice>) => void, running: boolean}} props
 */
export function Options({ api, t, choice, change, running }) {
  const [models, setModels] = useState(/** @type {{id: string, languages: string[]}[]} */ ([]));
  const [devices, setDevices] = useState(/** @type {{id: string, name: string}[]} */ ([]));
  useEffect(() => {
    api.json("models").then((list) => setModels(recognisers(list.data)), tellError);
  }, []);
  useEffect(() => {
    const look = () => listMicrophones().then(setDevices, () => setDevices([]));
    look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
  }, [running]);
  const from = (/** @type {keyof Choice} */ name) => (/** @type {any} */ event) => change({ [name]: event.target.value });
  const chosen = models.filter((model) => choice.model === "auto" || choice.model === model.id);
  const codes = [...new Set(chosen.flatMap((model) => model.languages))];
  const names = codes.map((code) => /** @type {const} */ ([code, languageName(code)])).sort((a, b) => a[1].localeCompare(b[1]));
  return html`<fieldset class="grid plainset" disabled=${running}>
    <legend class="hidden">${t("live.options")}</legend>
    <label class="field">
      ${t("live.device")}
      <select value=${choice.device} onChange=${from("device")}>
        <option value="">${t("live.any_device")}</option>
        ${devices.map((device, i) => html`<option value=${device.id}>${device.name || t("live.device_n", { number: i + 1 })}</option>`)}
      </select>
    </label>
    <label class="field">
      ${t("live.language")}
      <select id="language" value=${choice.language} onChange=${from("language")}>
        <option value="">${t("live.detect")}</option>
        ${names.map(([code, name]) => html`<option value=${code}>${name}</option>`)}
      </select>
    </label>
    <label class="field">
      ${t("live.model")}
      <select id="model" value=${choice.model} onChange=${from("model")}>
        <option value="auto">${t("live.auto")}</option>
        ${models.map(({ id }) => html`<option value=${id}>${id}</option>`)}
      </select>
    </label>
    <label class="field">
      ${t("live.words")}
      <input value=${choice.words} placeholder=${t("live.words_example")} onInput=${from("words")} />
    </label>
    <label class="row">
      <input type="checkbox" id="speakers" checked=${choice.speakers}
        onChange=${(/** @type {any} */ event) => change({ speakers: event.target.checked })} />
      ${t("live.speakers")}
    </label>
  </fieldset>`;
}

/** @param {any[]} models of GET models */
function recognisers(models) {
  return models
    .filter((model) => model.active && model.speechd?.kind === "asr" && !model.speechd.stands_for)
    .map((model) => ({ id: model.id, languages: model.speechd.languages }));
}

/** `tea, Lisbon` -> its words. @param {string} text */
export function wordsOf(text) {
  return text.split(/[,;\n]/).map((word) => word.trim()).filter(Boolean);
}
