// The editor's pure functions, under node: `node --test tests/page`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assignSpeaker, merge, renameSpeaker, rewrite, split } from "../../speechd/api/web/static/js/editor/edits.js";
import * as history from "../../speechd/api/web/static/js/editor/history.js";
import { cueText, fromAnswer, speakersOf, toAnswer } from "../../speechd/api/web/static/js/editor/model.js";
import { find, replaceAll, replaceOne } from "../../speechd/api/web/static/js/editor/search.js";
import { timelineOf, wordAt } from "../../speechd/api/web/static/js/editor/timeline.js";
import { offsetsOf, visible } from "../../speechd/api/web/static/js/result/layout.js";
import { moved } from "../../speechd/api/web/static/js/result/keys.js";
import { parseEvent, readEvents } from "../../speechd/api/web/static/js/sse.js";

const word = (text, start, end) => ({ word: text, start, end });
const ANSWER = {
  task: "transcribe",
  language: "english",
  duration: 6,
  text: "The tea costs two dollars. Oh, no!",
  uncovered_speech: [],
  words: [word("The", 0.1, 0.3), word("tea", 0.3, 0.6), word("costs", 0.6, 1), word("two", 1, 1.2), word("dollars.", 1.2, 2), word("Oh,", 3, 3.4), word("no!", 3.5, 4)],
  segments: [
    { id: 0, start: 0, end: 2, text: " The tea costs two dollars.", tokens: [1, 2], avg_logprob: -0.2, evidence: [], speaker: "A" },
    { id: 1, start: 3, end: 4, text: " Oh, no!", tokens: [3], avg_logprob: -0.9, evidence: ["loop"], speaker: "B" },
  ],
};
const doc = () => fromAnswer(structuredClone(ANSWER));
const texts = (given) => given.cues.map(cueText);

test("what was not edited goes back as it came", () => {
  const back = toAnswer(doc());
  assert.deepEqual(back.segments.map(({ words, ...segment }) => segment), ANSWER.segments);
  assert.deepEqual(back.segments.flatMap((segment) => segment.words), ANSWER.words);
  assert.equal(back.text, ANSWER.text);
  assert.deepEqual(back.uncovered_speech, []);
  assert.equal(back.language, "english");
});

test("a script without spaces stays without", () => {
  const given = { duration: 2, words: [word("你好", 0, 1), word("世界", 1, 2)], segments: [{ id: 0, start: 0, end: 2, text: "你好世界" }] };
  assert.deepEqual(texts(fromAnswer(given)), ["你好世界"]);
  const changed = rewrite(fromAnswer(given), 0, 0, 1, "早 安");
  assert.deepEqual(texts(changed), ["早安世界"]);
});

test("without word times each word has its part of the segment, and none is sent", () => {
  const given = fromAnswer({ segments: [{ id: 0, start: 10, end: 12, text: " one two" }] });
  assert.deepEqual(given.cues[0].words.map((each) => each.word), ["one", "two"]);
  assert.ok(given.cues[0].words[0].start >= 10 && given.cues[0].words[1].end <= 12);
  assert.equal(toAnswer(given).segments[0].words, undefined);
});

test("words that are not the text are shared out by their time", () => {
  const given = structuredClone(ANSWER);
  given.segments[0].text = " It is something else.";
  assert.deepEqual(fromAnswer(given).cues.map((cue) => cue.words.length), [5, 2]);
});

test("a doubtful word is known by its least probable token", () => {
  const token = (text, logprob) => ({ token: text, logprob, bytes: [...new TextEncoder().encode(text)] });
  const tokens = [token(" The", -0.01), token(" t", -0.1), token("ea", -2), token(" costs two dollars.", -0.01), token(" Oh, no!", -0.2)];
  const probable = fromAnswer({ ...structuredClone(ANSWER), logprobs: tokens }).cues.flatMap((cue) => cue.words.map((each) => each.p));
  assert.ok(Math.abs(probable[1] - Math.exp(-2)) < 1e-9);
  assert.ok(probable[0] > 0.9 && probable[2] > 0.9 && probable[6] > 0.8);
  const others = fromAnswer({ ...structuredClone(ANSWER), logprobs: [token("else", -5)] });
  assert.ok(others.cues[0].words.every((each) => each.p === 1));
});

