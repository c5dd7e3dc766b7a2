/** One line for each recording that waits, and for each job. */
import { clock, date, size } from "../clock.js";
import { html } from "../html.js";
import { language, t } from "../i18n/index.js";
import { tellError } from "../messages.js";
import { cancelJob, deleteJob, isOpen } from "./jobs.js";
import { Options } from "./options.js";
import { changeUpload, removeUpload } from "./uploads.js";

const LIVE_SHOWN = 6;

/** @param {{upload: import("./uploads.js").Upload, models: {id: string, languages: string[]}[]}} props */
export function UploadRow({ upload, models }) {
  const waits = upload.state === "waiting";
  const change = (/** @type {import("./options.js").Wishes} */ wishes) => changeUpload(upload.id, { wishes, own: true });
  return html`<li>
    <div class="row">
      <strong class="grow name">${upload.name}</strong>
      <span class="hint">${size(upload.blob.size)}</span>
      ${waits
        ? html`<button type="button" class="small" aria-label=${t("upload.remove", { name: upload.name })} onClick=${() => removeUpload(upload.id)}>✕</button>`
        : html`<span role="status">${t("upload.sending")}</span>`}
    </div>
    ${upload.fault && html`<p class="fault" role="alert">${upload.fault}</p>`}
    ${waits &&
    html`<details class="options">
      <summary>${t("upload.options")}</summary>
      <${Options} wishes=${upload.wishes} models=${models} onChange=${change} />
    </details>`}
  </li>`;
}

/** @param {{row: import("./jobs.js").Row}} props */
export function JobRow({ row }) {
  const { job, live } = row;
  const name = row.name || date(job.created_at, language.get());
  return html`<li data-job=${job.id}>
    <div class="row">
      <span class="grow name">
        ${job.status === "completed" ? html`<a href=${`#/result/${job.id}`}>${name}</a>` : html`<strong>${name}</strong>`}
      </span>
      <span class=${`status ${job.status}`}>${t(`job.${job.status}`)}</span>
      <${Actions} job=${job} name=${name} />
    </div>
    <p class="hint">${facts(row)}</p>
    ${job.status === "running" && html`<${Progress} row=${row} name=${name} />`}
    ${job.error && html`<p class="fault">${job.error.message}</p>`}
    ${isOpen(job) && job.waiting_for && html`<p class="fault">${job.waiting_for.message}</p>`}
    ${isOpen(job) &&
    live.length > 0 &&
    html`<p class="partial" aria-live="polite">${live.slice(-LIVE_SHOWN).map((each) => each.text.trim()).join(" ")}</p>`}
  </li>`;
}

/** @param {{row: import("./jobs.js").Row, name: string}} props */
function Progress({ row: { job, left }, name }) {
  const { done = 0, total, ratio } = job.progress;
  return html`<div>
    <progress value=${ratio ?? undefined} max="1" aria-label=${t("job.progress", { name })} />
    <p class="hint">
      ${total ? t("job.done", { done: clock(done), total: clock(total) }) : clock(done)}${" "}
      ${left !== null && t("job.left", { time: clock(left) })}
    </p>
  </div>`;
}

/** @param {{job: any, name: string}} props */
function Actions({ job, name }) {
  if (isOpen(job))
    return html`<button type="button" class="small" aria-label=${t("job.cancel_name", { name })} onClick=${() => cancelJob(job.id).catch(tellError)}>
      ${t("job.cancel")}
    </button>`;
  const remove = () => confirm(t("job.delete_sure", { name })) && deleteJob(job.id).catch(tellError);
  return html`<button type="button" class="small" aria-label=${t("job.delete_name", { name })} onClick=${remove}>
    ${t("job.delete")}
  </button>`;
}

/** @param {import("./jobs.js").Row} row */
function facts({ job, name }) {
  const length = job.progress?.total ? clock(job.progress.total) : "";
  const task = job.endpoint.endsWith("translations") ? t("option.task.translate") : "";
  return [name && date(job.created_at, language.get()), length, job.model, task].filter(Boolean).join(" · ");
}
