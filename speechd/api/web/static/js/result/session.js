/** One transcript that is open: the document with its history, what is selected, and its place in the browser's store. */
import { ApiError, api } from "../api.js";
import { db } from "../db.js";
import * as history from "../editor/history.js";
import { fromAnswer } from "../editor/model.js";
import { tell } from "../messages.js";
import { createStore } from "../store.js";
import { t } from "../i18n/index.js";

/** @typedef {import("../editor/model.js").Doc} Doc */
/** @typedef {{cue: number, word: number}} Place the ids of a cue and of a word in it */
/** @typedef {{history: import("../editor/history.js").History<Doc>, place: Place|null, saved: boolean, name: string}} State */

const SAVE_MS = 300;

/**
 * @param {string} id of the job
 * @param {Doc} doc
 * @param {string} name of the recording
 */
export function createSession(id, doc, name) {
  const store = createStore(/** @type {State} */ ({ history: history.begin(doc), place: null, saved: true, name }));
  let timer = 0;
  let warned = false;
  /** Whether it is kept. A failure is told once. */
  const save = async () => {
    clearTimeout(timer);
    const now = store.get().history.now;
    try {
      await db.put("transcripts", id, { doc: now, name: store.get().name });
      if (store.get().history.now === now) store.set((old) => ({ ...old, saved: true }));
      warned = false;
    } catch {
      if (!warned) tell(t("result.not_kept"));
      warned = true;
    }
    return !warned;
  };
  /** @param {(old: import("../editor/history.js").History<Doc>) => import("../editor/history.js").History<Doc>} step */
  const move = (step) => {
    const old = store.get();
    const next = step(old.history);
    if (next.now === old.history.now) return false;
    store.set({ ...old, history: next, saved: false, place: kept(next.now, old.place, old.history.now) });
    clearTimeout(timer);
    timer = window.setTimeout(save, SAVE_MS);
    return true;
  };
  return {
    id,
    store,
    name: () => store.get().name,
    /** Takes the server's name where there is none. @param {string} given */
    rename: (given) => store.get().name || store.set((old) => ({ ...old, name: given })),
    save,
    /** @param {(doc: Doc) => Doc} edit */
    change: (edit) => move((old) => history.record(old, edit(old.now))),
    undo: () => move(history.undo),
    redo: () => move(history.redo),
    /** @param {Place|null} place */
    select: (place) => store.set((old) => ({ ...old, place })),
    /** Writes what waits. */
    close: () => (store.get().saved ? undefined : save()),
  };
}

/**
 * The transcript as it was edited here, else as the server gave it.
 * @param {string} id @param {AbortSignal} signal
 * @returns {Promise<{session: ReturnType<typeof createSession>}|{job: any}>} a job that has no transcript
 */
export async function openSession(id, signal) {
  const kept = await db.get("transcripts", id).catch(() => undefined);
  if (kept) return { session: createSession(id, kept.doc, kept.name) };
  const job = await api.json(`audio/jobs/${id}`, { signal });
  if (job.status !== "completed") return { job };
  if (!Array.isArray(job.result?.segments)) throw new ApiError(422, t("result.no_segments"));
  return { session: createSession(id, fromAnswer(job.result), (await db.get("names", id).catch(() => "")) ?? "") };
}

/** What stays selected after a change: the same word, else the one that stands in its place. @param {Doc} doc @param {Place|null} place @param {Doc} old */
function kept(doc, place, old) {
  if (!place) return null;
  const cue = doc.cues.find((each) => each.words.some((word) => word.id === place.word));
  if (cue) return { cue: cue.id, word: place.word };
  const index = old.cues.findIndex((each) => each.id === place.cue);
  const at = old.cues[index]?.words.findIndex((word) => word.id === place.word) ?? 0;
  const near = doc.cues[Math.min(index, doc.cues.length - 1)];
  const word = near?.words[Math.min(at, near.words.length - 1)];
  return word ? { cue: near.id, word: word.id } : null;
}
