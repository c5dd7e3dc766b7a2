/**
 * The server's API: requests with the key, errors as sentences, and streams of events.
 * Paths are below /v1, without a slash in front: `api.json("audio/jobs")`.
 */
import { readEvents } from "./sse.js";

/** @typedef {{method?: string, body?: BodyInit|null, json?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} Options */

const BASE = new URL("../../v1/", import.meta.url);
const KEY = "speechd.key";
const RETRY_SECONDS = [0.5, 1, 2, 4, 8];

/** What the server refused, or that it was not reached: then `status` is 0. */
export class ApiError extends Error {
  /**
   * @param {number} status of HTTP
   * @param {string} message a sentence of the server
   * @param {{code?: string|null, param?: string|null, retryAfter?: number|null}} [more]
   */
  constructor(status, message, { code = null, param = null, retryAfter = null } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
    /** Seconds after which another try makes sense. */
    this.retryAfter = retryAfter;
  }

  get unreachable() {
    return this.status === 0;
  }
}

/** The key of this tab. It is gone when the tab is closed. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  /** @param {string} value empty forgets it */
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** @type {Set<(error: ApiError) => void>} */
const refused = new Set();

export const api = {
  key,
  url,
  fetch: request,
  json,
  events,
  /** Calls back whenever the key is missing or wrong. @param {(error: ApiError) => void} listener */
  onRefused(listener) {
    refused.add(listener);
    return () => refused.delete(listener);
  },
};

/** @param {string} path below /v1 */
export function url(path) {
  return new URL(path, BASE);
}

/**
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Response>} an answer of 2xx
 * @throws {ApiError}
 */
export async function request(path, { json: data, headers = {}, ...options } = {}) {
  const sent = new Headers(headers);
  if (key.get()) sent.set("authorization", `Bearer ${key.get()}`);
  if (data !== undefined) {
    sent.set("content-type", "application/json");
    options = { method: "POST", ...options, body: JSON.stringify(data) };
  }
  const reply = await fetch(url(path), { ...options, headers: sent }).catch((error) => {
    if (error?.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached.");
  });
  if (reply.ok) return reply;
  const error = await refusal(reply);
  if (error.status === 401) refused.forEach((listener) => listener(error));
  throw error;
}

/**
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>} the answer's JSON
 */
export async function json(path, options) {
  return (await request(path, options)).json();
}

/**
 * Server-sent events, over breaks of the connection: it goes on after the last event that came.
 * @param {string} path
 * @param {{signal?: AbortSignal, ends?: (name: string) => boolean, onBreak?: (error: ApiError) => void,
 *          options?: Options}} [how] `ends` tells which event is the last. Without it nothing is tried again.
 * @returns {AsyncGenerator<{event: string, data: string, id: string}>}
 */
export async function* events(path, { signal, ends, onBreak, options = {} } = {}) {
  let last = "";
  for (let broken = 0; ; broken += 1) {
    try {
      const headers = { accept: "text/event-stream", ...options.headers, ...(last && { "last-event-id": last }) };
      const reply = await request(path, { ...options, headers, signal });
      for await (const event of readEvents(reply)) {
        broken = 0;
        last = event.id || last;
        yield event;
        if (ends?.(event.event)) return;
      }
      if (!ends) return;
    } catch (error) {
      if (signal?.aborted) return;
      const again = !(error instanceof ApiError) || error.unreachable || error.status === 503;
      if (!ends || !again) throw error;
      onBreak?.(error instanceof ApiError ? error : new ApiError(0, "The server cannot be reached."));
    }
    await pause(RETRY_SECONDS[Math.min(broken, RETRY_SECONDS.length - 1)], signal);
    if (signal?.aborted) return;
  }
}

/** @param {Response} reply */
async function refusal(reply) {
  const told = await reply.json().catch(() => null);
  const error = told?.error ?? {};
  const seconds = Number(reply.headers.get("retry-after"));
  const message = error.message || `The server answered ${reply.status}.`;
  return new ApiError(reply.status, message, { ...error, retryAfter: seconds || null });
}

/** @param {number} seconds @param {AbortSignal} [signal] */
function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });
}
