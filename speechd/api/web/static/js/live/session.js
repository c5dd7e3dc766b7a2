/** The live session of this tab. It goes on while other sections are looked at. */
import { Microphone, MicrophoneError } from "../audio/microphone.js";
import { t } from "../i18n/index.js";
import { tell, tellError } from "../messages.js";
import { createStore } from "../store.js";
import { LiveConnection } from "./connection.js";
import { DEFAULT_CHOICE, wordsOf } from "./options.js";

/**
 * @typedef {"idle"|"starting"|"running"|"paused"|"ending"} Phase
 * @typedef {{phase: Phase, choice: import("./options.js").Choice, connection: LiveConnection|null,
 *   recording: Blob|null, saved: boolean, level: number}} Live
 *   `saved`: the person has what was said. `level`: 0 to 1.
 */

export const live = createStore(
  /** @type {Live} */ ({ phase: "idle", choice: DEFAULT_CHOICE, connection: null, recording: null, saved: true, level: 0 }),
);
/** @type {Microphone|null} */
let microphone = null;

/** @param {Partial<Live>} part */
export function changeLive(part) {
  live.set((old) => ({ ...old, ...part }));
}

/** @param {typeof import("../api.js").api} api */
export async function start(api) {
  const { choice } = live.get();
  changeLive({ phase: "starting", recording: null, connection: null });
  try {
    microphone = await Microphone.open(choice.device);
  } catch (error) {
    if (error instanceof MicrophoneError) tell(t(`live.${error.reason}`));
    else tellError(error);
    return changeLive({ phase: "idle" });
  }
  const options = { model: choice.model, language: choice.language, keywords: wordsOf(choice.words), speakers: choice.speakers };
  const secret = async (/** @type {object} */ session) =>
    (await api.json("realtime/client_secrets", { json: { session } })).value;
  const connection = new LiveConnection(secret, options, microphone.rate);
  connection.onchange = () => changeLive({});
  microphone.onsamples = (samples, peak) => {
    connection.append(samples);
    changeLive({ level: peak });
  };
  changeLive({ phase: "running", connection, saved: false });
  addEventListener("beforeunload", askBeforeLeaving);
  connection.connect();
}

export async function pause() {
  const paused = live.get().phase === "running";
  await microphone?.pause(paused);
  changeLive({ phase: paused ? "paused" : "running", level: 0 });
}

export async function end() {
  changeLive({ phase: "ending" });
  const recording = (await microphone?.close()) ?? null;
  microphone = null;
  changeLive({ recording });
  await live.get().connection?.finish();
  changeLive({ phase: "idle" });
}

/** What was said is in a file or a job: the tab can be closed. */
export function markSaved() {
  changeLive({ saved: true });
}

/** @param {BeforeUnloadEvent} event */
function askBeforeLeaving(event) {
  const { phase, saved } = live.get();
  if (phase !== "idle" || !saved) event.preventDefault();
}
