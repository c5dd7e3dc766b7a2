/** A value that components follow. */
import { useEffect, useState } from "./html.js";

/**
 * @template T
 * @param {T} initial
 */
export function createStore(initial) {
  let value = initial;
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  return {
    get: () => value,
    /** @param {T | ((old: T) => T)} next */
    set(next) {
      value = typeof next === "function" ? /** @type {(old: T) => T} */ (next)(value) : next;
      listeners.forEach((listener) => listener(value));
    },
    /** @param {(value: T) => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/**
 * The store's value; the component is drawn again when it changes.
 * @template T
 * @param {{get: () => T, subscribe: (listener: (value: T) => void) => () => void}} store
 * @returns {T}
 */
export function useStore(store) {
  const [, redraw] = useState({});
  useEffect(() => store.subscribe(() => redraw({})), [store]);
  return store.get();
}
