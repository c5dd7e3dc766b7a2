/** Times and sizes for people. */

/** `75.5` -> `1:15`, with hours where there are any. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `1500000` -> `1.5 MB`. @param {number} bytes */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {number} unixSeconds @param {string} language */
export function date(unixSeconds, language) {
  return new Date(unixSeconds * 1000).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}
