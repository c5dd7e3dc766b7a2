/** Numbers for people: sizes, times. */
import { language } from "../i18n/index.js";

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** The browser's own flavour of the page's language: `en-GB` has other dates than `en-US`. */
function locale() {
  return navigator.languages.find((each) => each.startsWith(language.get())) ?? language.get();
}

/** 63000000 -> 63 MB @param {number} bytes */
export function size(bytes) {
  let unit = 0;
  let amount = bytes;
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${number(amount, amount < 10 && unit > 0 ? 1 : 0)} ${UNITS[unit]}`;
}

/** @param {number} value @param {number} [digits] after the point */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

/** @param {number} seconds of Unix time */
export function moment(seconds) {
  const style = /** @type {const} */ ({ dateStyle: "short", timeStyle: "short" });
  return new Intl.DateTimeFormat(locale(), style).format(seconds * 1000);
}

/** 93784 -> 1 d 2 h @param {number} seconds */
export function span(seconds) {
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => Number(amount) > 0);
  const shown = first < 0 ? [[0, "s"]] : parts.slice(first, first + 2).filter(([amount]) => Number(amount) > 0);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}
