/** The settings that hold, and where each comes from. */
import { html, useState } from "../html.js";
import { Trouble, usePolled } from "./polled.js";

const SECONDS = 30;

/** @param {import("../main.js").SectionProps} props */
export function SettingsTable({ api, t }) {
  const { value, error } = usePolled(() => api.json("admin/settings"), SECONDS);
  const [search, setSearch] = useState("");
  const rows = (value?.data ?? []).filter((/** @type {any} */ row) =>
    `${row.variable} ${row.description}`.toLowerCase().includes(search.toLowerCase()),
  );
  return html`<h2>${t("server.part_settings")}</h2>
    <${Trouble} error=${error} />
    ${value?.notes.map((/** @type {string} */ note) => html`<p class="fault">${note}</p>`)}
    <label class="field">
      ${t("server.search")}
      <input type="search" value=${search} onInput=${(/** @type {any} */ event) => setSearch(event.target.value.trim())} />
    </label>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("server.part_settings")}><table id="settings">
      <thead>
        <tr><th>${t("server.setting")}</th><th>${t("server.value")}</th><th>${t("server.source")}</th></tr>
      </thead>
      <tbody>
        ${rows.map(
          (/** @type {any} */ row) => html`<tr key=${row.name}>
            <td>${row.variable}<br /><span class="hint">${row.description}</span></td>
            <td>${row.value || "–"}</td>
            <td>${row.source === "default" ? t("server.default") : row.source}</td>
          </tr>`,
        )}
      </tbody>
    </table></div>`;
}
