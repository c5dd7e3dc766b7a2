/** Who speaks: names for all cues of a speaker, and the speaker of one cue. */
import { assignSpeaker, renameSpeaker } from "../editor/edits.js";
import { speakerOf, speakersOf } from "../editor/model.js";
import { html, useEffect, useMemo, useState } from "../html.js";
import { t } from "../i18n/index.js";

/** @param {{session: ReturnType<typeof import("./session.js").createSession>, doc: import("../editor/model.js").Doc}} props */
export function Speakers({ session, doc }) {
  const names = useMemo(() => speakersOf(doc), [doc]);
  if (!names.length) return null;
  const rename = (/** @type {string} */ old, /** @type {string} */ name) =>
    session.change((given) => renameSpeaker(given, old, name));
  return html`<section class="card" aria-labelledby="speakers">
    <h2 id="speakers">${t("speakers.title")}</h2>
    <div class="grid">
      ${names.map(
        (name, at) =>
          html`<label class="field" key=${name}
            >${t("speakers.name", { number: at + 1 })}
            <${NameField} value=${name} onName=${(/** @type {string} */ given) => rename(name, given)} />
          </label>`,
      )}
    </div>
  </section>`;
}

/** @param {{session: ReturnType<typeof import("./session.js").createSession>, doc: import("../editor/model.js").Doc, cue: import("../editor/model.js").Cue|undefined}} props */
export function CueSpeaker({ session, doc, cue }) {
  const names = useMemo(() => speakersOf(doc), [doc]);
  const assign = (/** @type {string} */ name) => Boolean(cue && session.change((old) => assignSpeaker(old, cue.id, name)));
  return html`<label class="row hint"
    >${t("speakers.of_cue")}
    <${NameField} key=${cue?.id} value=${cue ? speakerOf(cue) : ""} disabled=${!cue} list="speaker-names" onName=${assign} />
    <datalist id="speaker-names">${names.map((name) => html`<option value=${name} />`)}</datalist>
  </label>`;
}

/**
 * A name that is taken when the field is left. What is typed until then stays, whatever else changes.
 * @param {{value: string, onName: (name: string) => boolean, disabled?: boolean, list?: string}} props
 *   `onName` says whether the name was taken.
 */
function NameField({ value, onName, disabled, list }) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  return html`<input
    type="text"
    maxlength="100"
    list=${list}
    disabled=${disabled}
    value=${draft}
    onInput=${(/** @type {any} */ event) => setDraft(event.target.value)}
    onChange=${(/** @type {any} */ event) => onName(event.target.value) || setDraft(value)}
  />`;
}
