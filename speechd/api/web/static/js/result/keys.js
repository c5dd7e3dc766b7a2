/** Which word an arrow key leads to. Pure. */

/** @typedef {import("../editor/model.js").Doc} Doc @typedef {import("./session.js").Place} Place */

/**
 * @param {Doc} doc @param {Place|null} place @param {string} key as in KeyboardEvent.key
 * @returns {Place|null} null where the key leads nowhere
 */
export function moved(doc, place, key) {
  const step = STEPS[key];
  if (!step || !doc.cues.length) return null;
  const index = place ? doc.cues.findIndex((cue) => cue.id === place.cue) : -1;
  if (index < 0) return at(doc, 0, 0);
  const word = doc.cues[index].words.findIndex((each) => each.id === place?.word);
  return step(doc, index, word);
}

/** @type {Record<string, (doc: Doc, cue: number, word: number) => Place|null>} */
const STEPS = {
  ArrowRight: (doc, cue, word) => (word + 1 < doc.cues[cue].words.length ? at(doc, cue, word + 1) : at(doc, cue + 1, 0)),
  ArrowLeft: (doc, cue, word) => (word > 0 ? at(doc, cue, word - 1) : at(doc, cue - 1, -1)),
  ArrowDown: (doc, cue) => at(doc, cue + 1, 0),
  ArrowUp: (doc, cue) => at(doc, cue - 1, 0),
  Home: (doc, cue) => at(doc, cue, 0),
  End: (doc, cue) => at(doc, cue, -1),
  PageDown: (doc, cue) => at(doc, Math.min(cue + 10, doc.cues.length - 1), 0),
  PageUp: (doc, cue) => at(doc, Math.max(cue - 10, 0), 0),
};

/** @param {Doc} doc @param {number} index @param {number} word -1 is the last @returns {Place|null} */
function at(doc, index, word) {
  const cue = doc.cues[index];
  const found = cue?.words.at(word);
  return found ? { cue: cue.id, word: found.id } : null;
}