test("a word is written over and keeps its time", () => {
  const before = doc();
  const after = rewrite(before, before.cues[0].id, 1, 2, "coffee");
  assert.deepEqual(texts(after), [" The coffee costs two dollars.", " Oh, no!"]);
  assert.deepEqual([after.cues[0].words[1].start, after.cues[0].words[1].end], [0.3, 0.6]);
  assert.equal(after.cues[1], before.cues[1]);
  assert.deepEqual(texts(before)[0], " The tea costs two dollars.");
  assert.deepEqual(toAnswer(after).segments[0].tokens, []);
});

test("two words for one share its time, none removes it, and the last one its cue", () => {
  const before = doc();
  const two = rewrite(before, before.cues[0].id, 1, 2, "green tea");
  assert.deepEqual(two.cues[0].words.slice(1, 3).map((each) => each.word), ["green", "tea"]);
  assert.equal(two.cues[0].words[1].start, 0.3);
  assert.equal(two.cues[0].words[2].end, 0.6);
  assert.equal(two.cues[0].words[1].end, two.cues[0].words[2].start);
  assert.equal(new Set(two.cues.flatMap((cue) => cue.words.map((each) => each.id))).size, 8);
  assert.equal(texts(rewrite(before, before.cues[0].id, 0, 1, " "))[0], " tea costs two dollars.");
  assert.equal(rewrite(before, before.cues[1].id, 0, 2, "").cues.length, 1);
  assert.equal(rewrite(before, before.cues[0].id, 1, 2, "tea"), before);
});

test("cues are split between words and merged again", () => {
  const before = doc();
  const cut = split(before, before.cues[0].id, 3);
  assert.deepEqual(texts(cut), [" The tea costs", " two dollars.", " Oh, no!"]);
  assert.deepEqual([cut.cues[0].end, cut.cues[1].start, cut.cues[1].end], [1, 1, 2]);
  const whole = merge(cut, cut.cues[0].id);
  assert.deepEqual(texts(whole), texts(before));
  assert.deepEqual([whole.cues[0].start, whole.cues[0].end], [0, 2]);
  assert.equal(split(before, before.cues[0].id, 0), before);
  assert.equal(merge(before, before.cues[1].id), before);
});

test("a speaker is renamed everywhere, and one cue is given to another", () => {
  const before = doc();
  const named = renameSpeaker(before, "A", "  Ada  Lovelace ");
  assert.deepEqual(speakersOf(named), ["Ada Lovelace", "B"]);
  assert.deepEqual(speakersOf(assignSpeaker(named, named.cues[1].id, "Ada Lovelace")), ["Ada Lovelace"]);
  assert.equal(renameSpeaker(before, "A", " "), before);
  const split_ = fromAnswer({ segments: [{ id: 0, start: 0, end: 1, text: " Hi", channel: "channel_1" }] });
  assert.equal(toAnswer(renameSpeaker(split_, "channel_1", "Agent")).segments[0].channel, "Agent");
});

test("find reaches over words, and replaces what it found", () => {
  const before = doc();
  assert.equal(find(before, "TEA costs").length, 1);
  assert.equal(find(before, "TEA", { matchCase: true }).length, 0);
  assert.equal(find(before, "o").length, 5);
  assert.equal(find(before, " ").length, 0);
  assert.equal(find(before, "(").length, 0);
  assert.deepEqual(texts(replaceOne(before, find(before, "tea costs")[0], "x"))[0], " The x two dollars.");
  const all = replaceAll(before, "o", "0");
  assert.equal(all.count, 5);
  assert.deepEqual(texts(all.doc), [" The tea c0sts tw0 d0llars.", " 0h, n0!"]);
  assert.equal(all.doc.cues[0].words[2].start, 0.6);
  assert.deepEqual(texts(replaceAll(before, "tea", "$& tea").doc)[0], " The $& tea costs two dollars.");
  assert.deepEqual(texts(replaceAll(before, "l", "ll").doc)[0], " The tea costs two dollllars.");
});

test("undo and redo", () => {
  let steps = history.begin(1);
  steps = history.record(history.record(history.record(steps, 2), 2), 3);
  assert.equal(history.undo(steps).now, 2);
  assert.equal(history.redo(history.undo(steps)).now, 3);
  assert.deepEqual(history.record(history.undo(steps), 4).future, []);
  assert.equal(history.undo(history.begin(1)).now, 1);
});

