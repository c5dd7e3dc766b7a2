/** Records a microphone: level, pause, which device. A recording is kept in the browser until the server has it. */
import { clock } from "../clock.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { tell } from "../messages.js";

const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const SLICE_MS = 1000;
/** Rows: the name of a browser's error, and the sentence for it. */
const REFUSALS = {
  NotAllowedError: "record.refused",
  NotFoundError: "record.none",
  OverconstrainedError: "record.none",
  NotReadableError: "record.busy",
};

/** @param {{onRecorded: (blob: Blob, name: string) => void}} props */
export function Recorder({ onRecorded }) {
  const [state, setState] = useState("idle");
  const [devices, setDevices] = useState(/** @type {MediaDeviceInfo[]} */ ([]));
  const [device, setDevice] = useState("");
  const [seconds, setSeconds] = useState(0);
  const meter = useRef(/** @type {HTMLMeterElement|null} */ (null));
  const open = useRef(/** @type {{recorder: MediaRecorder, stream: MediaStream, context: AudioContext}|null} */ (null));
  useEffect(() => () => release(open.current), []);
  useEffect(() => {
    if (state !== "recording") return;
    const timer = setInterval(() => setSeconds((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [state]);

  const start = async () => {
    if (!navigator.mediaDevices?.getUserMedia) return tell(t("record.insecure"));
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: device ? { deviceId: { exact: device } } : true });
      setDevices((await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === "audioinput"));
      const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
      const recorder = new MediaRecorder(stream, { mimeType });
      /** @type {Blob[]} */
      const parts = [];
      recorder.ondataavailable = (event) => event.data.size && parts.push(event.data);
      recorder.onstop = () => {
        release(open.current);
        open.current = null;
        setState("idle");
        if (parts.length) onRecorded(new Blob(parts, { type: recorder.mimeType }), nameOf(recorder.mimeType));
      };
      open.current = { recorder, stream, context: showLevel(stream, meter) };
      setSeconds(0);
      recorder.start(SLICE_MS);
      setState("recording");
    } catch (error) {
      const name = REFUSALS[/** @type {keyof typeof REFUSALS} */ (/** @type {any} */ (error)?.name)];
      tell(name ? t(name) : t("record.failed", { message: /** @type {any} */ (error)?.message ?? "" }));
    }
  };
  const pause = () => {
    const { recorder } = /** @type {{recorder: MediaRecorder}} */ (open.current);
    if (recorder.state === "paused") recorder.resume();
    else recorder.pause();
    setState(recorder.state);
  };

  if (state === "idle")
    return html`<div class="row">
      <button type="button" onClick=${start}>● ${t("record.start")}</button>
      ${devices.length > 1 &&
      html`<select aria-label=${t("record.device")} value=${device} onChange=${(/** @type {any} */ e) => setDevice(e.target.value)}>
        ${devices.map((each) => html`<option value=${each.deviceId}>${each.label || t("record.device")}</option>`)}
      </select>`}
    </div>`;
  return html`<div class="row recording">
    <span role="timer">${clock(seconds)}</span>
    <meter ref=${meter} min="0" max="1" low="0.02" aria-label=${t("record.level")} />
    <button type="button" onClick=${pause}>${t(state === "paused" ? "record.resume" : "record.pause")}</button>
    <button type="button" class="primary" onClick=${() => open.current?.recorder.stop()}>${t("record.stop")}</button>
  </div>`;
}

/**
 * Moves the meter with the loudest sample.
 * @param {MediaStream} stream @param {{current: HTMLMeterElement|null}} meter
 */
function showLevel(stream, meter) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const draw = () => {
    if (context.state === "closed") return;
    analyser.getFloatTimeDomainData(samples);
    if (meter.current) meter.current.value = samples.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    requestAnimationFrame(draw);
  };
  draw();
  return context;
}

/** @param {{stream: MediaStream, context: AudioContext}|null} open */
function release(open) {
  open?.stream.getTracks().forEach((track) => track.stop());
  if (open && open.context.state !== "closed") open.context.close();
}

/** @param {string} type */
function nameOf(type) {
  const ending = type.includes("mp4") ? "m4a" : type.includes("ogg") ? "ogg" : "webm";
  const now = new Date();
  const stamp = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace(/[:T]/g, "-");
  return `recording-${stamp}.${ending}`;
}
