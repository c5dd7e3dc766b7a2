/** The recording: its waveform, and the play head. The audio comes with the key, hence as a blob. */
import WaveSurfer from "wavesurfer.js";
import { ApiError, api } from "../api.js";
import { clock } from "../clock.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { tellError } from "../messages.js";
import { ACCEPT } from "../transcribe/files.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const MAX_DRAWN_SECONDS = 7200;
/** A browser decodes a recording whole for its waveform: 2 hours are 230 MB. Longer ones get a line. */

/**
 * @param {{id: string, duration: number, control: {current: any}, onTime: (time: number, playing: boolean) => void,
 *          onName: (name: string) => void}} props
 *   `control` gets `seek(time)`, `toggle()` and `play()`.
 */
export function Player({ id, duration, control, onTime, onName }) {
  const box = useRef(/** @type {HTMLDivElement|null} */ (null));
  const wave = useRef(/** @type {WaveSurfer|null} */ (null));
  const [state, setState] = useState("loading");
  const [playing, setPlaying] = useState(false);
  const [time, setTime] = useState(0);
  const [speed, setSpeed] = useState(1);
  const tick = useRef(onTime);
  tick.current = onTime;

  const open = async (/** @type {Blob} */ blob) => {
    setState("loading");
    wave.current?.destroy();
    const made = (wave.current = WaveSurfer.create({ ...looks(), container: /** @type {HTMLElement} */ (box.current) }));
    made.on("timeupdate", (seconds) => {
      setTime(Math.floor(seconds));
      tick.current(seconds, made.isPlaying());
    });
    made.on("play", () => setPlaying(true));
    made.on("pause", () => setPlaying(false));
    made.on("finish", () => setPlaying(false));
    made.setPlaybackRate(speed, true);
    const long = duration > MAX_DRAWN_SECONDS;
    const loading = long ? made.load(URL.createObjectURL(blob), [new Float32Array(2)], duration) : made.loadBlob(blob);
    await loading.then(
      () => setState("ready"),
      () => made === wave.current && setState("unplayable"),
    );
  };
  useEffect(() => {
    const ending = new AbortController();
    api
      .fetch(`audio/jobs/${id}/input`, { signal: ending.signal })
      .then((reply) => {
        const name = /filename\*=UTF-8''([^;]+)/.exec(reply.headers.get("content-disposition") ?? "")?.[1];
        if (name) onName(decodeURIComponent(name));
        return reply.blob();
      })
      .then((blob) => (ending.signal.aborted ? undefined : open(blob)))
      .catch((error) => {
        if (ending.signal.aborted) return;
        setState("missing");
        if (!(error instanceof ApiError && error.status === 404)) tellError(error);
      });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const recolour = () => wave.current?.setOptions(looks());
    dark.addEventListener("change", recolour);
    return () => {
      ending.abort();
      dark.removeEventListener("change", recolour);
      wave.current?.destroy();
    };
  }, [id]);

  control.current = {
    /** @param {number} seconds */
    seek: (seconds) => state === "ready" && wave.current?.setTime(seconds),
    play: () => state === "ready" && wave.current?.play().catch(tellError),
    toggle: () => state === "ready" && wave.current?.playPause().catch(tellError),
  };
  const faster = (/** @type {any} */ event) => {
    setSpeed(Number(event.target.value));
    wave.current?.setPlaybackRate(Number(event.target.value), true);
  };
  return html`<div class="player">
    <div ref=${box} class="wave" aria-hidden="true"></div>
    ${state === "loading" && html`<p class="hint">${t("player.loading")}</p>`}
    ${(state === "missing" || state === "unplayable") &&
    html`<p class="hint">
      ${t(`player.${state}`)}${" "}
      <input type="file" accept=${ACCEPT} aria-label=${t("player.choose")} onChange=${(/** @type {any} */ e) => e.target.files[0] && open(e.target.files[0])} />
    </p>`}
    <div class="row">
      <button type="button" class="primary" disabled=${state !== "ready"} onClick=${() => control.current.toggle()}>
        ${playing ? t("player.pause") : t("player.play")}
      </button>
      <span class="hint" role="timer">${clock(time)} / ${clock(duration)}</span>
      <label class="row hint"
        >${t("player.speed")}
        <select value=${speed} onChange=${faster}>
          ${SPEEDS.map((each) => html`<option value=${each}>${each}×</option>`)}
        </select>
      </label>
    </div>
  </div>`;
}

/** Sizes and colours of the waveform, those of the page. */
function looks() {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";
  return {
    height: 72,
    barWidth: 2,
    barGap: 1,
    normalize: true,
    cspNonce: nonce,
    waveColor: colour("--wave"),
    progressColor: colour("--accent"),
    cursorColor: colour("--ink"),
  };
}
