/**
 * All texts of the page in English and German: one table, whose rows stand in a file per section.
 * Values fill in names in braces: `t("error.again", { seconds: 5 })`.
 */
import { createStore } from "../store.js";
import { live } from "./live.js";
import { result } from "./result.js";
import { server } from "./server.js";
import { shell } from "./shell.js";
import { speak } from "./speak.js";
import { transcribe } from "./transcribe.js";

/** @typedef {Record<string, {en: string, de: string}>} Texts */

/** @type {Texts} */
export const TEXTS = { ...shell, ...transcribe, ...result, ...speak, ...live, ...server };
export const LANGUAGES = { en: "English", de: "Deutsch" };
const KEPT = "speechd.language";

/** @returns {"en"|"de"} */
function initial() {
  const kept = localStorage.getItem(KEPT);
  return (kept ?? navigator.language).startsWith("de") ? "de" : "en";
}

export const language = createStore(initial());

/** @param {string} code */
export function setLanguage(code) {
  localStorage.setItem(KEPT, code);
  document.documentElement.lang = code;
  language.set(code === "de" ? "de" : "en");
}

/**
 * @param {string} name of a row
 * @param {Record<string, string|number>} [values]
 */
export function t(name, values = {}) {
  const row = TEXTS[name];
  if (!row) return name;
  return row[language.get()].replace(/\{(\w+)\}/g, (whole, word) => String(values[word] ?? whole));
}
