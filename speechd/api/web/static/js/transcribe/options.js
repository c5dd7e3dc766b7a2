/** How a recording is to be transcribed: the fields of a file, and the request they become. */
import { html } from "../html.js";
import { language, t } from "../i18n/index.js";

/**
 * @typedef {{model: string, language: string, task: string, speakers: string, count: string, words: string}} Wishes
 * `speakers`: one, voices or channels.
 */

/** @type {Wishes} */
export const DEFAULTS = { model: "auto", language: "", task: "transcribe", speakers: "one", count: "", words: "" };
const KEPT = "speechd.wishes";
const TASKS = ["transcribe", "translate"];
const SPEAKERS = ["one", "voices", "channels"];

/** What was chosen last. @returns {Wishes} */
export function keptWishes() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}"), words: "" };
  } catch {
    return DEFAULTS;
  }
}

/** @param {Wishes} wishes */
export function keepWishes(wishes) {
  localStorage.setItem(KEPT, JSON.stringify({ ...wishes, words: "" }));
}

/**
 * @param {Wishes} wishes @param {Blob} file @param {string} name
 * @returns {{path: string, form: FormData}}
 */
export function requestOf(wishes, file, name) {
  const form = new FormData();
  form.append("model", wishes.model);
  form.append("response_format", "verbose_json");
  for (const each of ["word", "segment"]) form.append("timestamp_granularities[]", each);
  for (const each of ["evidence", "logprobs", "plain_times"]) form.append("include[]", each);
  if (wishes.language && wishes.task === "transcribe") form.append("language", wishes.language);
  if (wishes.speakers === "voices") form.append("speakers", "true");
  if (wishes.speakers === "voices" && Number(wishes.count) > 0) form.append("num_speakers", wishes.count);
  if (wishes.speakers === "channels") form.append("channels", "split");
  for (const word of expected(wishes.words)) form.append("keywords[]", word);
  form.append("file", file, name.split("/").pop() || "recording");
  return { path: wishes.task === "translate" ? "audio/translations" : "audio/transcriptions", form };
}

/** `Ada Lovelace, CTranslate2` -> two. @param {string} text */
function expected(text) {
  return text
    .split(/[,;\n]/)
    .map((word) => word.trim())
    .filter(Boolean);
}

/**
 * @param {{wishes: Wishes, models: {id: string, languages: string[]}[], onChange: (wishes: Wishes) => void}} props
 */
export function Options({ wishes, models, onChange }) {
  const set = (/** @type {keyof Wishes} */ name) => (/** @type {any} */ event) =>
    onChange({ ...wishes, [name]: event.target.value });
  const chosen = wishes.model === "auto" ? models : models.filter((model) => model.id === wishes.model);
  const codes = [...new Set(chosen.flatMap((model) => model.languages))];
  const names = new Intl.DisplayNames([language.get()], { type: "language" });
  const spoken = codes.map((code) => ({ code, name: nameOf(names, code) })).sort((a, b) => a.name.localeCompare(b.name));
  return html`<div class="grid">
    <label class="field"
      >${t("option.model")}
      <select value=${wishes.model} onChange=${set("model")}>
        <option value="auto">${t("option.auto")}</option>
        ${models.map((model) => html`<option value=${model.id}>${model.id}</option>`)}
      </select>
    </label>
    <label class="field"
      >${t("option.task")}
      <select value=${wishes.task} onChange=${set("task")}>
        ${TASKS.map((task) => html`<option value=${task}>${t(`option.task.${task}`)}</option>`)}
      </select>
    </label>
    <label class="field"
      >${t("option.language")}
      <select value=${wishes.language} onChange=${set("language")} disabled=${wishes.task === "translate"}>
        <option value="">${t("option.detect")}</option>
        <option value="multi">${t("option.multi")}</option>
        ${spoken.map(({ code, name }) => html`<option value=${code}>${name}</option>`)}
      </select>
    </label>
    <label class="field"
      >${t("option.speakers")}
      <select value=${wishes.speakers} onChange=${set("speakers")}>
        ${SPEAKERS.map((each) => html`<option value=${each}>${t(`option.speakers.${each}`)}</option>`)}
      </select>
    </label>
    ${wishes.speakers === "voices" &&
    html`<label class="field"
      >${t("option.count")}
      <input type="number" min="1" max="20" value=${wishes.count} placeholder=${t("option.detect")} onInput=${set("count")} />
    </label>`}
    <label class="field"
      >${t("option.words")}
      <input type="text" value=${wishes.words} placeholder=${t("option.words.example")} onInput=${set("words")} />
    </label>
  </div>`;
}

/** @param {Intl.DisplayNames} names @param {string} code */
function nameOf(names, code) {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}
