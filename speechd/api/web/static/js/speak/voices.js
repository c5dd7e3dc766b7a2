/** The voices of the server, to choose one and to hear it. */
import { html, useEffect, useRef, useState } from "../html.js";
import { language } from "../i18n/index.js";
import { tellError } from "../messages.js";

/**
 * @typedef {{id: string, name: string, language: string, languages?: string[], gender?: string|null,
 *   speakers: string[], default: boolean, sample_url?: string|null}} Voice
 */

/**
 * @param {{api: typeof import("../api.js").api, t: typeof import("../i18n/index.js").t, value: string,
 *   onChange: (voice: string) => void}} props `value`: a voice, one of its speakers as `NAME#speaker`, or `auto`
 */
export function VoicePicker({ api, t, value, onChange }) {
  const [voices, setVoices] = useState(/** @type {Voice[]|null} */ (null));
  useEffect(() => {
    api.json("audio/voices").then((list) => setVoices(list.data), tellError);
  }, []);
  const [name, speaker] = splitVoice(value, voices ?? []);
  const chosen = voices?.find((voice) => voice.id === name);
  if (voices && !voices.length) return html`<p class="fault" role="alert">${t("speak.no_voice")}</p>`;
  return html`
    <label class="field">
      ${t("speak.voice")}
      <select id="voice" value=${name} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>
        <option value="auto">${t("speak.auto")}</option>
        ${byLanguage(voices ?? []).map(
          ([code, rows]) =>
            html`<optgroup label=${languageName(code)}>
              ${rows.map((voice) => html`<option value=${voice.id}>${label(voice, t)}</option>`)}
            </optgroup>`,
        )}
      </select>
    </label>
    ${chosen &&
    chosen.speakers.length > 1 &&
    html`<label class="field">
      ${t("speak.speaker")}
      <select
        value=${speaker || chosen.speakers[0]}
        onChange=${(/** @type {any} */ event) => onChange(`${name}#${event.target.value}`)}
      >
        ${chosen.speakers.map((each) => html`<option value=${each}>${each}</option>`)}
      </select>
    </label>`}
    <${Sample} api=${api} t=${t} voice=${chosen ?? voices?.find((voice) => voice.default)} />
  `;
}

/** Plays a sentence of a voice. @param {{api: any, t: any, voice: Voice|undefined}} props */
function Sample({ api, t, voice }) {
  const player = useRef(/** @type {HTMLAudioElement|null} */ (null));
  const [busy, setBusy] = useState(false);
  useEffect(() => () => player.current?.pause(), [voice?.id]);
  if (!voice?.sample_url) return null;
  const play = async () => {
    setBusy(true);
    try {
      const reply = await api.fetch(samplePath(voice.sample_url ?? ""));
      player.current?.pause();
      player.current = new Audio(URL.createObjectURL(await reply.blob()));
      await player.current.play();
    } catch (error) {
      tellError(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<div class="field">
    <span>${t("speak.sample_of", { voice: voice.name })}</span>
    <button type="button" id="sample" disabled=${busy} onClick=${play}>▶ ${t("speak.sample")}</button>
  </div>`;
}

/** @param {string} address @returns {string} its path below /v1 */
function samplePath(address) {
  return address.replace(/^.*?\/v1\//, "");
}

/**
 * `kokoro#af_bella` is a voice of its own, `NAME#23` a speaker of the voice NAME.
 *
 * @param {string} value
 * @param {Voice[]} voices
 */
export function splitVoice(value, voices) {
  if (!value.includes("#") || voices.some((voice) => voice.id === value)) return [value, ""];
  const at = value.indexOf("#");
  return [value.slice(0, at), value.slice(at + 1)];
}

/** @param {Voice[]} voices @returns {[string, Voice[]][]} */
function byLanguage(voices) {
  /** @type {Map<string, Voice[]>} */
  const found = new Map();
  for (const voice of voices) found.set(voice.language, [...(found.get(voice.language) ?? []), voice]);
  return [...found].sort(([a], [b]) => languageName(a).localeCompare(languageName(b)));
}

/** @param {Voice} voice @param {typeof import("../i18n/index.js").t} t */
function label(voice, t) {
  const gender = voice.gender ? ` (${t(`speak.${voice.gender}`)})` : "";
  return `${voice.name}${gender}`;
}

/** `de` -> German, or Deutsch. @param {string} code */
export function languageName(code) {
  try {
    return new Intl.DisplayNames([language.get()], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
