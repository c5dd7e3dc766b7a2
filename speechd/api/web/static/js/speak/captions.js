// The words of a speech over the text that was written: pure functions.

/**
 * @typedef {{word: string, start: number, end: number, spoken?: string, start_char?: number, end_char?: number}} Caption
 *   Times in seconds; places in Unicode code points.
 * @typedef {{text: string, index: number}} Piece  `index`: of its caption; -1 between captions
 */

/** Whether a text is SSML. @param {string} text */
export function isSsml(text) {
  return /^\s*(<\?xml[^>]*>\s*)?<speak[\s>]/.test(text);
}

/**
 * The text in pieces, of which each word can be lit. The tags of SSML are left out.
 *
 * @param {string} text
 * @param {readonly Caption[]} captions in the order of their places
 * @returns {Piece[]}
 */
export function pieces(text, captions) {
  const placed = captions.every((caption) => caption.start_char !== undefined && caption.end_char !== undefined);
  return isSsml(text) || !placed ? listed(captions) : inPlace(Array.from(text), captions);
}

/**
 * The caption that is spoken at a time: the last one that has begun and, where the next is far, has not ended.
 *
 * @param {readonly Caption[]} captions in the order of their times
 * @param {number} time seconds
 * @returns {number} its index; -1 for none
 */
export function captionAt(captions, time) {
  let [low, high] = [0, captions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (captions[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time < captions[low - 1].end + 0.25 ? low - 1 : -1;
}

/** @param {readonly Caption[]} captions @returns {Piece[]} */
function listed(captions) {
  return captions.flatMap((caption, index) => [
    { text: caption.word, index },
    { text: " ", index: -1 },
  ]);
}

/** @param {string[]} characters @param {readonly Caption[]} captions @returns {Piece[]} */
function inPlace(characters, captions) {
  /** @type {Piece[]} */
  const found = [];
  let at = 0;
  captions.forEach(({ start_char: start = 0, end_char: end = 0 }, index) => {
    if (start < at || end <= start) return; // nothing is shown twice
    if (start > at) found.push({ text: characters.slice(at, start).join(""), index: -1 });
    found.push({ text: characters.slice(start, end).join(""), index });
    at = end;
  });
  if (at < characters.length) found.push({ text: characters.slice(at).join(""), index: -1 });
  return found;
}
