/** One speech request: its audio and its captions as they come. */
import { ApiError } from "../api.js";
import { fromBase64 } from "../audio/base64.js";
import { readEvents } from "../sse.js";

/** The formats that a person can choose: the server's names, with the media types of the files. */
export const FORMATS = {
  mp3: "audio/mpeg",
  wav: "audio/wav",
  flac: "audio/flac",
  aac: "audio/aac",
  opus: "audio/ogg",
  ogg: "audio/ogg",
};

/**
 * @typedef {{input: string, voice: string, speed: number, response_format: keyof typeof FORMATS}} Wish
 * @typedef {import("./captions.js").Caption} Caption
 * @typedef {{seconds: number, voice: string, captions: string}} Spoken
 *   Seconds of audio, the voice that spoke, and the path of the captions below /v1.
 */

/**
 * @param {typeof import("../api.js").api} api
 * @param {Wish} wish
 * @param {{signal: AbortSignal, onAudio: (bytes: Uint8Array<ArrayBuffer>) => void,
 *   onCaptions: (captions: Caption[]) => void}} how
 * @returns {Promise<Spoken>}
 * @throws {ApiError} also where the voice fails after its first words
 */
export async function requestSpeech(api, wish, { signal, onAudio, onCaptions }) {
  const json = { ...wish, model: "auto", stream_format: "sse", captions: "json" };
  const reply = await api.fetch("audio/speech", { json, signal });
  const voice = reply.headers.get("x-speechd-voice") ?? "";
  const captions = (reply.headers.get("x-speechd-captions") ?? "").replace(/^.*?\/v1\//, "");
  for await (const { data } of brokenIsUnreachable(readEvents(reply))) {
    const event = JSON.parse(data);
    if (event.error) throw new ApiError(500, event.error.message, event.error);
    if (event.type === "speech.audio.delta") onAudio(fromBase64(event.audio));
    else if (event.type === "speech.audio.captions") onCaptions(event.words);
    else if (event.type === "speech.audio.done") return { seconds: event.usage.seconds, voice, captions };
  }
  throw new ApiError(0, "The server cannot be reached.");
}

/**
 * @template T
 * @param {AsyncGenerator<T>} events
 * @returns {AsyncGenerator<T>}
 */
async function* brokenIsUnreachable(events) {
  try {
    yield* events;
  } catch (error) {
    if (/** @type {any} */ (error)?.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
}
