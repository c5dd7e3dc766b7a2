// What a realtime session tells of its turns, as a list that only grows: pure functions over events.

const TEXT = "conversation.item.input_audio_transcription.";

/**
 * @typedef {{word: string, start: number, end: number, speaker?: string}} Word
 * @typedef {{text: string, start: number, end: number, speaker: string}} Part  what one speaker says
 * @typedef {{id: string, start: number, end: number | null, text: string, final: boolean, failed: string,
 *   language: string, parts: Part[], words: Word[]}} Turn
 *   A turn. All times are seconds since the first audio. `parts` is empty where speakers are not told apart.
 * @typedef {readonly Turn[]} Turns
 * @typedef {{[member: string]: any, type: string}} ServerEvent
 */

/**
 * @param {Turns} turns
 * @param {ServerEvent} event of the server
 * @param {number} offset seconds between the first audio and the first audio of this connection
 * @returns {Turns} the turns as they are now; the same object where the event is about something else
 */
export function applyEvent(turns, event, offset) {
  switch (event.type) {
    case "input_audio_buffer.speech_started":
      return changed(turns, event.item_id, { start: offset + event.audio_start_ms / 1000 });
    case "input_audio_buffer.speech_stopped":
      return changed(turns, event.item_id, { end: offset + event.audio_end_ms / 1000 });
    case "input_audio_buffer.committed":
      return changed(turns, event.item_id, {}, offset);
    case `${TEXT}delta`:
      return changed(turns, event.item_id, { text: textOf(turns, event.item_id) + event.delta });
    case `${TEXT}segment`:
      return changed(turns, event.item_id, { parts: [...partsOf(turns, event.item_id), partOf(turns, event)] });
    case `${TEXT}completed`:
      return completed(turns, event);
    case `${TEXT}failed`:
      return changed(turns, event.item_id, { final: true, failed: event.error?.message ?? "" });
    default:
      return turns;
  }
}

/**
 * The turns without those that have no text to wait for any more: the connection that would have brought it is gone,
 * and their audio is sent again.
 *
 * @param {Turns} turns
 * @returns {Turns}
 */
export function withoutOpen(turns) {
  return turns.filter((turn) => turn.final);
}

/**
 * Seconds from which on audio may be needed again: the start of the first turn without its final text, else the end of
 * the last turn. What comes after that may be speech of which the server has not told yet.
 *
 * @param {Turns} turns
 */
export function neededFrom(turns) {
  const open = turns.filter((turn) => !turn.final).map((turn) => turn.start);
  return open.length ? Math.min(...open) : Math.max(0, ...turns.map((turn) => turn.end ?? turn.start));
}

/**
 * What is said in a turn, by speaker where speakers are told apart.
 *
 * @param {Turn} turn
 * @returns {Part[]}
 */
export function partsIn(turn) {
  if (turn.parts.length) return turn.parts;
  const end = Math.max(turn.end ?? turn.start, turn.start);
  return [{ text: turn.text.trim(), start: turn.start, end, speaker: "" }];
}

/**
 * The turns as a transcript that the server's formats take.
 *
 * @param {Turns} turns
 * @param {string} chosen language; "" for the one that was heard first
 */
export function toTranscript(turns, chosen) {
  const said = turns.filter((turn) => turn.text.trim());
  const language = chosen || said.find((turn) => turn.language)?.language || "en";
  const segments = said.flatMap(partsIn).map(({ speaker, ...part }, id) => ({
    id,
    ...part,
    ...(speaker ? { speaker } : {}),
  }));
  const words = said.flatMap((turn) => turn.words);
  const text = segments.map((segment) => segment.text).join(" ");
  const duration = segments.reduce((latest, segment) => Math.max(latest, segment.end), 0);
  const whole = { task: "transcribe", language, duration, text, segments };
  return said.length && said.every((turn) => turn.words.length) ? { ...whole, words } : whole;
}

/** @param {Turns} turns @param {ServerEvent} event @returns {Turns} */
function completed(turns, event) {
  const text = event.transcript ?? "";
  if (!text.trim()) return turns.filter((turn) => turn.id !== event.item_id);
  const turn = turns.find((each) => each.id === event.item_id);
  const start = turn?.start ?? 0;
  /** @type {Word[]} */
  const words = (event.words ?? []).map((/** @type {Word} */ word) => ({
    ...word,
    start: start + word.start,
    end: start + word.end,
  }));
  const end = Math.max(turn?.end ?? 0, words.at(-1)?.end ?? 0, start);
  return changed(turns, event.item_id, { text, words, end, final: true, language: event.languages?.[0]?.code ?? "" });
}

/** @param {Turns} turns @param {string} id */
function partsOf(turns, id) {
  return turns.find((turn) => turn.id === id)?.parts ?? [];
}

/** @param {Turns} turns @param {ServerEvent} event @returns {Part} */
function partOf(turns, event) {
  const start = turns.find((turn) => turn.id === event.item_id)?.start ?? 0;
  return { text: event.text, start: start + event.start, end: start + event.end, speaker: event.speaker };
}

/** @param {Turns} turns @param {string} id */
function textOf(turns, id) {
  return turns.find((turn) => turn.id === id)?.text ?? "";
}

/**
 * @param {Turns} turns
 * @param {string} id
 * @param {Partial<Turn>} members
 * @param {number} offset where a turn begins that has no start and no turn before it
 * @returns {Turns}
 */
function changed(turns, id, members, offset = 0) {
  if (turns.some((turn) => turn.id === id)) {
    return turns.map((turn) => (turn.id === id ? { ...turn, ...members } : turn));
  }
  /** @type {Turn} */
  const fresh = { id, start: Math.max(offset, turns.at(-1)?.end ?? 0), end: null, text: "", final: false, failed: "", language: "", parts: [], words: [] };
  return [...turns, { ...fresh, ...members }];
}
