// Plays audio in an <audio> element while it arrives, where the browser can do that with its format.

const KEPT_SECONDS = 30; // that stay behind the play head when the browser's buffer is full

/** Feeds an <audio> element. */
export class StreamPlayer {
  /**
   * @param {HTMLAudioElement} element
   * @param {string} type media type of what comes, such as `audio/mpeg`
   */
  constructor(element, type) {
    this._element = element;
    this._type = type;
    /** @type {Uint8Array<ArrayBuffer>[]} All that came. */
    this._whole = [];
    /** @type {Uint8Array<ArrayBuffer>[]} What the browser's buffer does not have yet. */
    this._waiting = [];
    this._finished = false;
    this._address = "";
    /** @type {MediaSource | null} */
    this._source = null;
    /** @type {SourceBuffer | null} */
    this._buffer = null;
    this._pump = this._pump.bind(this);
    this._repair = this._repair.bind(this);
    if (plays(type)) this._open();
  }

  _open() {
    const source = new MediaSource();
    this._source = source;
    this._show(URL.createObjectURL(source));
    source.addEventListener("sourceopen", () => {
      if (this._source !== source || source.readyState !== "open") return;
      this._buffer = source.addSourceBuffer(this._type);
      this._buffer.mode = "sequence";
      this._buffer.addEventListener("updateend", this._pump);
      this._element.addEventListener("timeupdate", this._pump);
      this._element.addEventListener("seeking", this._repair);
      this._pump();
    }, { once: true });
    this._play();
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  append(bytes) {
    this._whole.push(bytes);
    if (!this._source) return;
    this._waiting.push(bytes);
    this._pump();
  }

  /** No more will come. @returns {Blob} the whole file */
  finish() {
    this._finished = true;
    const whole = new Blob(this._whole, { type: this._type });
    if (this._source) this._pump();
    else {
      this._show(URL.createObjectURL(whole));
      this._play();
    }
    return whole;
  }

  /** Nothing is played or kept any more. */
  close() {
    this._detach();
    this._element.pause();
    this._show("");
    this._element.removeAttribute("src");
    this._element.load();
    this._whole = [];
  }

  _detach() {
    this._buffer?.removeEventListener("updateend", this._pump);
    this._element.removeEventListener("timeupdate", this._pump);
    this._element.removeEventListener("seeking", this._repair);
    this._source = this._buffer = null;
    this._waiting = [];
  }

  /** Gives the browser's buffer the next piece, when it is ready for one. */
  _pump() {
    const [source, buffer] = [this._source, this._buffer];
    if (!source || !buffer || buffer.updating || source.readyState === "closed") return;
    const next = this._waiting[0];
    if (!next) {
      if (this._finished && source.readyState === "open") source.endOfStream();
      return;
    }
    try {
      buffer.appendBuffer(next);
      this._waiting.shift();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      const played = this._element.currentTime - KEPT_SECONDS;
      if (played > 0) buffer.remove(0, played);
    }
  }

  /** Where the browser's buffer has dropped what is wanted again, the whole file takes over. */
  _repair() {
    const time = this._element.currentTime;
    if (!this._finished || isBuffered(this._element, time)) return;
    const paused = this._element.paused;
    this._detach();
    this._show(URL.createObjectURL(new Blob(this._whole, { type: this._type })));
    this._element.currentTime = time;
    if (!paused) this._play();
  }

  _play() {
    this._element.play().catch(() => {}); // the browser may want another click: its controls are there
  }

  /** @param {string} address */
  _show(address) {
    if (this._address) URL.revokeObjectURL(this._address);
    this._address = address;
    if (address) this._element.src = address;
  }
}

/**
 * Whether audio of this type can be played while it arrives.
 *
 * @param {string} type
 */
export function plays(type) {
  return typeof MediaSource !== "undefined" && MediaSource.isTypeSupported(type);
}

/** @param {HTMLAudioElement} element @param {number} time */
function isBuffered(element, time) {
  const ranges = element.buffered;
  for (let i = 0; i < ranges.length; i++) if (ranges.start(i) <= time && time <= ranges.end(i)) return true;
  return false;
}
