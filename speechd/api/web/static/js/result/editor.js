/** The editor of one transcript: player, toolbar, words, speakers, export. */
import { merge, rewrite, split } from "../editor/edits.js";
import { timelineOf, wordAt } from "../editor/timeline.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { tell } from "../messages.js";
import { useStore } from "../store.js";
import { Check, Exporter } from "./exporter.js";
import { Find } from "./find.js";
import { moved } from "./keys.js";
import { Player } from "./player.js";
import { CueSpeaker, Speakers } from "./speakers.js";
import { Toolbar } from "./toolbar.js";
import { Transcript } from "./transcript.js";

/** @typedef {import("./session.js").Place} Place */

/** @param {{session: ReturnType<typeof import("./session.js").createSession>}} props */
export function Editor({ session }) {
  const { history, place, saved } = useStore(session.store);
  const doc = history.now;
  const player = useRef(/** @type {any} */ (null));
  const words = useRef(/** @type {any} */ (null));
  const [editing, setEditing] = useState(false);
  const [finding, setFinding] = useState(false);
  const [follow, setFollow] = useState(true);
  const [matches, setMatches] = useState(/** @type {import("../editor/search.js").Match[]} */ ([]));
  const line = useMemo(() => timelineOf(doc), [doc]);
  const found = useMemo(() => foundWords(doc, finding ? matches : []), [doc, matches, finding]);
  const at = useMemo(() => placeIn(doc, place), [doc, place]);
  const duration = doc.meta.duration ?? doc.cues.at(-1)?.end ?? 0;

  const select = (/** @type {Place} */ next) => {
    session.select(next);
    setEditing(false);
  };
  const onTime = (/** @type {number} */ time, /** @type {boolean} */ playing) => {
    const spoken = wordAt(line, time);
    words.current?.light(spoken?.word ?? -1);
    if (spoken && playing && follow) words.current?.show(spoken.cue);
  };
  const written = (/** @type {string} */ text, /** @type {number} */ go) => {
    setEditing(false);
    if (at) session.change((old) => rewrite(old, at.cue.id, at.index, at.index + 1, text));
    const next = go ? moved(session.store.get().history.now, session.store.get().place, go > 0 ? "ArrowRight" : "ArrowLeft") : null;
    if (next) {
      session.select(next);
      setTimeout(() => setEditing(true));
    } else setTimeout(() => words.current?.focus());
  };
  /** @type {Record<string, () => void>} */
  const actions = {
    undo: () => session.undo(),
    redo: () => session.redo(),
    edit: () => at && setEditing(true),
    remove: () => at && session.change((old) => rewrite(old, at.cue.id, at.index, at.index + 1, "")),
    split: () => at && session.change((old) => split(old, at.cue.id, at.index)),
    merge: () => at && session.change((old) => merge(old, at.cue.id)),
    hear: () => at && (player.current?.seek(at.cue.words[at.index].start), player.current?.play()),
    toggle: () => player.current?.toggle(),
    find: () => setFinding(true),
    save: () => void session.save().then((kept) => (kept ? tell(t("result.saved"), "note") : tell(t("result.not_kept")))),
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    const control = event.ctrlKey || event.metaKey;
    const name = KEYS.find((key) => key.control === control && key.shift !== !event.shiftKey && key.key === event.key.toLowerCase())?.action;
    const next = control || name ? null : moved(doc, place, event.key);
    if (!name && !next) return;
    event.preventDefault();
    if (name) return actions[name]();
    session.select(/** @type {Place} */ (next));
    words.current?.show(doc.cues.findIndex((cue) => cue.id === next?.cue));
  };
  useEffect(() => {
    const leave = () => void session.close();
    const global = (/** @type {KeyboardEvent} */ event) => {
      const wanted = (event.ctrlKey || event.metaKey) && { s: "save", f: "find" }[event.key.toLowerCase()];
      if (wanted) (event.preventDefault(), actions[wanted]());
    };
    addEventListener("pagehide", leave);
    addEventListener("keydown", global);
    return () => (removeEventListener("pagehide", leave), removeEventListener("keydown", global), leave());
  }, [session]);

  return html`
    <section class="card" aria-label=${t("player.title")}>
      <${Player} id=${session.id} duration=${duration} control=${player} onTime=${onTime} onName=${session.rename} />
    </section>
    <section class="card" aria-label=${t("result.words")}>
      <${Toolbar} actions=${actions} history=${history} at=${at} saved=${saved}>
        <${Check} label=${t("result.follow")} value=${follow} onChange=${setFollow} />
        <${CueSpeaker} session=${session} doc=${doc} cue=${at?.cue} />
      <//>
      ${finding &&
      html`<${Find}
        session=${session}
        doc=${doc}
        onFound=${setMatches}
        onShow=${(/** @type {import("../editor/search.js").Match} */ match) => {
          const index = doc.cues.findIndex((cue) => cue.id === match.cue);
          session.select({ cue: match.cue, word: doc.cues[index].words[match.first].id });
          words.current?.show(index);
        }}
        onClose=${() => (setFinding(false), words.current?.focus())}
      />`}
      <${Transcript}
        doc=${doc}
        place=${place}
        found=${found}
        editing=${editing}
        control=${words}
        onSelect=${select}
        onHear=${(/** @type {number} */ time) => player.current?.seek(time)}
        onEdit=${() => setEditing(true)}
        onWritten=${written}
        onLeave=${() => (setEditing(false), words.current?.focus())}
        onKey=${press}
      />
      <p class="hint">${t("result.help")}</p>
    </section>
    <${Speakers} session=${session} doc=${doc} />
    <${Exporter} session=${session} />
  `;
}

/** Rows: keys while the words have the focus. Arrows are in keys.js. */
const KEYS = [
  { key: " ", control: false, action: "toggle" },
  { key: "enter", control: false, action: "edit" },
  { key: "f2", control: false, action: "edit" },
  { key: "delete", control: false, action: "remove" },
  { key: "enter", control: true, action: "split" },
  { key: "m", control: false, action: "merge" },
  { key: "p", control: false, action: "hear" },
  { key: "z", control: true, shift: false, action: "undo" },
  { key: "z", control: true, shift: true, action: "redo" },
  { key: "y", control: true, action: "redo" },
];

/** @param {import("../editor/model.js").Doc} doc @param {import("../editor/search.js").Match[]} matches */
function foundWords(doc, matches) {
  const cues = new Map(matches.length ? doc.cues.map((cue) => [cue.id, cue]) : []);
  const found = new Map();
  for (const { cue, first, last } of matches) {
    const ids = found.get(cue) ?? new Set();
    cues.get(cue)?.words.slice(first, last).forEach((word) => ids.add(word.id));
    found.set(cue, ids);
  }
  return found;
}

/** @param {import("../editor/model.js").Doc} doc @param {Place|null} place */
function placeIn(doc, place) {
  const cue = place && doc.cues.find((each) => each.id === place.cue);
  const index = cue ? cue.words.findIndex((word) => word.id === place.word) : -1;
  return cue && index >= 0 ? { cue, index } : null;
}
