/** Find and replace in a transcript. A find can reach over several words of a cue, not over cues. */
import { rewrite } from "./edits.js";
import { cueText } from "./model.js";

/** @typedef {import("./model.js").Doc} Doc @typedef {import("./model.js").Cue} Cue */
/** @typedef {{cue: number, first: number, last: number, from: number, to: number}} Match
 *    `first` and `last`: its words, as in `rewrite`. `from` and `to`: its place in the text of these words. */

/**
 * @param {Doc} doc
 * @param {string} wanted
 * @param {{matchCase?: boolean}} [how]
 * @returns {Match[]}
 */
export function find(doc, wanted, { matchCase = false } = {}) {
  const pattern = patternOf(wanted, matchCase);
  return pattern ? doc.cues.flatMap((cue) => matchesIn(cue, pattern)) : [];
}

/** @param {Doc} doc @param {Match} match @param {string} replacement */
export function replaceOne(doc, match, replacement) {
  const cue = doc.cues.find((each) => each.id === match.cue);
  if (!cue) return doc;
  const old = wordsText(cue, match.first, match.last);
  const text = old.slice(0, match.from) + replacement + old.slice(match.to);
  return rewrite(doc, match.cue, match.first, match.last, text);
}

/**
 * @param {Doc} doc @param {string} wanted @param {string} replacement @param {{matchCase?: boolean}} [how]
 * @returns {{doc: Doc, count: number}}
 */
export function replaceAll(doc, wanted, replacement, how) {
  const matches = find(doc, wanted, how);
  const changed = grouped(matches).reduceRight((now, match) => replaceGroup(now, match, replacement), doc);
  return { doc: changed, count: matches.length };
}

/** Matches that share a word must be replaced at once. @param {Match[]} matches @returns {Match[][]} */
function grouped(matches) {
  /** @type {Match[][]} */
  const groups = [];
  for (const match of matches) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (group && last && last.cue === match.cue && match.first < last.last) group.push(match);
    else groups.push([match]);
  }
  return groups;
}

/** @param {Doc} doc @param {Match[]} group @param {string} replacement */
function replaceGroup(doc, group, replacement) {
  const cue = doc.cues.find((each) => each.id === group[0].cue);
  if (!cue) return doc;
  const [first, last] = [group[0].first, group[group.length - 1].last];
  const starts = offsets(cue);
  let text = wordsText(cue, first, last);
  for (const match of group.toReversed()) {
    const shift = starts[match.first] - starts[first];
    text = text.slice(0, match.from + shift) + replacement + text.slice(match.to + shift);
  }
  return rewrite(doc, cue.id, first, last, text);
}

/** @param {Cue} cue @param {RegExp} pattern @returns {Match[]} */
function matchesIn(cue, pattern) {
  const starts = offsets(cue);
  const found = [];
  for (const hit of cueText(cue).matchAll(pattern)) {
    const ends = hit.index + hit[0].length;
    const first = cue.words.findIndex((word, at) => starts[at] + word.word.length > hit.index);
    const last = cue.words.findLastIndex((_word, at) => starts[at] < ends) + 1;
    if (first >= 0 && last > first)
      found.push({ cue: cue.id, first, last, from: hit.index - starts[first], to: ends - starts[first] });
  }
  return found;
}

/** Where each word begins in the text of its cue. @param {Cue} cue */
function offsets(cue) {
  let at = 0;
  return cue.words.map((word) => {
    const begins = at + word.before.length;
    at = begins + word.word.length;
    return begins;
  });
}

/** @param {Cue} cue @param {number} first @param {number} last */
function wordsText(cue, first, last) {
  const words = cue.words.slice(first, last);
  return words.map((word, at) => (at ? word.before : "") + word.word).join("");
}

/** @param {string} wanted @param {boolean} matchCase */
function patternOf(wanted, matchCase) {
  const parts = wanted.trim().split(/\s+/).filter(Boolean);
  const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  return escaped.length ? new RegExp(escaped.join("\\s+"), matchCase ? "gu" : "giu") : null;
}
