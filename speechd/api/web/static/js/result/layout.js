/** Where cues stand in a long list of which only the visible part is drawn. Pure. */
import { upperBound } from "../editor/model.js";

const LINE = 26;
const HEAD = 40;
/** Pixels above and below the visible part that are drawn too. */
const MARGIN = 500;

/**
 * @param {import("../editor/model.js").Cue[]} cues
 * @param {Map<number, number>} measured heights in pixels, by the cues' ids
 * @param {number} width of the list in pixels
 * @returns {Float64Array} the top of each cue, and the end of the last
 */
export function offsetsOf(cues, measured, width) {
  const perLine = Math.max(20, width / 8.5);
  const tops = new Float64Array(cues.length + 1);
  cues.forEach((cue, index) => {
    const height = measured.get(cue.id) ?? HEAD + LINE * Math.ceil((cue.words.length * 6.5) / perLine);
    tops[index + 1] = tops[index] + height;
  });
  return tops;
}

/**
 * @param {Float64Array} tops @param {number} top of the visible part @param {number} height
 * @returns {{first: number, last: number}} the cues to draw; `last` is after the last one
 */
export function visible(tops, top, height) {
  const count = tops.length - 1;
  const first = Math.max(0, upperBound(tops, top - MARGIN) - 1);
  const last = Math.min(count, upperBound(tops, top + height + MARGIN));
  return { first: Math.min(first, count), last };
}
