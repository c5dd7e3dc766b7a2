// The pure functions of Speak and Live, under node: `node --test tests/page`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64, pcmBytes, toBase64 } from "../../speechd/api/web/static/js/audio/base64.js";
import { AudioLog } from "../../speechd/api/web/static/js/live/audio_log.js";
import { applyEvent, neededFrom, partsIn, toTranscript, withoutOpen } from "../../speechd/api/web/static/js/live/turns.js";
import { captionAt, isSsml, pieces } from "../../speechd/api/web/static/js/speak/captions.js";

const TEXT = "conversation.item.input_audio_transcription";
const started = (id, ms) => ({ type: "input_audio_buffer.speech_started", item_id: id, audio_start_ms: ms });
const stopped = (id, ms) => ({ type: "input_audio_buffer.speech_stopped", item_id: id, audio_end_ms: ms });
const delta = (id, text) => ({ type: `${TEXT}.delta`, item_id: id, delta: text });
const segment = (id, speaker, text, start, end) => ({ type: `${TEXT}.segment`, item_id: id, speaker, text, start, end });
const completed = (id, transcript, words) => ({ type: `${TEXT}.completed`, item_id: id, transcript, words });
const after = (events, offset = 0) => events.reduce((turns, event) => applyEvent(turns, event, offset), []);

test("a turn grows by deltas and ends with its whole text", () => {
  const open = after([started("a", 400), delta("a", "The weather"), delta("a", " is")]);
  assert.equal(open[0].text, "The weather is");
  assert.equal(open[0].final, false);
  const words = [{ word: "The", start: 0.2, end: 0.4 }, { word: "whether", start: 0.4, end: 0.9 }];
  const [turn] = [stopped("a", 2000), completed("a", "The whether", words)].reduce((turns, event) => applyEvent(turns, event, 0), open);
  assert.deepEqual([turn.text, turn.final, turn.start, turn.end], ["The whether", true, 0.4, 2]);
  assert.ok(Math.abs(turn.words[1].start - 0.8) < 1e-9); // words have the clock of all audio
});

test("a turn in which nothing was said is no turn", () => {
  assert.deepEqual(after([started("a", 0), completed("a", "", [])]), []);
});

test("a turn that the client ended begins where the one before has ended", () => {
  const turns = after([started("a", 0), stopped("a", 1500), { type: "input_audio_buffer.committed", item_id: "b" }]);
  assert.equal(turns[1].start, 1.5);
});

test("a turn that failed says why and is not waited for", () => {
  const [turn] = after([started("a", 0), { type: `${TEXT}.failed`, item_id: "a", error: { message: "The key is used up." } }]);
  assert.deepEqual([turn.failed, turn.final], ["The key is used up.", true]);
});

test("other events change nothing", () => {
  const turns = after([started("a", 0)]);
  assert.equal(applyEvent(turns, { type: "session.updated" }, 0), turns);
});

test("the speakers of a turn are parts with the clock of all audio", () => {
  const turns = after([started("a", 1000), segment("a", "A", "Hello.", 0, 0.5), segment("a", "B", "Hi.", 0.6, 1), completed("a", "Hello. Hi.", [])], 10);
  assert.deepEqual(partsIn(turns[0]), [
    { text: "Hello.", start: 11, end: 11.5, speaker: "A" },
    { text: "Hi.", start: 11.6, end: 12, speaker: "B" },
  ]);
  assert.deepEqual(toTranscript(turns, "en").segments.map(({ id, speaker }) => [id, speaker]), [[0, "A"], [1, "B"]]);
});

test("a transcript of turns has words only where all turns have them", () => {
  const first = [started("a", 0), completed("a", "One", [{ word: "One", start: 0, end: 0.5 }])];
  assert.equal(toTranscript(after(first), "en").words.length, 1);
  assert.equal(toTranscript(after([...first, started("b", 2000), completed("b", "two", [])]), "en").words, undefined);
});

test("a transcript has the language that was chosen, or else the one that was heard", () => {
  const turns = after([started("a", 0), { ...completed("a", "Guten Tag.", []), languages: [{ code: "de" }] }]);
  assert.equal(toTranscript(turns, "").language, "de");
  assert.equal(toTranscript(turns, "fr").language, "fr");
  assert.equal(toTranscript([], "").language, "en");
});

test("after a break audio is sent again from the turn without a text", () => {
  const turns = after([started("a", 0), stopped("a", 2000), completed("a", "One", []), started("b", 3000), delta("b", "t")]);
  assert.equal(neededFrom(turns), 3);
  assert.deepEqual(withoutOpen(turns).map((turn) => turn.id), ["a"]);
  assert.equal(neededFrom(withoutOpen(turns)), 2); // what came since may be speech that was not told yet
  assert.equal(neededFrom([]), 0);
});

test("the log of audio keeps whole chunks from a time on, and not for ever", () => {
  const log = new AudioLog(10);
  for (let i = 0; i < 5; i++) log.append(new Int16Array(10).fill(i));
  log.dropBefore(2.5);
  const { offset, chunks } = log.kept();
  assert.deepEqual([offset, chunks.map((chunk) => chunk[0]), log.seconds], [2, [2, 3, 4], 5]);
  for (let i = 0; i < 400; i++) log.append(new Int16Array(10));
  assert.ok(log.kept().chunks.length <= 311);
});

test("samples travel as little-endian bytes in base64", () => {
  const bytes = pcmBytes(Int16Array.from([1, -2, 32767]));
  assert.deepEqual([...bytes], [1, 0, 254, 255, 255, 127]);
  const long = new Uint8Array(100_000).map((_, i) => i % 251);
  assert.deepEqual(fromBase64(toBase64(long)), long);
});

test("a text is cut at its words, counted in code points", () => {
  const text = "😀 Tea costs $2.50!";
  const captions = [
    { word: "Tea", start: 0, end: 0.3, start_char: 2, end_char: 5 },
    { word: "$2.50", start: 0.5, end: 1, start_char: 12, end_char: 17 },
  ];
  const found = pieces(text, captions);
  assert.equal(found.map((piece) => piece.text).join(""), text);
  assert.deepEqual(found.filter((piece) => piece.index >= 0).map((piece) => piece.text), ["Tea", "$2.50"]);
});

test("captions that overlap show nothing twice, and SSML is a list of words", () => {
  const captions = [
    { word: "5 km", start: 0, end: 1, start_char: 0, end_char: 4 },
    { word: "km", start: 0.5, end: 1, start_char: 2, end_char: 4 },
  ];
  assert.equal(pieces("5 km.", captions).map((piece) => piece.text).join(""), "5 km.");
  assert.ok(isSsml(' <?xml version="1.0"?><speak>x</speak>') && !isSsml("I speak <b>"));
  assert.equal(pieces("<speak>5 km</speak>", captions.slice(0, 1))[0].text, "5 km");
});

test("the word at a time is the last that has begun, unless a pause follows", () => {
  const captions = [{ word: "a", start: 0.5, end: 1 }, { word: "b", start: 1, end: 1.5 }, { word: "c", start: 4, end: 5 }];
  assert.deepEqual([0, 0.5, 1.2, 1.6, 3, 4.5, 9].map((time) => captionAt(captions, time)), [-1, 0, 1, 1, -1, 2, -1]);
});
