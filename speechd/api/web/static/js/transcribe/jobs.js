/**
 * The server's jobs of this key, and what is known of them here: a list that is read again while something runs, and
 * the events of the jobs that are followed. The server has the truth: a reload begins here anew.
 */
import { ApiError, api } from "../api.js";
import { db } from "../db.js";
import { tellError } from "../messages.js";
import { createStore } from "../store.js";

/** @typedef {{id: number, start: number, end: number, text: string, speaker?: string}} LiveSegment */
/** @typedef {{job: any, name: string, live: LiveSegment[], left: number|null}} Row */

const PAGE = 50;
const POLL_SECONDS = 1;
/** While a job is open. */
const REST_SECONDS = 8;
/** While none is: jobs of other tabs appear so late. */
const MAX_FOLLOWED = 2;
/** A browser opens six connections to a server: events must not take them all. */
const LIVE_KEPT = 400;
const OPEN = new Set(["queued", "running"]);
const ENDINGS = new Set(["audio.job.completed", "audio.job.failed", "audio.job.cancelled"]);

/** @typedef {{rows: Row[], loaded: boolean, away: boolean, more: boolean}} Jobs */

export const jobs = createStore(/** @type {Jobs} */ ({ rows: [], loaded: false, away: false, more: false }));

/** @param {any} job */
export function isOpen(job) {
  return OPEN.has(job.status);
}

/** @param {any} job */
export function isTranscript(job) {
  return /\/audio\/(transcriptions|translations)$/.test(job.endpoint);
}

/** Follows the jobs until the signal. @param {AbortSignal} signal */
export async function followJobs(signal) {
  /** @type {Map<string, AbortController>} */
  const followed = new Map();
  /** Those without events: the list tells of them. @type {Set<string>} */
  const silent = new Set();
  signal.addEventListener("abort", () => followed.forEach((each) => each.abort()));
  while (!signal.aborted) {
    await refresh(signal).catch((error) => noteBreak(error, signal));
    const running = jobs.get().rows.filter((row) => row.job.status === "running");
    for (const row of running.reverse().slice(0, MAX_FOLLOWED)) {
      if (followed.has(row.job.id) || silent.has(row.job.id) || followed.size >= MAX_FOLLOWED) continue;
      const ending = new AbortController();
      followed.set(row.job.id, ending);
      followJob(row.job.id, ending.signal)
        .catch(() => silent.add(row.job.id))
        .finally(() => followed.delete(row.job.id));
    }
    const isBusy = jobs.get().away || jobs.get().rows.some((row) => isOpen(row.job));
    await pause(isBusy ? POLL_SECONDS : REST_SECONDS, signal);
  }
}

/**
 * The events of one job, into the list.
 * @param {string} id @param {AbortSignal} signal
 */
export async function followJob(id, signal) {
  const path = `audio/jobs/${id}/events`;
  const away = () => jobs.set((state) => ({ ...state, away: true }));
  for await (const { event, data } of api.events(path, { signal, ends: (name) => ENDINGS.has(name), onBreak: away })) {
    if (jobs.get().away) jobs.set((state) => ({ ...state, away: false }));
    if (event === "transcript.text.segment") addLive(id, JSON.parse(data));
    else if (event.startsWith("audio.job.")) updateJob(JSON.parse(data));
  }
}

/** @param {AbortSignal} [signal] */
export async function refresh(signal) {
  const page = await api.json(`audio/jobs?limit=${PAGE}`, { signal });
  const names = Object.fromEntries(await db.all("names"));
  jobs.set((state) => {
    const old = Object.fromEntries(state.rows.map((row) => [row.job.id, row]));
    const rows = page.data.filter(isTranscript).map((/** @type {any} */ job) => merged(old[job.id], job, names[job.id]));
    return { rows, loaded: true, away: false, more: page.has_more };
  });
}

/** @param {any} job as the server tells it */
export function updateJob(job) {
  jobs.set((state) => {
    const known = state.rows.some((row) => row.job.id === job.id);
    const rows = known
      ? state.rows.map((row) => (row.job.id === job.id ? merged(row, job) : row))
      : [merged(undefined, job), ...state.rows];
    return { ...state, rows };
  });
}

/** Remembers what a file was called; the server does not tell it. @param {any} job @param {string} name */
export async function nameJob(job, name) {
  updateJob(job);
  wake();
  jobs.set((state) => ({ ...state, rows: state.rows.map((row) => (row.job.id === job.id ? { ...row, name } : row)) }));
  await db.put("names", job.id, name).catch(() => {});
}

/** @param {string} id */
export async function cancelJob(id) {
  updateJob(await api.json(`audio/jobs/${id}/cancel`, { method: "POST" }));
}

/** Deletes a job, its result, and what is kept of it here. @param {string} id */
export async function deleteJob(id) {
  await api.fetch(`audio/jobs/${id}`, { method: "DELETE" }).catch((error) => {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  });
  jobs.set((state) => ({ ...state, rows: state.rows.filter((row) => row.job.id !== id) }));
  await Promise.all([db.delete("names", id), db.delete("transcripts", id)]).catch(() => {});
}

/** @param {Row|undefined} row @param {any} job @param {string} [name] @returns {Row} */
function merged(row, job, name) {
  const ended = row && !isOpen(row.job) && isOpen(job);
  const shown = ended ? row.job : job; // a list that was asked for before the end came
  const live = mergeLive(row?.live ?? [], shown.segments ?? []);
  return { job: shown, name: name ?? row?.name ?? "", live, left: secondsLeft(shown) };
}

/** @param {string} id @param {LiveSegment} segment */
function addLive(id, segment) {
  jobs.set((state) => ({
    ...state,
    rows: state.rows.map((row) => (row.job.id === id ? { ...row, live: mergeLive(row.live, [segment]) } : row)),
  }));
}

/** @param {LiveSegment[]} old @param {LiveSegment[]} fresh */
function mergeLive(old, fresh) {
  if (!fresh.length) return old;
  const byId = new Map(old.map((each) => [String(each.id), each]));
  for (const each of fresh) byId.set(String(each.id), each);
  return [...byId.values()].sort((a, b) => a.start - b.start).slice(-LIVE_KEPT);
}

/** The server's estimate, or one from what is done so far. @param {any} job @returns {number|null} */
function secondsLeft(job) {
  const { ratio, seconds_left: told } = job.progress ?? {};
  if (typeof told === "number") return told;
  if (job.status !== "running" || !job.started_at || !ratio || ratio < 0.02) return null;
  return Math.max(0, (Date.now() / 1000 - job.started_at) * (1 / ratio - 1));
}

/** @param {unknown} error @param {AbortSignal} signal */
function noteBreak(error, signal) {
  if (signal.aborted) return;
  if (error instanceof ApiError && error.unreachable) jobs.set((state) => ({ ...state, away: true }));
  else if (!(error instanceof ApiError && error.status === 401)) tellError(error);
}

/** Ends the pause of the list: a job that was just made is followed from its beginning. */
let wake = () => {};

/** @param {number} seconds @param {AbortSignal} signal */
function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    wake = () => (clearTimeout(timer), resolve(undefined));
    signal.addEventListener("abort", wake, { once: true });
  });
}
