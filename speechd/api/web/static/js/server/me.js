/** What the present key may do, and what is left of it. */
import { ApiError } from "../api.js";
import { html } from "../html.js";
import { number, span } from "./units.js";

/**
 * @typedef {{used: number, limit: number|null, resets_in: number}} Use
 * @typedef {{name: string, scopes: string[], limits: Record<string, number|null>, use: Record<string, Use>,
 *   key_required: boolean}} Me
 */

export const LIMITS = ["requests_per_minute", "requests_per_day", "audio_seconds_per_hour", "audio_seconds_per_day"];
const EVERYTHING = ["transcribe", "speak", "text", "batches", "models", "metrics"];

/** @param {import("../main.js").SectionProps["api"]} api @returns {Promise<Me>} */
export async function whoAmI(api) {
  try {
    return await api.json("admin/me");
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    return { name: "", scopes: EVERYTHING, limits: {}, use: {}, key_required: false }; // an older server
  }
}

/** The key of this tab. @param {{t: any, me: Me}} props */
export function Mine({ t, me }) {
  if (!me.name) return null;
  return html`<section class="card" aria-label=${t("server.my_key")}>
    <p>${t("server.mine", { name: me.name, scopes: me.scopes.map((scope) => t(`server.scope_${scope}`)).join(", ") })}</p>
    <${Uses} t=${t} use=${me.use} />
  </section>`;
}

/** What is used of each limit. @param {{t: any, use: Record<string, Use>}} props */
export function Uses({ t, use }) {
  const limited = LIMITS.filter((name) => use[name]?.limit !== null && use[name] !== undefined);
  if (!limited.length) return html`<p class="hint">${t("server.no_limits")}</p>`;
  return html`<ul class="uses">
    ${limited.map((name) => {
      const { used, limit, resets_in: left } = use[name];
      const told = { used: number(used), limit: number(limit ?? 0), left: span(left) };
      return html`<li class=${used >= (limit ?? 0) ? "fault" : ""}>${t(`server.use_${name}`, told)}</li>`;
    })}
  </ul>`;
}
