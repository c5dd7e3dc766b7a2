/** Errors as sentences in the language of the page, and the list of messages on top of it. */
import { ApiError } from "./api.js";
import { html } from "./html.js";
import { t } from "./i18n/index.js";
import { createStore, useStore } from "./store.js";

/** @typedef {{id: number, text: string, kind: "error"|"note"}} Message */

/** @type {ReturnType<typeof createStore<Message[]>>} */
export const messages = createStore(/** @type {Message[]} */ ([]));
const MAX_MESSAGES = 4;
let count = 0;

/** @param {string} text @param {"error"|"note"} [kind] */
export function tell(text, kind = "error") {
  count += 1;
  const message = { id: count, text, kind };
  messages.set((old) => [...old.filter((each) => each.text !== text), message].slice(-MAX_MESSAGES));
}

/** @param {number} id */
export function dismiss(id) {
  messages.set((old) => old.filter((each) => each.id !== id));
}

/** Rows: which sentence an error of that status begins with. */
const SENTENCES = [
  { when: (/** @type {ApiError} */ error) => error.unreachable, name: "error.unreachable" },
  { when: (/** @type {ApiError} */ error) => error.status === 401, name: "error.key" },
  { when: (/** @type {ApiError} */ error) => error.status === 403, name: "error.forbidden" },
  { when: (/** @type {ApiError} */ error) => error.status === 429, name: "error.limit" },
  { when: (/** @type {ApiError} */ error) => error.status === 503, name: "error.busy" },
  { when: () => true, name: "error.refused" },
];

/**
 * @param {unknown} error
 * @returns {string} one or two sentences
 */
export function sentence(error) {
  if (!(error instanceof ApiError)) return String(/** @type {any} */ (error)?.message ?? error);
  const row = /** @type {{name: string}} */ (SENTENCES.find((each) => each.when(error)));
  const again = error.retryAfter ? ` ${t("error.again", { seconds: Math.ceil(error.retryAfter) })}` : "";
  return t(row.name, { message: error.message }) + again;
}

/** Tells an error. What a caller has ended by itself is none. @param {unknown} error */
export function tellError(error) {
  if (/** @type {any} */ (error)?.name !== "AbortError") tell(sentence(error));
}

export function Messages() {
  const list = useStore(messages);
  return html`<div class="messages" role="status" aria-live="polite">
    ${list.map(
      (each) => html`<p key=${each.id} class=${`message ${each.kind}`}>
        <span>${each.text}</span>
        <button type="button" class="plain" aria-label=${t("error.close")} onClick=${() => dismiss(each.id)}>✕</button>
      </p>`,
    )}
  </div>`;
}