test("the word at a time", () => {
  const given = doc();
  const line = timelineOf(given);
  const text = (time) => given.cues.flatMap((cue) => cue.words).find((each) => each.id === wordAt(line, time)?.word)?.word;
  assert.deepEqual([0, 0.1, 0.59, 1.99, 2.4, 2.9, 3.45, 9].map(text), [undefined, "The", "tea", "dollars.", "dollars.", undefined, "Oh,", undefined]);
  assert.equal(wordAt(line, 3.6).cue, 1);
});

test("of a long list only the visible part is drawn", () => {
  const cues = Array.from({ length: 3000 }, (_, id) => ({ id, words: Array(8).fill({}) }));
  const tops = offsetsOf(cues, new Map([[0, 500]]), 800);
  assert.equal(tops[1], 500);
  const { first, last } = visible(tops, tops[1500], 600);
  assert.ok(first < 1500 && last > 1505 && last - first < 60);
  assert.deepEqual(visible(offsetsOf([], new Map(), 800), 0, 600), { first: 0, last: 0 });
  assert.equal(visible(tops, tops[3000], 600).last, 3000);
});

test("arrows move from word to word and from cue to cue", () => {
  const given = doc();
  const first = moved(given, null, "ArrowRight");
  assert.equal(first.word, given.cues[0].words[0].id);
  assert.equal(moved(given, first, "ArrowLeft"), null);
  const last = moved(given, first, "End");
  assert.deepEqual(moved(given, last, "ArrowRight"), { cue: given.cues[1].id, word: given.cues[1].words[0].id });
  assert.deepEqual(moved(given, first, "ArrowDown"), moved(given, last, "ArrowRight"));
  assert.equal(moved(given, first, "a"), null);
});

test("events are read whatever way they are cut", async () => {
  const sent = ": keep-alive\n\nevent: a\nid: 7\ndata: ä\ndata: b\n\nevent: c\r\ndata:d\r\n\r\n";
  const bytes = new TextEncoder().encode(sent);
  const body = new ReadableStream({ start: (to) => (bytes.forEach((_, at) => to.enqueue(bytes.slice(at, at + 1))), to.close()) });
  const found = [];
  for await (const event of readEvents(new Response(body))) found.push(event);
  assert.deepEqual(found, [{ event: "a", id: "7", data: "ä\nb" }, { event: "c", id: "", data: "d" }]);
  assert.equal(parseEvent(": only a comment"), null);
});

test("20 000 words are edited and searched without a wait that one feels", () => {
  const words = Array.from({ length: 20_000 }, (_, at) => word(`w${at % 500}`, at * 0.36, at * 0.36 + 0.3));
  const segments = Array.from({ length: 2000 }, (_, id) => ({ id, start: id * 3.6, end: id * 3.6 + 3.5, text: words.slice(id * 10, id * 10 + 10).map((each) => ` ${each.word}`).join("") }));
  const given = fromAnswer({ words, segments });
  assert.equal(given.cues.reduce((sum, cue) => sum + cue.words.length, 0), 20_000);
  assert.equal(find(given, "w77").length, 40);
  const changed = replaceAll(given, "w77", "x").doc;
  assert.equal(changed.cues.filter((cue, at) => cue !== given.cues[at]).length, 40);
  assert.equal(toAnswer(changed).segments.length, 2000);
});

test("a cue keeps its times without words until it is cut or joined", () => {
  const given = structuredClone(ANSWER);
  for (const segment of given.segments) Object.assign(segment, { plain_start: segment.start, plain_end: segment.end + 0.5 });
  const before = fromAnswer(given);
  const plain = (doc) => toAnswer(doc).segments.map((segment) => segment.plain_end);
  assert.deepEqual(plain(before), [2.5, 4.5]);
  assert.deepEqual(plain(rewrite(before, before.cues[0].id, 1, 2, "coffee")), [2.5, 4.5]);
  assert.deepEqual(plain(split(before, before.cues[0].id, 2)), [undefined, undefined, 4.5]);
  assert.deepEqual(plain(merge(before, before.cues[0].id)), [undefined]);
});
