/** The words of a transcript: a long list of which the visible part is drawn, to be read, heard and edited. */
import { speakerOf } from "../editor/model.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../html.js";
import { language, t } from "../i18n/index.js";
import { CueRow } from "./cue.js";
import { offsetsOf, visible } from "./layout.js";

/**
 * @typedef {{doc: import("../editor/model.js").Doc, place: import("./session.js").Place|null, found: Map<number, Set<number>>,
 *   editing: boolean, control: {current: any}, onSelect: (place: import("./session.js").Place) => void,
 *   onHear: (time: number) => void, onEdit: () => void, onWritten: (text: string, go: number) => void,
 *   onLeave: () => void, onKey: (event: KeyboardEvent) => void}} Props
 * `control` gets the functions `show(cue)` and `light(word, cue)`. `onWritten`: the text of the edited word, and how
 * many words on the editing goes.
 */

/** @param {Props} props */
export function Transcript({ doc, place, found, editing, control, onSelect, onHear, onEdit, onWritten, onLeave, onKey }) {
  const list = useRef(/** @type {HTMLDivElement|null} */ (null));
  const measured = useRef(new Map());
  const lit = useRef(/** @type {Element|null} */ (null));
  const now = useRef(-1);
  const [view, setView] = useState({ top: 0, height: 600, width: 800, version: 0 });
  const tops = useMemo(() => offsetsOf(doc.cues, measured.current, view.width), [doc.cues, view.width, view.version]);
  const { first, last } = visible(tops, view.top, view.height);

  const lightNow = () => {
    const word = document.getElementById(`w${now.current}`);
    if (word === lit.current && word?.classList.contains("lit")) return;
    lit.current?.classList.remove("lit");
    word?.classList.add("lit");
    lit.current = word;
  };
  control.current = {
    /** @param {number} index of a cue @param {boolean} [gently] only when it is not in view */
    show(index, gently = true) {
      const box = list.current;
      if (!box || !(index >= 0)) return;
      const [top, end] = [tops[index], tops[index + 1]];
      if (gently && top >= box.scrollTop && end <= box.scrollTop + box.clientHeight) return;
      box.scrollTop = Math.max(0, top - box.clientHeight * 0.3);
      setView((old) => ({ ...old, top: box.scrollTop }));
    },
    /** @param {number} word its id, -1 for none */
    light(word) {
      now.current = word;
      lightNow();
    },
    focus: () => list.current?.focus(),
  };

  useLayoutEffect(lightNow);
  useLayoutEffect(() => {
    let changed = false;
    for (const row of list.current?.querySelectorAll("[data-cue]") ?? []) {
      const [id, height] = [Number(row.getAttribute("data-cue")), row.getBoundingClientRect().height];
      if (Math.abs((measured.current.get(id) ?? -1) - height) > 0.5) {
        measured.current.set(id, height);
        changed = true;
      }
    }
    if (changed) setView((old) => ({ ...old, version: old.version + 1 }));
  }, [first, last, doc, view.width, language.get()]);
  useEffect(() => {
    const box = /** @type {HTMLDivElement} */ (list.current);
    const observer = new ResizeObserver(() => {
      if (box.clientWidth !== view.width) measured.current.clear();
      setView((old) => ({ ...old, height: box.clientHeight, width: box.clientWidth, version: old.version + 1 }));
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, []);

  const click = (/** @type {MouseEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const time = target.closest("[data-time]");
    if (time) return onHear(Number(time.getAttribute("data-time")));
    const hit = placeOf(doc, target);
    if (!hit) return;
    onSelect({ cue: hit.cue.id, word: hit.word.id });
    onHear(hit.word.start);
  };
  const shown = doc.cues.slice(first, last);
  const active = place && shown.some((cue) => cue.id === place.cue) ? `w${place.word}` : undefined;
  return html`<div class="transcript-box">
    <div
      ref=${list}
      class="transcript"
      role="listbox"
      tabindex="0"
      aria-label=${t("result.words")}
      aria-activedescendant=${active}
      onScroll=${(/** @type {any} */ event) => setView((old) => ({ ...old, top: event.target.scrollTop }))}
      onClick=${click}
      onDblClick=${(/** @type {any} */ event) => placeOf(doc, event.target) && onEdit()}
      onKeyDown=${onKey}
    >
      <div style=${{ height: `${tops[first]}px` }}></div>
      ${shown.map(
        (cue) =>
          html`<${CueRow}
            key=${cue.id}
            cue=${cue}
            selected=${place?.cue === cue.id ? place.word : -1}
            found=${found.get(cue.id) ?? null}
            language=${language.get()}
          />`,
      )}
      <div style=${{ height: `${tops[doc.cues.length] - tops[last]}px` }}></div>
    </div>
    ${editing && place && html`<${WordField} key=${place.word} list=${list} place=${place} onWritten=${onWritten} onLeave=${onLeave} />`}
  </div>`;
}

/**
 * A field over the word that is edited.
 * @param {{list: {current: HTMLElement|null}, place: import("./session.js").Place, onWritten: Props["onWritten"], onLeave: () => void}} props
 */
function WordField({ list, place, onWritten, onLeave }) {
  const field = useRef(/** @type {HTMLInputElement|null} */ (null));
  const ended = useRef(false);
  const [spot, setSpot] = useState({ left: 0, top: 0, width: 80 });
  const [text, setText] = useState("");
  useLayoutEffect(() => {
    const word = document.getElementById(`w${place.word}`);
    const box = list.current?.parentElement;
    if (!word || !box) return onLeave();
    const [inner, outer] = [word.getBoundingClientRect(), box.getBoundingClientRect()];
    const width = Math.min(inner.width + 48, outer.width);
    const left = Math.max(0, Math.min(inner.left - outer.left - 6, outer.width - width));
    setSpot({ left, top: inner.top - outer.top - 6, width });
    setText(word.textContent ?? "");
  }, [place.word]);
  useLayoutEffect(() => {
    field.current?.focus({ preventScroll: true });
    field.current?.select();
  }, [spot]);
  const end = (/** @type {boolean} */ keep, go = 0) => {
    if (ended.current) return;
    ended.current = true;
    if (keep) onWritten(text, go);
    else onLeave();
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    const go = { Enter: 0, Tab: event.shiftKey ? -1 : 1 }[event.key];
    if (go === undefined && event.key !== "Escape") return;
    event.preventDefault();
    end(go !== undefined, go);
  };
  return html`<input
    ref=${field}
    class="word-field"
    type="text"
    aria-label=${t("result.edit")}
    style=${{ left: `${spot.left}px`, top: `${spot.top}px`, width: `${spot.width}px` }}
    value=${text}
    onInput=${(/** @type {any} */ event) => setText(event.target.value)}
    onKeyDown=${press}
    onBlur=${() => end(true)}
  />`;
}

/** The word under an element. @param {import("../editor/model.js").Doc} doc @param {any} target */
export function placeOf(doc, target) {
  const span = target.closest?.(".word");
  const row = target.closest?.("[data-cue]");
  const cue = row && doc.cues.find((each) => each.id === Number(row.getAttribute("data-cue")));
  const word = span && cue?.words.find((/** @type {import("../editor/model.js").Word} */ each) => `w${each.id}` === span.id);
  return word ? { cue, word, speaker: speakerOf(cue) } : null;
}
