/** Recordings in, jobs out: files, folders or a microphone, and the list of jobs with their live text. */
import { html, useEffect, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { tell, tellError } from "../messages.js";
import { useStore } from "../store.js";
import { ACCEPT, fromDrop, fromInput, isRecording } from "../transcribe/files.js";
import { followJobs, jobs } from "../transcribe/jobs.js";
import { Options, keepWishes, keptWishes } from "../transcribe/options.js";
import { Recorder } from "../transcribe/recorder.js";
import { JobRow, UploadRow } from "../transcribe/rows.js";
import { addUpload, changeUpload, restoreRecordings, sendAll, uploads } from "../transcribe/uploads.js";

/** @param {import("../main.js").SectionProps} props */
export default function Section({ api }) {
  const waiting = useStore(uploads);
  const { rows, loaded, away } = useStore(jobs);
  const [wishes, setWishes] = useState(keptWishes);
  const [models, setModels] = useState(/** @type {{id: string, languages: string[]}[]} */ ([]));
  useEffect(() => {
    const ending = new AbortController();
    followJobs(ending.signal);
    restoreRecordings();
    recognisers(api, ending.signal).then(setModels, tellError);
    return () => ending.abort();
  }, []);
  const add = (/** @type {import("../transcribe/files.js").Found[]} */ found) => {
    const good = found.filter(({ file }) => isRecording(file));
    if (good.length < found.length) tell(t("transcribe.left_out", { count: found.length - good.length }));
    good.forEach(({ file, name }) => addUpload(file, name, wishes));
  };
  const change = (/** @type {import("../transcribe/options.js").Wishes} */ next) => {
    keepWishes(next);
    setWishes(next);
    uploads.get().forEach((each) => each.state === "waiting" && !each.own && changeUpload(each.id, { wishes: next }));
  };
  return html`
    <h1>${t("transcribe.title")}</h1>
    <section class="card" aria-label=${t("transcribe.add")}>
      <${Drop} onFound=${add} />
      <${Recorder} onRecorded=${(/** @type {Blob} */ blob, /** @type {string} */ name) => addUpload(blob, name, wishes, true)} />
      <details class="options">
        <summary>${t("transcribe.options")}</summary>
        <${Options} wishes=${wishes} models=${models} onChange=${change} />
      </details>
    </section>
    ${waiting.length > 0 &&
    html`<section class="card" aria-labelledby="waiting">
      <h2 id="waiting">${t("transcribe.waiting")}</h2>
      <ul class="rows">
        ${waiting.map((upload) => html`<${UploadRow} key=${upload.id} upload=${upload} models=${models} />`)}
      </ul>
      <button type="button" class="primary" disabled=${!waiting.some((each) => each.state === "waiting")} onClick=${sendAll}>
        ${t("transcribe.send")}
      </button>
    </section>`}
    <section class="card" aria-labelledby="jobs">
      <h2 id="jobs">${t("transcribe.jobs")}</h2>
      ${away && html`<p class="fault" role="alert">${t("error.unreachable")}</p>`}
      ${loaded && !rows.length && html`<p class="hint">${t("transcribe.no_jobs")}</p>`}
      <ul class="rows">
        ${rows.map((row) => html`<${JobRow} key=${row.job.id} row=${row} />`)}
      </ul>
    </section>
  `;
}

/** @param {{onFound: (found: import("../transcribe/files.js").Found[]) => void}} props */
function Drop({ onFound }) {
  const files = useRef(/** @type {HTMLInputElement|null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement|null} */ (null));
  const [over, setOver] = useState(false);
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer) fromDrop(event.dataTransfer).then(onFound, tellError);
  };
  const chosen = (/** @type {any} */ event) => {
    onFound(fromInput(event.target.files));
    event.target.value = "";
  };
  const drag = (/** @type {DragEvent} */ event) => (event.preventDefault(), setOver(true));
  return html`<div class=${over ? "drop over" : "drop"} onDragOver=${drag} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <p>${t("transcribe.drop")}</p>
    <div class="row">
      <button type="button" class="primary" onClick=${() => files.current?.click()}>${t("transcribe.files")}</button>
      <button type="button" onClick=${() => folder.current?.click()}>${t("transcribe.folder")}</button>
    </div>
    <input ref=${files} id="files" type="file" multiple accept=${ACCEPT} hidden onChange=${chosen} aria-label=${t("transcribe.files")} />
    <input ref=${folder} id="folder" type="file" webkitdirectory hidden onChange=${chosen} aria-label=${t("transcribe.folder")} />
  </div>`;
}

/** The models that transcribe, but for other names of them. @param {import("../main.js").SectionProps["api"]} api @param {AbortSignal} signal */
async function recognisers(api, signal) {
  const { data } = await api.json("models", { signal });
  return data
    .filter((/** @type {any} */ model) => model.active && model.speechd?.kind === "asr" && !model.speechd.stands_for)
    .map((/** @type {any} */ model) => ({ id: model.id, languages: model.speechd.languages }));
}
