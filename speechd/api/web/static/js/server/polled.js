/** What the server says, asked again from time to time while somebody looks. */
import { html, useCallback, useEffect, useRef, useState } from "../html.js";
import { sentence } from "../messages.js";

/**
 * @template T
 * @param {() => Promise<T>} load
 * @param {number} seconds between two questions
 * @returns {{value: T|null, error: unknown, refresh: () => Promise<void>}} the last answer stays while the server is away
 */
export function usePolled(load, seconds) {
  const [state, setState] = useState(/** @type {{value: T|null, error: unknown}} */ ({ value: null, error: null }));
  const here = useRef(true);
  const refresh = useCallback(async () => {
    try {
      const value = await load();
      if (here.current) setState({ value, error: null });
    } catch (error) {
      if (here.current) setState((old) => ({ ...old, error }));
    }
  }, []);
  useEffect(() => {
    here.current = true;
    let timer = 0;
    const again = async () => {
      if (!document.hidden) await refresh();
      if (here.current) timer = window.setTimeout(again, seconds * 1000);
    };
    again();
    return () => {
      here.current = false;
      clearTimeout(timer);
    };
  }, []);
  return { ...state, refresh };
}

/** Why there is nothing new. @param {{error: unknown}} props */
export function Trouble({ error }) {
  return error ? html`<p class="fault" role="alert">${sentence(error)}</p>` : null;
}
