/** What is being said, as it is understood: a line for each part of a turn. */
import { clock } from "../clock.js";
import { html, useLayoutEffect, useRef } from "../html.js";
import { partsIn } from "./turns.js";

const NEAR = 80; // pixels from the end in which the list follows what comes

/**
 * @param {{turns: import("./turns.js").Turns, t: typeof import("../i18n/index.js").t}} props
 */
export function Captions({ turns, t }) {
  const list = useRef(/** @type {HTMLElement|null} */ (null));
  const follows = useRef(true);
  const watch = () => {
    const box = list.current;
    if (box) follows.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  };
  useLayoutEffect(() => {
    if (list.current && follows.current) list.current.scrollTop = list.current.scrollHeight;
  }, [turns]);
  return html`<div class="live" ref=${list} onScroll=${watch} role="log" aria-live="polite" tabindex="0"
    aria-label=${t("live.captions")}>
    ${turns.map(
      (turn) =>
        html`<div key=${turn.id} class=${`turn ${turn.final ? "final" : "open"}`}>
          ${turn.failed
            ? html`<p class="fault">${t("live.failed", { message: turn.failed })}</p>`
            : partsIn(turn).map(
                (part) => html`<p>
                  <span class="time">${clock(part.start)}</span>
                  ${part.speaker && html`<strong class="speaker">${part.speaker}</strong>`}
                  <span>${part.text || "…"}</span>
                </p>`,
              )}
        </div>`,
    )}
  </div>`;
}
