/** Live: captions of what is said into the microphone. */
import { Microphone, MicrophoneError } from "../audio/microphone.js";
import { clock } from "../clock.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Captions } from "../live/captions.js";
import { LiveConnection } from "../live/connection.js";
import { DEFAULT_CHOICE, Options, wordsOf } from "../live/options.js";
import { Saving } from "../live/saving.js";
import { tell, tellError } from "../messages.js";

/** @typedef {"idle"|"starting"|"running"|"paused"|"ending"} Phase */
/** @typedef {{microphone: Microphone, connection: LiveConnection}} Work */

/** @param {import("../main.js").SectionProps} props */
export default function Section({ api, t, navigate }) {
  const [choice, setChoice] = useState(DEFAULT_CHOICE);
  const [phase, setPhase] = useState(/** @type {Phase} */ ("idle"));
  const [recording, setRecording] = useState(/** @type {Blob|null} */ (null));
  const [, redraw] = useState({});
  const level = useRef(/** @type {HTMLMeterElement|null} */ (null));
  const work = useRef(/** @type {Work|null} */ (null));
  useEffect(() => () => void (work.current && abandon(work.current)), []);
  useEffect(() => {
    if (phase === "idle") return;
    addEventListener("beforeunload", askBeforeLeaving);
    return () => removeEventListener("beforeunload", askBeforeLeaving);
  }, [phase]);
  const start = async () => {
    setPhase("starting");
    setRecording(null);
    try {
      const microphone = await Microphone.open(choice.device);
      work.current = begin(microphone, choice, api, level, () => redraw({}));
      setPhase("running");
    } catch (error) {
      if (error instanceof MicrophoneError) tell(t(`live.${error.reason}`));
      else tellError(error);
      setPhase("idle");
    }
  };
  const pause = async () => {
    await work.current?.microphone.pause(phase === "running");
    setPhase(phase === "running" ? "paused" : "running");
  };
  const end = async () => {
    setPhase("ending");
    const { microphone, connection } = /** @type {Work} */ (work.current);
    setRecording(await microphone.close());
    await connection.finish();
    setPhase("idle");
  };
  const connection = work.current?.connection;
  const turns = connection?.turns ?? [];
  const running = phase !== "idle";
  return html`<h1>${t("live.title")}</h1>
    <section class="card">
      <${Options} api=${api} t=${t} choice=${choice} running=${running}
        change=${(/** @type {any} */ part) => setChoice((old) => ({ ...old, ...part }))} />
      <div class="row">
        ${phase === "idle" && html`<button type="button" class="primary" onClick=${start}>${t("live.start")}</button>`}
        ${(phase === "running" || phase === "paused") &&
        html`<button type="button" class="primary" onClick=${end}>${t("live.end")}</button>
          <button type="button" onClick=${pause}>${t(phase === "paused" ? "live.resume" : "live.pause")}</button>`}
        ${running && html`<meter ref=${level} class="grow" min="0" max="1" aria-label=${t("live.level")}></meter>
          <span class="time">${clock(connection?.seconds ?? 0)}</span>`}
      </div>
      <${Status} t=${t} phase=${phase} connection=${connection} />
    </section>
    ${turns.length > 0 && html`<section class="card"><${Captions} turns=${turns} t=${t} /></section>`}
    ${!running && connection &&
    html`<${Saving} api=${api} t=${t} navigate=${navigate} turns=${turns} recording=${recording} choice=${choice} />`}`;
}

/**
 * @param {Microphone} microphone
 * @param {import("../live/options.js").Choice} choice
 * @param {typeof import("../api.js").api} api
 * @param {{current: HTMLMeterElement|null}} level
 * @param {() => void} redraw
 * @returns {Work}
 */
function begin(microphone, choice, api, level, redraw) {
  const options = { model: choice.model, language: choice.language, keywords: wordsOf(choice.words), speakers: choice.speakers };
  const secret = async (/** @type {object} */ session) =>
    (await api.json("realtime/client_secrets", { json: { session } })).value;
  const connection = new LiveConnection(secret, options, microphone.rate);
  connection.onchange = redraw;
  let second = 0;
  microphone.onsamples = (samples, peak) => {
    connection.append(samples);
    if (level.current) level.current.value = peak;
    if (Math.floor(connection.seconds) !== second) {
      second = Math.floor(connection.seconds);
      redraw();
    }
  };
  connection.connect();
  return { microphone, connection };
}

/** The section is left: nothing runs on. @param {Work} work */
function abandon({ microphone, connection }) {
  connection.onchange = () => {};
  microphone.close();
  connection.finish();
}

/** @param {{t: any, phase: Phase, connection: LiveConnection|undefined}} props */
function Status({ t, phase, connection }) {
  const bad = connection?.state === "interrupted" || connection?.state === "refused";
  const name = phase === "running" ? (connection?.state ?? "connecting") : phase;
  return html`<p role="status" id="live-status" class=${bad ? "fault" : "hint"}>
    ${t(bad && phase !== "idle" ? `live.${connection.state}` : `live.${name}_told`)} ${connection?.message}
  </p>`;
}

/** @param {BeforeUnloadEvent} event */
function askBeforeLeaving(event) {
  event.preventDefault();
}
