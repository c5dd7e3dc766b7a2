/** A text whose word under the play head is lit. A click on a word plays from there. */
import { html, useEffect, useMemo, useRef } from "../html.js";
import { captionAt, pieces } from "./captions.js";

/**
 * @param {{text: string, captions: import("./captions.js").Caption[], player: {current: HTMLAudioElement|null},
 *   label: string}} props
 */
export function SpokenText({ text, captions, player, label }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const parts = useMemo(() => pieces(text, captions), [text, captions]);
  useEffect(() => follow(box.current, player.current, captions), [captions]);
  const hear = (/** @type {any} */ event) => {
    const index = event.target.dataset?.index;
    if (index === undefined || !player.current) return;
    player.current.currentTime = captions[Number(index)].start;
    player.current.play().catch(() => {});
  };
  return html`<p class="spoken" ref=${box} role="group" aria-label=${label} onClick=${hear}>
    ${parts.map((part) =>
      part.index < 0 ? part.text : html`<span class="word" data-index=${part.index}>${part.text}</span>`,
    )}
  </p>`;
}

/**
 * Lights words until the returned function is called.
 *
 * @param {HTMLElement|null} box
 * @param {HTMLAudioElement|null} player
 * @param {import("./captions.js").Caption[]} captions
 */
function follow(box, player, captions) {
  let frame = 0;
  let lit = -1;
  const look = () => {
    const now = box && player && !player.ended ? captionAt(captions, player.currentTime) : -1;
    if (now !== lit) {
      box?.querySelector(".lit")?.classList.remove("lit");
      const word = now < 0 ? null : box?.querySelector(`[data-index="${now}"]`);
      word?.classList.add("lit");
      word?.scrollIntoView({ block: "nearest" });
      lit = now;
    }
    frame = requestAnimationFrame(look);
  };
  look();
  return () => {
    cancelAnimationFrame(frame);
    box?.querySelector(".lit")?.classList.remove("lit");
  };
}
