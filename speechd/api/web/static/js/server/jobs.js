/** Audio jobs and batches of this key: where they are, cancel, delete. */
import { html, useState } from "../html.js";
import { tellError } from "../messages.js";
import { Trouble, usePolled } from "./polled.js";
import { moment, number } from "./units.js";

const SECONDS = 3;
const PAGE = 50;
const ACTIVE = ["queued", "running", "validating", "in_progress", "finalizing", "cancelling"];

/** @param {import("../main.js").SectionProps} props */
export function Jobs({ api, t, navigate }) {
  const jobs = usePages(api, "audio/jobs");
  const act = (/** @type {string} */ path, /** @type {string} */ method) => async () => {
    await api.fetch(path, { method }).catch(tellError);
    await jobs.refresh();
  };
  const remove = (/** @type {any} */ job) => () => confirm(t("server.delete_job")) && act(`audio/jobs/${job.id}`, "DELETE")();
  const rows = jobs.value?.data;
  return html`<h2>${t("server.jobs")}</h2>
    <${Trouble} error=${jobs.error} />
    ${rows?.length === 0 && html`<p class="hint">${t("server.no_jobs")}</p>`}
    ${rows && rows.length > 0 &&
    html`<div class="scroll" tabindex="0" role="region" aria-label=${t("server.jobs")}><table>
      <thead>
        <tr><th>${t("server.job")}</th><th>${t("server.state")}</th><th>${t("server.created")}</th><th>${t("server.actions")}</th></tr>
      </thead>
      <tbody>
        ${rows.map(
          (/** @type {any} */ job) => html`<tr key=${job.id} data-job=${job.id}>
            <td>${t(`server.kind_${kindOf(job)}`)}<br /><span class="hint">${job.model}</span></td>
            <td><${JobState} t=${t} job=${job} /></td>
            <td>${moment(job.created_at)}</td>
            <td><div class="row">
              ${kindOf(job) === "transcriptions" &&
              html`<button type="button" class="small" onClick=${() => navigate("result", job.id)}>${t("server.open")}</button>`}
              ${ACTIVE.includes(job.status)
                ? html`<button type="button" class="small" onClick=${act(`audio/jobs/${job.id}/cancel`, "POST")}>${t("server.cancel")}</button>`
                : html`<button type="button" class="small" onClick=${remove(job)}>${t("server.delete")}</button>`}
            </div></td>
          </tr>`,
        )}
      </tbody>
    </table></div>`}
    <${More} t=${t} pages=${jobs} />
    <${Batches} api=${api} t=${t} />`;
}

/** @param {{t: any, job: any}} props */
function JobState({ t, job }) {
  const ratio = job.progress?.ratio;
  const trouble = job.error?.message ?? job.waiting_for?.message;
  return html`${t(`server.status_${job.status}`)}
    ${job.status === "running" && ratio !== null && html` ${number(ratio * 100)} %
      <progress value=${ratio} aria-label=${t("server.progress")}></progress>`}
    ${trouble && html`<p class="fault">${trouble}</p>`}`;
}

/** @param {{api: import("../main.js").SectionProps["api"], t: any}} props */
function Batches({ api, t }) {
  const batches = usePages(api, "batches");
  if (/** @type {any} */ (batches.error)?.status === 403) return null; // this key has nothing to do with batches
  const cancel = (/** @type {any} */ batch) => async () => {
    await api.fetch(`batches/${batch.id}/cancel`, { method: "POST" }).catch(tellError);
    await batches.refresh();
  };
  const rows = batches.value?.data;
  return html`<h2>${t("server.batches")}</h2>
    <${Trouble} error=${batches.error} />
    ${rows?.length === 0 && html`<p class="hint">${t("server.no_batches")}</p>`}
    ${rows && rows.length > 0 &&
    html`<div class="scroll" tabindex="0" role="region" aria-label=${t("server.batches")}><table>
      <thead>
        <tr><th>${t("server.batch")}</th><th>${t("server.state")}</th><th>${t("server.created")}</th><th>${t("server.actions")}</th></tr>
      </thead>
      <tbody>
        ${rows.map(
          (/** @type {any} */ batch) => html`<tr key=${batch.id} data-batch=${batch.id}>
            <td>${batch.id}<br /><span class="hint">${batch.endpoint}</span></td>
            <td><${BatchState} t=${t} batch=${batch} /></td>
            <td>${moment(batch.created_at)}</td>
            <td>
              ${ACTIVE.includes(batch.status) && batch.status !== "cancelling" &&
              html`<button type="button" class="small" onClick=${cancel(batch)}>${t("server.cancel")}</button>`}
            </td>
          </tr>`,
        )}
      </tbody>
    </table></div>`}
    <${More} t=${t} pages=${batches} />`;
}

/** @param {{t: any, batch: any}} props */
function BatchState({ t, batch }) {
  const { completed, failed, total } = batch.request_counts;
  const fault = batch.errors?.data?.[0]?.message;
  return html`${t(`server.status_${batch.status}`)}<br />
    <span class="hint">${t("server.lines", { completed, failed, total })}</span>
    ${fault && html`<p class="fault">${fault}</p>`}`;
}

/** @param {any} job */
function kindOf(job) {
  return ["transcriptions", "translations", "diarization", "speech"].find((kind) => job.endpoint.endsWith(kind)) ?? "other";
}

/**
 * A list of the server that is read page by page; the newest rows come first.
 *
 * @param {import("../main.js").SectionProps["api"]} api
 * @param {string} path
 */
function usePages(api, path) {
  const [wanted] = useState({ pages: 1 });
  const load = async () => {
    const data = [];
    let after = "";
    let more = true;
    for (let page = 0; page < wanted.pages && more; page += 1) {
      const list = await api.json(`${path}?limit=${PAGE}${after && `&after=${after}`}`);
      data.push(...list.data);
      more = list.has_more;
      after = list.last_id;
    }
    return { data, more };
  };
  const polled = usePolled(load, SECONDS);
  const next = () => {
    wanted.pages += 1;
    return polled.refresh();
  };
  return { ...polled, next };
}

/** @param {{t: any, pages: {value: {more: boolean}|null, next: () => void}}} props */
function More({ t, pages }) {
  return pages.value?.more ? html`<button type="button" onClick=${pages.next}>${t("server.more")}</button>` : null;
}
