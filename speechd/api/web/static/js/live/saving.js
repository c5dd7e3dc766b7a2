/** What was said live, as files, or as a transcript to edit. */
import { saveBlob } from "../download.js";
import { html, useState } from "../html.js";
import { tell, tellError } from "../messages.js";
import { nameJob } from "../transcribe/jobs.js";
import { DEFAULTS, requestOf } from "../transcribe/options.js";
import { addUpload } from "../transcribe/uploads.js";
import { markSaved } from "./session.js";
import { toTranscript } from "./turns.js";

/** Formats of the server, with the endings of their files. */
const FORMATS = [
  { id: "text", ending: "txt" },
  { id: "srt", ending: "srt" },
  { id: "vtt", ending: "vtt" },
  { id: "minutes", ending: "md" },
  { id: "verbose_json", ending: "json" },
  { id: "diarized_json", ending: "json" },
];
const ENDINGS = [
  ["webm", "webm"],
  ["mp4", "m4a"],
  ["ogg", "ogg"],
];

/**
 * @param {{api: typeof import("../api.js").api, t: typeof import("../i18n/index.js").t,
 *   navigate: typeof import("../sections.js").navigate, turns: import("./turns.js").Turns, recording: Blob|null,
 *   choice: import("./options.js").Choice}} props
 */
export function Saving({ api, t, navigate, turns, recording, choice }) {
  const [format, setFormat] = useState("text");
  const [busy, setBusy] = useState(false);
  const guarded = (/** @type {() => Promise<void>} */ work) => async () => {
    setBusy(true);
    await work().catch(tellError);
    setBusy(false);
  };
  const download = guarded(async () => {
    const json = { transcript: toTranscript(turns, choice.language), response_format: format };
    const reply = await api.fetch("audio/transcriptions/format", { json });
    const ending = FORMATS.find((row) => row.id === format)?.ending;
    saveBlob(await reply.blob(), `${t("live.file_name")}.${ending}`);
    markSaved();
  });
  const keep = guarded(async () => {
    const file = /** @type {Blob} */ (recording);
    const name = fileName(file, `${t("live.file_name")} ${new Date().toLocaleString()}`);
    try {
      const job = await sendRecording(api, file, name, choice);
      markSaved();
      navigate("result", job);
    } catch (error) {
      tellError(error);
      addUpload(file, name, wishesOf(choice), true);
      tell(t("live.kept"), "note");
    }
  });
  return html`<section class="card" aria-labelledby="live-save">
    <h2 id="live-save">${t("live.save")}</h2>
    <div class="row">
      <label class="field">
        ${t("live.format")}
        <select id="save-format" value=${format} onChange=${(/** @type {any} */ event) => setFormat(event.target.value)}>
          ${FORMATS.map((row) => html`<option value=${row.id}>${t(`live.format_${row.id}`)}</option>`)}
        </select>
      </label>
      <button type="button" disabled=${busy || !turns.length} onClick=${download}>${t("live.download")}</button>
    </div>
    ${recording &&
    html`<p class="hint">${t("live.keep_note")}</p>
      <div class="row">
        <button type="button" class="primary" disabled=${busy} onClick=${keep}>${t("live.keep")}</button>
        <button type="button" onClick=${() => saveBlob(recording, fileName(recording, t("live.file_name")))}>
          ${t("live.download_audio")}
        </button>
      </div>`}
  </section>`;
}

/**
 * The recording as an audio job, whose transcript has speakers and can be edited.
 *
 * @param {typeof import("../api.js").api} api
 * @param {Blob} recording
 * @param {string} name
 * @param {import("./options.js").Choice} choice
 * @returns {Promise<string>} id of the job
 */
async function sendRecording(api, recording, name, choice) {
  const { path, form } = requestOf(wishesOf(choice), recording, name);
  const job = await api.json(path, { method: "POST", body: form, headers: { prefer: "respond-async" } });
  await nameJob(job, name);
  return job.id;
}

/** @param {import("./options.js").Choice} choice @returns {import("../transcribe/options.js").Wishes} */
function wishesOf({ model, language, words, speakers }) {
  return { ...DEFAULTS, model, language, words, speakers: speakers ? "voices" : "one" };
}

/** @param {Blob} recording @param {string} name */
function fileName(recording, name) {
  const ending = ENDINGS.find(([kind]) => recording.type.includes(kind))?.[1] ?? "bin";
  return `${name}.${ending}`;
}
