/** Changes of a transcript. Each takes a document and gives a new one; where nothing changes, the same. */
import { spaceBetween, speakerOf } from "./model.js";

/** @typedef {import("./model.js").Doc} Doc @typedef {import("./model.js").Cue} Cue @typedef {import("./model.js").Word} Word */

/**
 * Writes over words of a cue. The words' time stays: as many words as before keep each their own, else the time of all
 * is shared out by length. No text removes the words, and the cue when none is left.
 * @param {Doc} doc
 * @param {number} cueId
 * @param {number} first index of the first word
 * @param {number} last index after the last word
 * @param {string} text
 * @returns {Doc}
 */
export function rewrite(doc, cueId, first, last, text) {
  const index = doc.cues.findIndex((cue) => cue.id === cueId);
  const cue = doc.cues[index];
  const old = cue?.words.slice(first, last) ?? [];
  if (!old.length) return doc;
  const written = text.split(/\s+/).filter(Boolean);
  if (written.join(" ") === old.map((word) => word.word).join(" ")) return doc;
  let next = doc.next;
  const times = written.length === old.length ? old : shared(written, old[0].start, old[old.length - 1].end);
  const words = written.map((word, at) => ({
    id: written.length === old.length ? old[at].id : next++,
    word,
    before: at === 0 ? old[0].before : old[at]?.before || spaceBetween(written[at - 1], word),
    start: times[at].start,
    end: times[at].end,
    p: 1,
  }));
  const left = [...cue.words.slice(0, first), ...words, ...cue.words.slice(last)];
  if (left.length && !words.length && first === 0) left[0] = { ...left[0], before: old[0].before };
  return { ...replaced(doc, index, left.length ? [{ ...cue, words: left, edited: true }] : []), next };
}

/**
 * @param {Doc} doc @param {number} cueId
 * @param {number} at index of the word that begins the new cue
 */
export function split(doc, cueId, at) {
  const index = doc.cues.findIndex((cue) => cue.id === cueId);
  const cue = doc.cues[index];
  if (!cue || at <= 0 || at >= cue.words.length) return doc;
  const [head, tail] = [cue.words.slice(0, at), cue.words.slice(at)];
  const cut = Math.min(Math.max(head[at - 1].end, cue.start), cue.end);
  const begins = Math.min(Math.max(tail[0].start, cut), cue.end);
  const raw = withoutPlainTimes(cue.raw);
  const parts = [
    { ...cue, raw, words: head, end: cut, edited: true },
    { ...cue, raw, id: doc.next, words: tail, start: begins, edited: true },
  ];
  return { ...replaced(doc, index, parts), next: doc.next + 1 };
}

/** One cue of a cue and the next one. The speaker is the first's. @param {Doc} doc @param {number} cueId */
export function merge(doc, cueId) {
  const index = doc.cues.findIndex((cue) => cue.id === cueId);
  const [cue, other] = doc.cues.slice(index, index + 2);
  if (index < 0 || !other) return doc;
  const [last, first] = [cue.words.at(-1), other.words[0]];
  const before = last && first ? first.before || spaceBetween(last.word, first.word) : "";
  const moved = first ? [{ ...first, before }, ...other.words.slice(1)] : [];
  const merged = {
    ...cue,
    raw: withoutPlainTimes(cue.raw),
    end: Math.max(cue.end, other.end),
    words: [...cue.words, ...moved],
    timed: cue.timed && other.timed,
    evidence: [...new Set([...cue.evidence, ...other.evidence])],
    edited: true,
  };
  return replaced(doc, index, [merged], 2);
}

/** A cue that was cut or joined has the times of its words, in every format. @param {Record<string, any>} raw */
function withoutPlainTimes({ plain_start: _start, plain_end: _end, ...raw }) {
  return raw;
}

/** @param {Doc} doc @param {string} old @param {string} name */
export function renameSpeaker(doc, old, name) {
  const wanted = cleanName(name);
  if (!wanted || wanted === old) return doc;
  return { ...doc, cues: doc.cues.map((cue) => (speakerOf(cue) === old ? named(cue, wanted) : cue)) };
}

/** Says who speaks in one cue; no name: nobody is told. @param {Doc} doc @param {number} cueId @param {string} name */
export function assignSpeaker(doc, cueId, name) {
  const wanted = cleanName(name);
  const index = doc.cues.findIndex((cue) => cue.id === cueId);
  if (index < 0 || speakerOf(doc.cues[index]) === wanted) return doc;
  const known = doc.cues.find((cue) => speakerOf(cue) === wanted);
  const cue = doc.cues[index];
  const { speaker, channel } = known ?? named(cue, wanted);
  return replaced(doc, index, [{ ...cue, speaker, channel }]);
}

/** A cue under another name. A channel that is all of the name is renamed as a channel. @param {Cue} cue @param {string} name */
function named(cue, name) {
  return cue.channel && !cue.speaker ? { ...cue, channel: name } : { ...cue, channel: "", speaker: name };
}

/** @param {string} name */
function cleanName(name) {
  return name.replace(/\s+/g, " ").trim().slice(0, 100);
}

/** @param {Doc} doc @param {number} index @param {Cue[]} cues @param {number} [count] */
function replaced(doc, index, cues, count = 1) {
  return { ...doc, cues: doc.cues.toSpliced(index, count, ...cues) };
}

/** @param {string[]} words @param {number} start @param {number} end */
function shared(words, start, end) {
  const all = words.reduce((sum, word) => sum + word.length, 0);
  let before = 0;
  return words.map((word) => {
    const begins = start + ((end - start) * before) / all;
    before += word.length;
    return { start: begins, end: start + ((end - start) * before) / all };
  });
}
