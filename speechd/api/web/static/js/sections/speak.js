/** Speak: a text becomes audio that plays while it is made. */
import { StreamPlayer, plays } from "../audio/stream_player.js";
import { saveBlob } from "../download.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { tellError } from "../messages.js";
import { FORMATS, requestSpeech } from "../speak/request.js";
import { SpokenText } from "../speak/spoken_text.js";
import { VoicePicker } from "../speak/voices.js";

const KEPT = "speechd.speak";
const CAPTION_FILES = ["srt", "vtt"];
const REDRAW_MS = 300;

/** @typedef {import("../speak/request.js").Wish} Wish */

/**
 * What is on the way, or there: `wish` is what it was made of.
 * @typedef {{wish: Wish, state: "waiting"|"speaking"|"done"|"failed",
 *   captions: import("../speak/captions.js").Caption[], file: Blob|null,
 *   spoken: import("../speak/request.js").Spoken|null}} Run
 */

/** @returns {Wish} what stood in the form before a reload */
function keptWish() {
  /** @type {Wish} */
  const fresh = { input: "", voice: "auto", speed: 1, response_format: "mp3" };
  try {
    return { ...fresh, ...JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") };
  } catch {
    return fresh;
  }
}

/** @param {import("../main.js").SectionProps} props */
export default function Section({ api, t }) {
  const [wish, setWish] = useState(keptWish);
  const [run, setRun] = useState(/** @type {Run|null} */ (null));
  const element = useRef(/** @type {HTMLAudioElement|null} */ (null));
  const work = useRef(/** @type {{abort: AbortController, player: StreamPlayer}|null} */ (null));
  useEffect(() => sessionStorage.setItem(KEPT, JSON.stringify(wish)), [wish]);
  useEffect(() => () => stop(work.current), []);
  const change = (/** @type {Partial<Wish>} */ part) => setWish((old) => ({ ...old, ...part }));
  const start = async (/** @type {Event} */ event) => {
    event.preventDefault();
    stop(work.current);
    const abort = new AbortController();
    const player = new StreamPlayer(/** @type {HTMLAudioElement} */ (element.current), FORMATS[wish.response_format]);
    work.current = { abort, player };
    await speak({ api, wish, abort, player, setRun });
  };
  const running = run?.state === "waiting" || run?.state === "speaking";
  return html`<h1>${t("speak.title")}</h1>
    <${Form} api=${api} t=${t} wish=${wish} change=${change} running=${running}
      onStart=${start} onStop=${() => work.current?.abort.abort()} />
    <section class="card" hidden=${!run} aria-label=${t("speak.result")}>
      <audio ref=${element} controls class="wide" aria-label=${t("speak.player")}></audio>
      ${run && html`<${Outcome} api=${api} t=${t} run=${run} element=${element} />`}
    </section>`;
}

/** @param {{abort: AbortController, player: StreamPlayer}|null} work */
function stop(work) {
  work?.abort.abort();
  work?.player.close();
}

/**
 * One request, from its start to its end. What came before a fault can be heard and kept.
 *
 * @param {{api: import("../main.js").SectionProps["api"], wish: Wish, abort: AbortController, player: StreamPlayer,
 *   setRun: (run: Run) => void}} work
 */
async function speak({ api, wish, abort, player, setRun }) {
  /** @type {Run} */
  let run = { wish, state: "waiting", captions: [], file: null, spoken: null };
  let drawn = 0;
  const show = (/** @type {Partial<Run>} */ part, now = true) => {
    run = { ...run, ...part };
    if (!now && Date.now() - drawn < REDRAW_MS) return;
    drawn = Date.now();
    setRun(run);
  };
  show({});
  try {
    const spoken = await requestSpeech(api, wish, {
      signal: abort.signal,
      onAudio: (bytes) => (player.append(bytes), show({ state: "speaking" }, run.state === "waiting")),
      onCaptions: (captions) => show({ captions: [...run.captions, ...captions] }, false),
    });
    show({ state: "done", spoken, file: player.finish() });
  } catch (error) {
    const file = player.finish();
    if (run.state !== "waiting" || !abort.signal.aborted) show({ state: "failed", file: file.size ? file : null });
    tellError(error);
  }
}

/** @param {any} props */
function Form({ api, t, wish, change, running, onStart, onStop }) {
  const format = /** @type {keyof typeof FORMATS} */ (wish.response_format);
  return html`<form class="card" onSubmit=${onStart}>
    <label class="field">
      ${t("speak.text")}
      <textarea id="text" rows="7" required value=${wish.input} placeholder=${t("speak.placeholder")}
        onInput=${(/** @type {any} */ event) => change({ input: event.target.value })}></textarea>
    </label>
    <p class="hint">${t("speak.ssml")}</p>
    <div class="grid">
      <${VoicePicker} api=${api} t=${t} value=${wish.voice} onChange=${(/** @type {string} */ voice) => change({ voice })} />
      <label class="field">
        <span>${t("speak.speed")} <output>${wish.speed}×</output></span>
        <input id="speed" type="range" min="0.25" max="3" step="0.05" value=${wish.speed}
          onInput=${(/** @type {any} */ event) => change({ speed: Number(event.target.value) })} />
      </label>
      <label class="field">
        ${t("speak.format")}
        <select id="format" value=${format} onChange=${(/** @type {any} */ event) => change({ response_format: event.target.value })}>
          ${Object.keys(FORMATS).map((name) => html`<option value=${name}>${name.toUpperCase()}</option>`)}
        </select>
        ${!plays(FORMATS[format]) && html`<span>${t("speak.late")}</span>`}
      </label>
    </div>
    <div class="row">
      <button type="submit" class="primary" disabled=${running || !wish.input.trim()}>${t("speak.start")}</button>
      ${running && html`<button type="button" onClick=${onStop}>${t("speak.stop")}</button>`}
    </div>
  </form>`;
}

/** @param {{api: any, t: any, run: Run, element: {current: HTMLAudioElement|null}}} props */
function Outcome({ api, t, run, element }) {
  const { wish, state, captions, file, spoken } = run;
  const save = async (/** @type {string} */ format) => {
    try {
      const reply = await api.fetch((spoken?.captions ?? "").replace(/json$/, format));
      saveBlob(await reply.blob(), `speech.${format}`);
    } catch (error) {
      tellError(error);
    }
  };
  const told = { seconds: spoken?.seconds.toFixed(1) ?? "", voice: spoken?.voice ?? "" };
  return html`
    <p role="status" class=${state === "failed" ? "fault" : "hint"}>${t(`speak.${state}`, told)}</p>
    ${(state === "waiting" || state === "speaking") && html`<progress aria-label=${t("speak.speaking")}></progress>`}
    <${SpokenText} text=${wish.input} captions=${captions} player=${element} label=${t("speak.spoken_text")} />
    <div class="row">
      ${file &&
      html`<button type="button" class="primary" onClick=${() => saveBlob(file, `speech.${wish.response_format}`)}>
        ${t("speak.download")}
      </button>`}
      ${spoken?.captions &&
      CAPTION_FILES.map(
        (format) => html`<button type="button" onClick=${() => save(format)}>${t("speak.captions", { format: format.toUpperCase() })}</button>`,
      )}
    </div>
  `;
}
