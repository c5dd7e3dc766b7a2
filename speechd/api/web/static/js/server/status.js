/** The server at a glance: version, devices, disk, what waits, what its checks found, and its last errors. */
import { html } from "../html.js";
import { Trouble, usePolled } from "./polled.js";
import { moment, number, size, span } from "./units.js";

const SECONDS = 5;

/** @param {import("../main.js").SectionProps} props */
export function Status({ api, t }) {
  const { value: status, error } = usePolled(() => api.json("admin/status"), SECONDS);
  return html`<h2>${t("server.part_status")}</h2>
    <${Trouble} error=${error} />
    ${status && html`<${Facts} t=${t} status=${status} />
      <${Queues} t=${t} queues=${status.queues} />
      <${Checks} t=${t} checks=${status.checks} />
      <${Errors} t=${t} errors=${status.errors} />`}`;
}

/** @param {{t: any, status: any}} props */
function Facts({ t, status }) {
  const { devices, disk, work } = status;
  const rows = [
    ["version", status.version],
    ["uptime", `${span(status.uptime_seconds)} (${moment(status.started_at)})`],
    ["ready", t(status.ready ? "server.yes" : "server.no")],
    ["devices", t("server.devices_told", { setting: devices.setting, cores: devices.cpu_cores, gpus: devices.gpus })],
    ["disk", t("server.disk_told", { free: size(disk.free_bytes), total: size(disk.total_bytes), path: disk.path })],
    ["open_jobs", work ? counts(work.jobs, t) : "–"],
    ["open_batches", work ? counts(work.batches, t) : "–"],
  ];
  return html`<dl class="facts">
    ${rows.map(([name, value]) => html`<dt>${t(`server.${name}`)}</dt><dd data-fact=${name}>${value}</dd>`)}
  </dl>`;
}

/** `{queued: 2}` -> waiting: 2 @param {Record<string, number>} states @param {any} t */
function counts(states, t) {
  const told = Object.entries(states).filter(([, count]) => count);
  return told.map(([state, count]) => `${t(`server.status_${state}`)}: ${number(count)}`).join(", ") || t("server.none");
}

/** @param {{t: any, queues: any[]}} props */
function Queues({ t, queues }) {
  if (!queues.length) return html`<p class="hint">${t("server.nothing_loaded")}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("server.queues")}><table>
    <thead>
      <tr><th>${t("server.in_memory")}</th><th>${t("server.memory")}</th><th>${t("server.users")}</th><th>${t("server.waits")}</th></tr>
    </thead>
    <tbody>
      ${queues.map(
        (queue) => html`<tr>
          <td>${queue.model}</td><td>${size(queue.bytes)}</td><td>${queue.users}</td><td>${waiting(queue, t)}</td>
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}

/** @param {any} queue @param {any} t */
function waiting(queue, t) {
  if (queue.queued_seconds !== null) return t("server.queued_seconds", { seconds: number(queue.queued_seconds, 1) });
  if (queue.queued_characters !== null) return t("server.queued_characters", { count: number(queue.queued_characters) });
  return "–";
}

/** @param {{t: any, checks: any[]}} props */
function Checks({ t, checks }) {
  return html`<h3>${t("server.checks")}</h3>
    <ul class="checks">
      ${checks.map(
        (check) => html`<li class=${`check ${check.status}`}>
          <strong>${t(`server.check_${check.status}`)}</strong> ${check.group}, ${check.check}: ${check.message}
          ${check.remedy && html`<br /><span class="hint">${check.remedy}</span>`}
        </li>`,
      )}
    </ul>`;
}

/** @param {{t: any, errors: any[]}} props */
function Errors({ t, errors }) {
  return html`<h3>${t("server.errors")}</h3>
    ${errors.length === 0 && html`<p class="hint">${t("server.no_errors")}</p>`}
    <ul class="checks">
      ${errors.map(
        (fault) => html`<li class=${fault.level === "warning" ? "" : "fault"}>
          <span class="time">${moment(fault.at)}</span> ${fault.message} <span class="hint">${fault.logger}</span>
        </li>`,
      )}
    </ul>`;
}
