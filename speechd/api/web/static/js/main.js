/** The frame of the page: sections, language, key, messages. */
import { api } from "./api.js";
import { html, render, useEffect, useState } from "./html.js";
import { LANGUAGES, language, setLanguage, t } from "./i18n/index.js";
import { KeyDialog } from "./keydialog.js";
import { Messages } from "./messages.js";
import { SECTIONS, navigate, parseHash } from "./sections.js";
import { useStore } from "./store.js";

/**
 * What a section is given. `args` is what follows its name in the address; `tell` shows a message.
 * @typedef {{api: typeof api, t: typeof t, navigate: typeof navigate, args: string[]}} SectionProps
 */

function App() {
  const spoken = useStore(language);
  const [place, setPlace] = useState(() => parseHash(location.hash));
  const [asked, setAsked] = useState({ open: false, wrong: false });
  const [session, setSession] = useState(0);
  useEffect(() => {
    const follow = () => setPlace(parseHash(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  useEffect(() => {
    const forget = api.onRefused(() => setAsked({ open: true, wrong: Boolean(api.key.get()) }));
    return () => void forget();
  }, []);
  useEffect(() => void (document.title = `${t(labelOf(place.id))} – speechd`), [place.id, spoken]);
  const answered = (/** @type {boolean} */ used) => {
    setAsked({ open: false, wrong: false });
    if (used) setSession((count) => count + 1);
  };
  return html`
    <a class="skip" href="#content" onClick=${skip}>${t("shell.skip")}</a>
    <header class="bar">
      <span class="brand">speechd</span>
      <nav aria-label=${t("shell.sections")}>
        ${SECTIONS.filter((section) => section.tab).map(
          (section) =>
            html`<a href=${`#/${section.id}`} aria-current=${section.id === place.id ? "page" : undefined}
              >${t(section.label)}</a
            >`,
        )}
      </nav>
      <span class="row end">
        ${api.key.get() &&
        html`<button type="button" class="plain" onClick=${() => setAsked({ open: true, wrong: false })}>
          ${t("key.change")}
        </button>`}
        <select
          aria-label=${t("shell.language")}
          value=${spoken}
          onChange=${(/** @type {any} */ event) => setLanguage(event.target.value)}
        >
          ${Object.entries(LANGUAGES).map(([code, name]) => html`<option value=${code}>${name}</option>`)}
        </select>
      </span>
    </header>
    <${Messages} />
    <main id="content" tabindex="-1">
      <${Loaded} key=${`${place.id} ${session}`} id=${place.id} args=${place.args} />
    </main>
    <${KeyDialog} open=${asked.open} wrong=${asked.wrong} onDone=${answered} />
  `;
}

/** A section, once its module is there. @param {{id: string, args: string[]}} props */
function Loaded({ id, args }) {
  const [state, setState] = useState(/** @type {{Section?: any, failed?: boolean}} */ ({}));
  useEffect(() => {
    const row = SECTIONS.find((section) => section.id === id);
    row?.load().then(
      (module) => setState({ Section: module.default }),
      () => setState({ failed: true }),
    );
  }, [id]);
  if (state.failed) return html`<p role="alert">${t("shell.broken")}</p>`;
  if (!state.Section) return html`<p>${t("shell.loading")}</p>`;
  return html`<${state.Section} api=${api} t=${t} navigate=${navigate} args=${args} />`;
}

/** @param {string} id */
function labelOf(id) {
  return SECTIONS.find((section) => section.id === id)?.label ?? id;
}

/** The address names sections, so that the link cannot name the place itself. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

setLanguage(language.get());
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
