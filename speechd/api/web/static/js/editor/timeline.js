/** Which word is spoken at a time. Words of several channels overlap, hence the order of their starts. */
import { upperBound } from "./model.js";

/** @typedef {{starts: Float64Array, ends: Float64Array, words: Int32Array, cues: Int32Array}} Timeline
 *    `words` has ids, `cues` indices; all in the order of the words' starts. */

/** @param {import("./model.js").Doc} doc @returns {Timeline} */
export function timelineOf(doc) {
  const rows = doc.cues.flatMap((cue, index) => cue.words.map((word) => ({ word, index })));
  rows.sort((a, b) => a.word.start - b.word.start);
  return {
    starts: Float64Array.from(rows, (row) => row.word.start),
    ends: Float64Array.from(rows, (row) => row.word.end),
    words: Int32Array.from(rows, (row) => row.word.id),
    cues: Int32Array.from(rows, (row) => row.index),
  };
}

/**
 * The word that began last. In a pause it stays lit for a moment.
 * @param {Timeline} line @param {number} time in seconds
 * @returns {{word: number, cue: number}|null}
 */
export function wordAt(line, time) {
  const at = upperBound(line.starts, time + ROUNDING) - 1;
  if (at < 0 || time > line.ends[at] + LINGERS) return null;
  return { word: line.words[at], cue: line.cues[at] };
}

const LINGERS = 0.6;
/** Players tell their place in whole microseconds: after a jump to a word it may be a little before it. */
const ROUNDING = 0.002;
