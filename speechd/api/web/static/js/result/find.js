/** Find and replace. */
import { find, replaceAll, replaceOne } from "../editor/search.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { tell } from "../messages.js";
import { Check } from "./exporter.js";

/** @typedef {import("../editor/search.js").Match} Match */

/**
 * @param {{session: ReturnType<typeof import("./session.js").createSession>, doc: import("../editor/model.js").Doc,
 *          onFound: (matches: Match[]) => void, onShow: (match: Match) => void, onClose: () => void}} props
 */
export function Find({ session, doc, onFound, onShow, onClose }) {
  const field = useRef(/** @type {HTMLInputElement|null} */ (null));
  const [wanted, setWanted] = useState("");
  const [replacement, setReplacement] = useState("");
  const [matchCase, setMatchCase] = useState(false);
  const [at, setAt] = useState(-1);
  const matches = useMemo(() => find(doc, wanted, { matchCase }), [doc, wanted, matchCase]);
  useEffect(() => field.current?.focus(), []);
  useEffect(() => onFound(matches), [matches]);
  const go = (/** @type {number} */ step) => {
    if (!matches.length) return;
    const next = (((at + step) % matches.length) + matches.length) % matches.length;
    setAt(next);
    onShow(matches[next]);
  };
  const one = () => {
    const match = matches[Math.max(0, at)];
    if (match) session.change((old) => replaceOne(old, match, replacement));
  };
  const all = () => {
    const { count } = replaceAll(doc, wanted, replacement, { matchCase });
    session.change((old) => replaceAll(old, wanted, replacement, { matchCase }).doc);
    tell(t("find.replaced", { count }), "note");
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") onClose();
    if (event.key === "Enter") (event.preventDefault(), go(event.shiftKey ? -1 : 1));
  };
  return html`<div class="card find" role="search" onKeyDown=${press}>
    <div class="row">
      <label class="field grow"
        >${t("find.find")}
        <input ref=${field} type="text" value=${wanted} onInput=${(/** @type {any} */ e) => (setAt(-1), setWanted(e.target.value))} />
      </label>
      <label class="field grow"
        >${t("find.replace")}
        <input type="text" value=${replacement} onInput=${(/** @type {any} */ e) => setReplacement(e.target.value)} />
      </label>
    </div>
    <div class="row">
      <span role="status" class="hint">${wanted && t("find.count", { at: Math.max(0, at + 1), count: matches.length })}</span>
      <button type="button" disabled=${!matches.length} onClick=${() => go(-1)}>${t("find.back")}</button>
      <button type="button" disabled=${!matches.length} onClick=${() => go(1)}>${t("find.next")}</button>
      <button type="button" disabled=${!matches.length} onClick=${one}>${t("find.one")}</button>
      <button type="button" disabled=${!matches.length} onClick=${all}>${t("find.all")}</button>
      <${Check} label=${t("find.case")} value=${matchCase} onChange=${setMatchCase} />
      <button type="button" class="plain end" onClick=${onClose}>${t("find.close")}</button>
    </div>
  </div>`;
}
