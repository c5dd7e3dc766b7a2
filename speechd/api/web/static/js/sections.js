/**
 * The sections of the page: a row each. A section's module has a default export
 * `Section({api, t, navigate, args})`; it is loaded when it is opened first.
 * `label` is a key of the table of texts. `tab` is false where another section leads there.
 */
export const SECTIONS = [
  { id: "transcribe", label: "transcribe.tab", tab: true, load: () => import("./sections/transcribe.js") },
  { id: "result", label: "result.tab", tab: false, load: () => import("./sections/result.js") },
  { id: "speak", label: "speak.tab", tab: true, load: () => import("./sections/speak.js") },
  { id: "live", label: "live.tab", tab: true, load: () => import("./sections/live.js") },
  { id: "server", label: "server.tab", tab: true, load: () => import("./sections/server.js") },
];

/**
 * @param {string} hash of the address: `#/result/job_1`
 * @returns {{id: string, args: string[]}}
 */
export function parseHash(hash) {
  const [id, ...args] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return SECTIONS.some((section) => section.id === id) ? { id, args } : { id: SECTIONS[0].id, args: [] };
}

/** @param {string} id @param {...string} args */
export function navigate(id, ...args) {
  location.hash = ["#", id, ...args.map(encodeURIComponent)].join("/");
}
