/** Live: captions of what is said into the microphone. */
import { clock } from "../clock.js";
import { html, useMemo } from "../html.js";
import { language } from "../i18n/index.js";
import { Captions } from "../live/captions.js";
import { Options } from "../live/options.js";
import { Saving } from "../live/saving.js";
import { changeLive, end, live, pause, start } from "../live/session.js";
import { useStore } from "../store.js";

/** @type {import("../live/turns.js").Turns} */
const NO_TURNS = [];

/** @param {import("../main.js").SectionProps} props */
export default function Section({ api, t, navigate }) {
  const { phase, choice, connection, recording, level } = useStore(live);
  const turns = connection?.turns ?? NO_TURNS;
  const running = phase !== "idle";
  const spoken = language.get();
  // The level changes ten times a second. These two are drawn when something of theirs does.
  const options = useMemo(() => {
    const change = (/** @type {any} */ part) => changeLive({ choice: { ...choice, ...part } });
    return html`<${Options} api=${api} t=${t} choice=${choice} running=${running} change=${change} />`;
  }, [choice, running, spoken]);
  const captions = useMemo(() => html`<${Captions} turns=${turns} t=${t} />`, [turns, spoken]);
  return html`<h1>${t("live.title")}</h1>
    <section class="card">
      ${options}
      <div class="row">
        ${!running && html`<button type="button" class="primary" onClick=${() => start(api)}>${t("live.start")}</button>`}
        ${(phase === "running" || phase === "paused") &&
        html`<button type="button" class="primary" onClick=${end}>${t("live.end")}</button>
          <button type="button" onClick=${pause}>${t(phase === "paused" ? "live.resume" : "live.pause")}</button>
          ${connection?.state === "refused" &&
          html`<button type="button" onClick=${() => connection.connect()}>${t("live.again")}</button>`}`}
        ${running && html`<meter class="grow" min="0" max="1" value=${level} aria-label=${t("live.level")}></meter>
          <span class="time">${clock(connection?.seconds ?? 0)}</span>`}
      </div>
      <${Status} t=${t} phase=${phase} connection=${connection} />
    </section>
    ${turns.length > 0 && html`<section class="card">${captions}</section>`}
    ${!running && connection &&
    html`<${Saving} api=${api} t=${t} navigate=${navigate} turns=${turns} recording=${recording} choice=${choice} />`}`;
}

/**
 * @param {{t: typeof import("../i18n/index.js").t, phase: import("../live/session.js").Phase,
 *   connection: import("../live/connection.js").LiveConnection|null}} props
 */
function Status({ t, phase, connection }) {
  const state = connection?.state ?? "connecting";
  const bad = phase !== "idle" && (state === "interrupted" || state === "refused");
  const name = bad ? state : `${phase === "running" ? state : phase}_told`;
  return html`<p role="status" id="live-status" class=${bad ? "fault" : "hint"}>
    ${t(`live.${name}`)} ${phase !== "idle" && connection?.message}
  </p>`;
}
