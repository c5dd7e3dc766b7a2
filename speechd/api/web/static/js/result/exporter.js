/** Writes the transcript in a format: the server does it, so that files are as its own. */
import { api } from "../api.js";
import { saveBlob } from "../download.js";
import { toAnswer } from "../editor/model.js";
import { html, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { tell, tellError } from "../messages.js";

/** Rows: a format of the server, and the ending of its file. */
const FORMATS = [
  { id: "srt", label: "SubRip (SRT)", suffix: ".srt", subtitles: true },
  { id: "vtt", label: "WebVTT", suffix: ".vtt", subtitles: true, karaoke: true },
  { id: "text", label: "TXT", suffix: ".txt" },
  { id: "minutes", label: "Markdown", suffix: ".md" },
  { id: "verbose_json", label: "JSON", suffix: ".json" },
  { id: "diarized_json", label: "JSON (diarized_json)", suffix: ".diarized.json" },
  { id: "tsv", label: "TSV", suffix: ".tsv" },
];

/** @param {{session: ReturnType<typeof import("./session.js").createSession>}} props */
export function Exporter({ session }) {
  const [format, setFormat] = useState(FORMATS[0]);
  const [options, setOptions] = useState({ max_line_width: "", max_lines: "", karaoke: false, speakers: true });
  const set = (/** @type {string} */ name, /** @type {any} */ value) => setOptions((old) => ({ ...old, [name]: value }));
  const written = () => formatted(session.store.get().history.now, format, options);
  const download = () => written().then((blob) => saveBlob(blob, baseName(session.name()) + format.suffix), tellError);
  const copy = () =>
    written()
      .then(async (blob) => navigator.clipboard.writeText(await blob.text()))
      .then(() => tell(t("export.copied"), "note"), tellError);
  return html`<section class="card" aria-labelledby="export">
    <h2 id="export">${t("export.title")}</h2>
    <div class="grid">
      <label class="field"
        >${t("export.format")}
        <select value=${format.id} onChange=${(/** @type {any} */ e) => setFormat(FORMATS.find((each) => each.id === e.target.value) ?? FORMATS[0])}>
          ${FORMATS.map((each) => html`<option value=${each.id}>${each.label}</option>`)}
        </select>
      </label>
      ${format.subtitles && NUMBERS.map((each) => html`<label class="field" key=${each.name}
        >${t(each.label)}
        <input type="number" min=${each.min} max=${each.max} placeholder=${t("export.as_is")} value=${options[each.name]} onInput=${(/** @type {any} */ e) => set(each.name, e.target.value)} />
      </label>`)}
    </div>
    <div class="row">
      ${format.karaoke && html`<${Check} label=${t("export.karaoke")} value=${options.karaoke} onChange=${(/** @type {boolean} */ v) => set("karaoke", v)} />`}
      <${Check} label=${t("export.speakers")} value=${options.speakers} onChange=${(/** @type {boolean} */ v) => set("speakers", v)} />
    </div>
    <div class="row">
      <button type="button" class="primary" onClick=${download}>${t("export.download")}</button>
      <button type="button" onClick=${copy}>${t("export.copy")}</button>
    </div>
  </section>`;
}

const NUMBERS = /** @type {const} */ ([
  { name: "max_line_width", label: "export.width", min: 10, max: 200 },
  { name: "max_lines", label: "export.lines", min: 1, max: 10 },
]);

/** @param {{label: string, value: boolean, onChange: (value: boolean) => void}} props */
export function Check({ label, value, onChange }) {
  return html`<label class="row"
    ><input type="checkbox" checked=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.checked)} />${label}</label
  >`;
}

/**
 * @param {import("../editor/model.js").Doc} doc @param {typeof FORMATS[number]} format
 * @param {{max_line_width: string, max_lines: string, karaoke: boolean, speakers: boolean}} options
 */
async function formatted(doc, format, { max_line_width, max_lines, karaoke, speakers }) {
  const layout = format.subtitles
    ? { ...(max_line_width && { max_line_width: Number(max_line_width) }), ...(max_lines && { max_lines: Number(max_lines) }) }
    : {};
  const sung = format.karaoke && karaoke ? { karaoke } : {};
  const body = { transcript: toAnswer(doc), response_format: format.id, speakers, ...layout, ...sung };
  return (await api.fetch("audio/transcriptions/format", { json: body })).blob();
}

/** @param {string} name */
function baseName(name) {
  return (name.split("/").pop() ?? "").replace(/\.[^.]{1,5}$/, "") || "transcript";
}
