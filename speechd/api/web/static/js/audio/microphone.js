// The microphone: its samples for the server, its level for the eye, and a recording to keep.

const RATE = 24000;
const RECORDINGS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

/**
 * Why there is no microphone, as a key of the table of texts.
 */
export class MicrophoneError extends Error {
  /** @param {"microphone_insecure" | "microphone_denied" | "microphone_missing" | "microphone_busy"} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** @type {Record<string, "microphone_denied" | "microphone_missing">} */
const REASONS = {
  NotAllowedError: "microphone_denied",
  SecurityError: "microphone_denied",
  NotFoundError: "microphone_missing",
  OverconstrainedError: "microphone_missing",
};

/**
 * An open microphone. Close it when it is not needed any more.
 */
export class Microphone {
  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context
   */
  constructor(stream, context) {
    this._stream = stream;
    this._context = context;
    /** Samples a second. */
    this.rate = context.sampleRate;
    /** @type {(samples: Int16Array, peak: number) => void} Called ten times a second. */
    this.onsamples = () => {};
    this._recorder = recorderOf(stream);
    /** @type {Blob[]} */
    this._recorded = [];
  }

  /**
   * Asks for the microphone and starts it.
   *
   * @param {string} device id of the device; "" for the browser's choice
   * @returns {Promise<Microphone>}
   * @throws {MicrophoneError}
   */
  static async open(device) {
    const stream = await streamOf(device);
    try {
      const context = contextFor(stream);
      const microphone = new Microphone(stream, context);
      await microphone._start();
      return microphone;
    } catch (error) {
      stopTracks(stream);
      throw error;
    }
  }

  async _start() {
    await this._context.audioWorklet.addModule(new URL("./capture_worklet.js", import.meta.url));
    const source = this._context.createMediaStreamSource(this._stream);
    const capture = new AudioWorkletNode(this._context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => this.onsamples(data.samples, data.peak);
    source.connect(capture);
    if (this._recorder) {
      this._recorder.ondataavailable = ({ data }) => this._recorded.push(data);
      this._recorder.start(1000);
    }
    await this._context.resume();
  }

  /** Whether samples come. @param {boolean} paused */
  async pause(paused) {
    await (paused ? this._context.suspend() : this._context.resume());
    if (this._recorder?.state === "recording" && paused) this._recorder.pause();
    else if (this._recorder?.state === "paused" && !paused) this._recorder.resume();
  }

  /**
   * Ends it and gives what was recorded; null where the browser cannot record.
   *
   * @returns {Promise<Blob | null>}
   */
  async close() {
    const recording = await this._finishRecording();
    stopTracks(this._stream);
    if (this._context.state !== "closed") await this._context.close();
    return recording;
  }

  async _finishRecording() {
    const recorder = this._recorder;
    if (!recorder) return null;
    if (recorder.state !== "inactive") {
      const stopped = new Promise((done) => recorder.addEventListener("stop", done, { once: true }));
      recorder.stop();
      await stopped;
    }
    return new Blob(this._recorded, { type: recorder.mimeType });
  }
}

/**
 * The microphones that there are. Their names are empty until the microphone was allowed once.
 *
 * @returns {Promise<{id: string, name: string}[]>}
 */
export async function listMicrophones() {
  if (!navigator.mediaDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter((device) => device.kind === "audioinput" && device.deviceId && device.deviceId !== "default")
    .map((device) => ({ id: device.deviceId, name: device.label }));
}

/** @param {string} device @returns {Promise<MediaStream>} */
async function streamOf(device) {
  if (!navigator.mediaDevices) throw new MicrophoneError("microphone_insecure");
  const audio = { echoCancellation: false, ...(device ? { deviceId: { exact: device } } : {}) };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new MicrophoneError(REASONS[name] ?? "microphone_busy");
  }
}

/**
 * A context at the rate that the server likes; Firefox takes a microphone only at the microphone's own rate.
 *
 * @param {MediaStream} stream
 */
function contextFor(stream) {
  const context = new AudioContext({ sampleRate: RATE });
  try {
    context.createMediaStreamSource(stream).disconnect();
    return context;
  } catch {
    context.close();
    return new AudioContext();
  }
}

/** @param {MediaStream} stream */
function recorderOf(stream) {
  const type = typeof MediaRecorder === "undefined" ? "" : RECORDINGS.find((each) => MediaRecorder.isTypeSupported(each));
  return type ? new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 64000 }) : null;
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  stream.getTracks().forEach((track) => track.stop());
}
