/** Undo and redo over values that never change themselves. @template T @typedef {{past: T[], now: T, future: T[]}} History */

const MAX_STEPS = 300;

/** @template T @param {T} now @returns {History<T>} */
export function begin(now) {
  return { past: [], now, future: [] };
}

/** @template T @param {History<T>} history @param {T} next @returns {History<T>} */
export function record(history, next) {
  if (next === history.now) return history;
  return { past: [...history.past, history.now].slice(-MAX_STEPS), now: next, future: [] };
}

/** @template T @param {History<T>} history @returns {History<T>} */
export function undo({ past, now, future }) {
  return past.length ? { past: past.slice(0, -1), now: past[past.length - 1], future: [now, ...future] } : { past, now, future };
}

/** @template T @param {History<T>} history @returns {History<T>} */
export function redo({ past, now, future }) {
  return future.length ? { past: [...past, now], now: future[0], future: future.slice(1) } : { past, now, future };
}
