/** Who speaks: names for all cues of a speaker, and the speaker of one cue. */
import { assignSpeaker, renameSpeaker } from "../editor/edits.js";
import { speakerOf, speakersOf } from "../editor/model.js";
import { html, useMemo } from "../html.js";
import { t } from "../i18n/index.js";

/** @param {{session: ReturnType<typeof import("./session.js").createSession>, doc: import("../editor/model.js").Doc}} props */
export function Speakers({ session, doc }) {
  const names = useMemo(() => speakersOf(doc), [doc]);
  if (!names.length) return null;
  return html`<section class="card" aria-labelledby="speakers">
    <h2 id="speakers">${t("speakers.title")}</h2>
    <div class="grid">
      ${names.map((name, at) => {
        const rename = (/** @type {any} */ event) => {
          if (!session.change((old) => renameSpeaker(old, name, event.target.value))) event.target.value = name;
        };
        return html`<label class="field" key=${name}
          >${t("speakers.name", { number: at + 1 })}
          <input type="text" maxlength="100" value=${name} onChange=${rename} />
        </label>`;
      })}
    </div>
  </section>`;
}

/** @param {{session: ReturnType<typeof import("./session.js").createSession>, doc: import("../editor/model.js").Doc, cue: import("../editor/model.js").Cue|undefined}} props */
export function CueSpeaker({ session, doc, cue }) {
  const names = useMemo(() => speakersOf(doc), [doc]);
  const change = (/** @type {any} */ event) => {
    if (cue) session.change((old) => assignSpeaker(old, cue.id, event.target.value));
  };
  return html`<label class="row hint"
    >${t("speakers.of_cue")}
    <input type="text" list="speaker-names" maxlength="100" disabled=${!cue} value=${cue ? speakerOf(cue) : ""} onChange=${change} />
    <datalist id="speaker-names">${names.map((name) => html`<option value=${name} />`)}</datalist>
  </label>`;
}
