/**
 * A transcript as it is edited: cues with words. Pure functions; a change makes new objects, what did not change stays
 * the same object. Times are seconds.
 *
 * @typedef {{id: number, word: string, before: string, start: number, end: number, p: number}} Word
 *   `before` is the space in front of it, `p` the probability of its least probable token, 1 where it is not known.
 * @typedef {{id: number, start: number, end: number, speaker: string, channel: string, words: Word[], timed: boolean,
 *            evidence: string[], edited: boolean, raw: Record<string, any>}} Cue
 *   `timed`: the words' times are the recogniser's and no estimate. `raw`: the other members of the segment.
 * @typedef {{cues: Cue[], meta: Record<string, any>, next: number}} Doc
 *   `meta`: the members of the answer beside its segments and words. `next`: the next id.
 */

const OWN = new Set(["id", "start", "end", "text", "speaker", "channel", "evidence", "words", "type"]);
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** A word of which a token is less probable is doubtful. */
export const DOUBTFUL = 0.5;

/**
 * @param {any} answer the shape of `verbose_json`, with `words` and `logprobs` where there are any
 * @returns {Doc}
 */
export function fromAnswer(answer) {
  const { segments = [], words = [], logprobs = [], text: _text, usage: _usage, x_groq: _groq, ...meta } = answer;
  const shares = shareOut(words, segments);
  const probabilities = tokenProbabilities(logprobs, segments.map((/** @type {any} */ each) => each.text).join(""));
  let next = 0;
  let place = 0;
  const cues = segments.map((/** @type {any} */ segment, /** @type {number} */ index) => {
    const timed = shares[index].length > 0;
    const placed = timed ? placeWords(segment.text, shares[index]) : estimated(segment);
    const cue = {
      id: next++,
      start: segment.start,
      end: segment.end,
      speaker: segment.speaker ?? "",
      channel: segment.channel ?? "",
      timed,
      evidence: segment.evidence ?? [],
      edited: false,
      raw: Object.fromEntries(Object.entries(segment).filter(([name]) => !OWN.has(name))),
      words: placed.map((word) => ({ ...word, id: next++, p: probabilities(place + word.at, word.word.length) })),
    };
    cue.words.forEach((word) => delete (/** @type {any} */ (word).at));
    place += segment.text.length;
    return cue;
  });
  return { cues, meta, next };
}

/**
 * What the server formats: its own `verbose_json` again.
 * @param {Doc} doc
 */
export function toAnswer(doc) {
  const evidence = "uncovered_speech" in doc.meta;
  const segments = doc.cues.map((cue, id) => ({
    ...(cue.edited ? { ...cue.raw, tokens: [] } : cue.raw),
    id,
    start: cue.start,
    end: cue.end,
    text: cueText(cue),
    ...(cue.speaker && { speaker: cue.speaker }),
    ...(cue.channel && { channel: cue.channel }),
    ...((evidence || cue.evidence.length) && { evidence: cue.evidence }),
    ...(cue.timed && { words: cue.words.map(({ word, start, end }) => ({ word, start, end })) }),
  }));
  return { ...doc.meta, text: segments.map((each) => each.text).join("").trim(), segments };
}

/** @param {Cue} cue */
export function cueText(cue) {
  return cue.words.map((word) => word.before + word.word).join("");
}

/** Who says it, as the server writes it: the channel, then the speaker in it. @param {Cue} cue */
export function speakerOf(cue) {
  return [cue.channel, cue.speaker].filter(Boolean).join(" ");
}

/** All names, in the order of their first cue. @param {Doc} doc @returns {string[]} */
export function speakersOf(doc) {
  return [...new Set(doc.cues.map(speakerOf))].filter(Boolean);
}

/** Whether two words need a space between them. @param {string} left @param {string} right */
export function spaceBetween(left, right) {
  return UNSPACED.test(left.slice(-1)) && UNSPACED.test(right.slice(0, 1)) ? "" : " ";
}

/**
 * Gives each segment its words: by their text, or by their time where they are not the text of the segments.
 * @param {{word: string, start: number, end: number}[]} words of all segments, in order
 * @param {{text: string, start: number, end: number}[]} segments
 * @returns {{word: string, start: number, end: number}[][]}
 */
export function shareOut(words, segments) {
  let at = 0;
  const shares = segments.map((segment) => {
    const wanted = bare(segment.text).length;
    const first = at;
    for (let taken = 0; taken < wanted && at < words.length; at += 1) taken += bare(words[at].word).length;
    return words.slice(first, at);
  });
  const fits = segments.every((each, index) => bare(each.text) === shares[index].map((word) => bare(word.word)).join(""));
  if (fits && at === words.length) return shares;
  const middle = (/** @type {{start: number, end: number}} */ word) => (word.start + word.end) / 2;
  const holds = segments.map(() => /** @type {typeof words} */ ([]));
  for (const word of words) {
    let index = segments.findLastIndex((segment) => segment.start <= middle(word));
    index = Math.max(0, index);
    holds[index]?.push(word);
  }
  return holds;
}

/**
 * Where words stand in a text, and which space is before each.
 * @param {string} text
 * @param {{word: string, start: number, end: number}[]} words
 */
function placeWords(text, words) {
  let at = 0;
  return words.map((word) => {
    const found = text.indexOf(word.word, at);
    const begins = found < 0 ? at : found;
    const between = text.slice(at, begins);
    at = found < 0 ? at : begins + word.word.length;
    return { word: word.word, start: word.start, end: word.end, before: between.trim() ? " " : between, at: begins };
  });
}

/**
 * The words of a segment that has no word times: its time is shared out by their length.
 * @param {{text: string, start: number, end: number}} segment
 */
function estimated({ text, start, end }) {
  const found = [...text.matchAll(/(\s*)(\S+)/g)];
  const per = (end - start) / Math.max(1, text.length);
  return found.map((match) => ({
    word: match[2],
    before: match[1],
    start: start + per * match.index,
    end: start + per * (match.index + match[0].length),
    at: match.index + match[1].length,
  }));
}

/**
 * @param {{token: string, logprob: number, bytes?: number[]}[]} tokens of the whole text
 * @param {string} text
 * @returns {(at: number, length: number) => number} the probability of what stands there; 1 where tokens do not fit
 */
function tokenProbabilities(tokens, text) {
  const decoder = new TextDecoder();
  const ends = /** @type {number[]} */ ([]);
  let written = "";
  for (const token of tokens) {
    written += token.bytes ? decoder.decode(Uint8Array.from(token.bytes), { stream: true }) : token.token;
    ends.push(written.length);
  }
  const shift = text.length - text.trimStart().length - (written.length - written.trimStart().length);
  if (!tokens.length || written.trim() !== text.trim()) return () => 1;
  return (at, length) => {
    const begins = at - shift;
    let least = 0;
    let index = upperBound(ends, begins);
    for (; index < ends.length && (index ? ends[index - 1] : 0) < begins + length; index += 1)
      least = Math.min(least, tokens[index].logprob);
    return Math.exp(least);
  };
}

/** The first index whose value is greater. @param {ArrayLike<number>} sorted @param {number} value */
export function upperBound(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {string} text */
function bare(text) {
  return text.replace(/\s+/g, "");
}
