/** The buttons over the words, and whether the transcript is kept. */
import { html } from "../html.js";
import { t } from "../i18n/index.js";

/** Rows: buttons over the words. */
const TOOLS = [
  { action: "undo", label: "tool.undo", needs: "past" },
  { action: "redo", label: "tool.redo", needs: "future" },
  { action: "edit", label: "tool.edit", needs: "word" },
  { action: "split", label: "tool.split", needs: "word" },
  { action: "merge", label: "tool.merge", needs: "word" },
  { action: "hear", label: "tool.hear", needs: "word" },
  { action: "find", label: "tool.find", needs: "" },
];

/**
 * @param {{actions: Record<string, () => void>, history: {past: unknown[], future: unknown[]}, at: object|null, saved: boolean,
 *          children: any}} props `at`: the selected word. `children`: what stands after the buttons.
 */
export function Toolbar({ actions, history, at, saved, children }) {
  /** @type {Record<string, boolean>} */
  const there = { word: Boolean(at), past: history.past.length > 0, future: history.future.length > 0, "": true };
  return html`<div class="row tools" role="toolbar" aria-label=${t("result.tools")}>
    ${TOOLS.map(
      ({ action, label, needs }) =>
        html`<button key=${action} type="button" class="small" disabled=${!there[needs]} onClick=${actions[action]}>
          ${t(label)}
        </button>`,
    )}
    ${children}
    <span class="hint end" role="status">${t(saved ? "result.kept" : "result.keeping")}</span>
  </div>`;
}
