// A realtime session of the server that outlives its connections.

import { url } from "../api.js";
import { pcmBytes, toBase64 } from "../audio/base64.js";
import { AudioLog } from "./audio_log.js";
import { applyEvent, neededFrom, withoutOpen } from "./turns.js";

const PROTOCOL = "realtime";
const KEY_PROTOCOL = "openai-insecure-api-key.";
const WORDS = "item.input_audio_transcription.words";
const WAITS = [1, 2, 4, 8, 15]; // seconds before the next try
const FINISH_SECONDS = 30; // for the last texts

/**
 * @typedef {{model: string, language: string, keywords: string[], speakers: boolean}} LiveOptions
 * @typedef {"connecting" | "listening" | "interrupted" | "ended" | "refused"} LiveState
 */

/**
 * Sends audio and keeps the turns. `onchange` is called at each change of `turns`, `state` or `message`.
 */
export class LiveConnection {
  /**
   * @param {(session: object) => Promise<string>} secret makes a client secret for one more connection
   * @param {LiveOptions} options
   * @param {number} rate samples a second
   */
  constructor(secret, options, rate) {
    this._secret = secret;
    this._options = options;
    this._rate = rate;
    this._log = new AudioLog(rate);
    /** @type {import("./turns.js").Turns} */
    this.turns = [];
    /** @type {LiveState} */
    this.state = "connecting";
    /** What the server said last that was wrong; "" for nothing. */
    this.message = "";
    this.onchange = () => {};
    /** @type {WebSocket | null} */
    this._socket = null;
    this._offset = 0;
    this._failures = 0;
    this._closing = false;
    this._cleared = false;
    this._timer = 0;
  }

  /** @param {Int16Array} samples */
  append(samples) {
    this._log.append(samples);
    if (this.state === "listening") this._sendAudio(samples);
  }

  /** Seconds of audio so far. */
  get seconds() {
    return this._log.seconds;
  }

  /** Connects, and again where the connection ends. */
  async connect() {
    this._set("connecting");
    try {
      const secret = await this._secret(sessionOf(this._options, this._rate));
      if (!this._closing) this._open(secret);
    } catch (error) {
      const status = /** @type {{status?: number}} */ (error).status ?? 0;
      const message = error instanceof Error ? error.message : String(error);
      if (status >= 400 && status < 500 && status !== 429) this._refuse(message);
      else this._retry(message);
    }
  }

  /** No more audio comes: waits for the last texts. */
  async finish() {
    this._closing = true;
    clearTimeout(this._timer);
    if (this.state === "listening") {
      this._send({ type: "input_audio_buffer.commit" });
      this._send({ type: "input_audio_buffer.clear" }); // answered after the commit: then every turn is known
      await this._settled();
    }
    this._socket?.close(1000);
    this._set(this.state === "refused" ? "refused" : "ended");
  }

  /** Until every turn has its text, or too long has passed. */
  async _settled() {
    const until = Date.now() + FINISH_SECONDS * 1000;
    const waits = () => !this._cleared || this.turns.some((turn) => !turn.final);
    while (Date.now() < until && this._socket && waits()) await pause(100);
  }

  /** @param {string} secret */
  _open(secret) {
    const address = url("realtime?intent=transcription");
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, [PROTOCOL, KEY_PROTOCOL + secret]);
    this._socket = socket;
    socket.onopen = () => this._begin();
    socket.onmessage = ({ data }) => this._hear(JSON.parse(data));
    socket.onclose = ({ code }) => {
      if (this._socket === socket) this._closed(code);
    };
  }

  /** What the last connection left open is sent again. */
  _begin() {
    this._failures = 0;
    this.message = "";
    const { offset, chunks } = this._log.kept();
    this._offset = offset;
    this.turns = withoutOpen(this.turns);
    chunks.forEach((samples) => this._sendAudio(samples));
    this._set("listening");
  }

  /** @param {import("./turns.js").ServerEvent} event */
  _hear(event) {
    if (event.type === "input_audio_buffer.cleared") this._cleared = true;
    if (event.type === "error") {
      if (event.error?.code === "session_expired" || this._closing) return; // the next connection goes on
      this.message = event.error?.message ?? "";
      return this.onchange();
    }
    const turns = applyEvent(this.turns, event, this._offset);
    if (turns === this.turns) return;
    this.turns = turns;
    this._log.dropBefore(neededFrom(turns));
    this.onchange();
  }

  /** @param {number} code */
  _closed(code) {
    this._socket = null;
    if (this._closing) return;
    if (code === 1008 || code === 1009) this._refuse("");
    else this._retry("");
  }

  /** @param {string} message */
  _retry(message) {
    this.message = message;
    this._set("interrupted");
    const wait = WAITS[Math.min(this._failures++, WAITS.length - 1)];
    this._timer = window.setTimeout(() => this.connect(), wait * 1000);
  }

  /** @param {string} message */
  _refuse(message) {
    this.message = message;
    this._set("refused");
  }

  /** @param {Int16Array} samples */
  _sendAudio(samples) {
    this._send({ type: "input_audio_buffer.append", audio: toBase64(pcmBytes(samples)) });
  }

  /** @param {object} event */
  _send(event) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(event));
  }

  /** @param {LiveState} state */
  _set(state) {
    this.state = state;
    this.onchange();
  }
}

/**
 * @param {LiveOptions} options
 * @param {number} rate
 */
function sessionOf(options, rate) {
  const transcription = {
    model: options.model || "auto",
    ...(options.language ? { language: options.language } : {}),
    ...(options.keywords.length ? { keywords: options.keywords } : {}),
    ...(options.speakers ? { speakers: true } : {}),
  };
  const input = { format: { type: "audio/pcm", rate }, transcription, turn_detection: { type: "server_vad" } };
  return { type: "transcription", audio: { input }, include: [WORDS] };
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
