// The audio whose text is not final yet: where a connection ends, the next one gets it again.

const KEPT_SECONDS = 310; // a turn is cut after 300 s

/** Chunks of samples in their order, each with its place. */
export class AudioLog {
  /** @param {number} rate samples a second */
  constructor(rate) {
    this._rate = rate;
    /** @type {{at: number, samples: Int16Array}[]} */
    this._chunks = [];
    this._total = 0;
  }

  /** Seconds of audio that came so far. */
  get seconds() {
    return this._total / this._rate;
  }

  /** @param {Int16Array} samples */
  append(samples) {
    this._chunks.push({ at: this._total, samples });
    this._total += samples.length;
    this.dropBefore(this.seconds - KEPT_SECONDS);
  }

  /** Forgets what is before. @param {number} seconds */
  dropBefore(seconds) {
    const from = seconds * this._rate;
    const kept = this._chunks.findIndex((chunk) => chunk.at + chunk.samples.length > from);
    this._chunks.splice(0, kept < 0 ? this._chunks.length : kept);
  }

  /** What is kept. @returns {{offset: number, chunks: Int16Array[]}} `offset`: seconds of its first sample */
  kept() {
    const first = this._chunks[0]?.at ?? this._total;
    return { offset: first / this._rate, chunks: this._chunks.map((chunk) => chunk.samples) };
  }
}
