// @ts-nocheck: the globals of an AudioWorklet are not those of a page.
// Runs in the audio thread: gathers what the microphone gives, mixes it to one channel and posts it as 16-bit samples.

const SECONDS = 0.1;

/** Posts `{samples: Int16Array, peak: number}` ten times a second. */
class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this._size = Math.round(sampleRate * SECONDS);
    this._samples = new Int16Array(this._size);
    this._filled = 0;
    this._peak = 0;
  }

  process(inputs) {
    const channels = inputs[0];
    if (!channels.length) return true;
    for (let i = 0; i < channels[0].length; i++) {
      let value = 0;
      for (const channel of channels) value += channel[i];
      this._put(value / channels.length);
    }
    return true;
  }

  _put(value) {
    const bounded = Math.max(-1, Math.min(1, value));
    this._peak = Math.max(this._peak, Math.abs(bounded));
    this._samples[this._filled++] = Math.round(bounded * 32767);
    if (this._filled < this._size) return;
    this.port.postMessage({ samples: this._samples, peak: this._peak }, [this._samples.buffer]);
    this._samples = new Int16Array(this._size);
    this._filled = 0;
    this._peak = 0;
  }
}

registerProcessor("capture", CaptureProcessor);
