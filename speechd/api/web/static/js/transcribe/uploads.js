/** Recordings that no job has yet: each is sent, and leaves the list when the server has made a job of it. */
import { api } from "../api.js";
import { db } from "../db.js";
import { t } from "../i18n/index.js";
import { sentence, tell } from "../messages.js";
import { createStore } from "../store.js";
import { nameJob } from "./jobs.js";
import { requestOf } from "./options.js";

/** @typedef {import("./options.js").Wishes} Wishes */
/** @typedef {{id: string, blob: Blob, name: string, wishes: Wishes, state: "waiting"|"queued"|"sending", fault: string, recorded: boolean, own: boolean}} Upload
 *   `own`: it has wishes of its own. */

const MAX_SENDING = 2;

/** @type {ReturnType<typeof createStore<Upload[]>>} */
export const uploads = createStore(/** @type {Upload[]} */ ([]));

/** @param {Blob} blob @param {string} name @param {Wishes} wishes @param {boolean} [recorded] */
export function addUpload(blob, name, wishes, recorded = false) {
  const id = crypto.randomUUID?.() ?? String(Math.random());
  uploads.set((old) => [...old, { id, blob, name, wishes, state: "waiting", fault: "", recorded, own: false }]);
  if (recorded) db.put("recordings", id, { blob, name, wishes }).catch(() => tell(t("upload.not_kept", { name })));
}

/** Recordings of an earlier visit that were never sent. */
export async function restoreRecordings() {
  const kept = await db.all("recordings").catch(() => []);
  const known = new Set(uploads.get().map((each) => each.id));
  const back = kept.filter(([id]) => !known.has(id));
  uploads.set((old) => [
    ...old,
    ...back.map(([id, { blob, name, wishes }]) => /** @type {Upload} */ ({ id, blob, name, wishes, state: "waiting", fault: "", recorded: true, own: false })),
  ]);
}

/** @param {string} id @param {Partial<Upload>} change */
export function changeUpload(id, change) {
  uploads.set((old) => old.map((each) => (each.id === id ? { ...each, ...change } : each)));
}

/** @param {string} id */
export function removeUpload(id) {
  uploads.set((old) => old.filter((each) => each.id !== id));
  db.delete("recordings", id).catch(() => {});
}

/** Sends all that wait. */
export function sendAll() {
  uploads.set((old) => old.map((each) => (each.state === "waiting" ? { ...each, state: "queued", fault: "" } : each)));
  sendNext();
}

function sendNext() {
  const all = uploads.get();
  const next = all.find((each) => each.state === "queued");
  if (!next || all.filter((each) => each.state === "sending").length >= MAX_SENDING) return;
  changeUpload(next.id, { state: "sending" });
  send(next)
    .then(() => removeUpload(next.id))
    .catch((error) => changeUpload(next.id, { state: "waiting", fault: sentence(error) }))
    .finally(sendNext);
  sendNext();
}

/** @param {Upload} upload */
async function send(upload) {
  const { path, form } = requestOf(upload.wishes, upload.blob, upload.name);
  const headers = { prefer: "respond-async" };
  await nameJob(await api.json(path, { method: "POST", body: form, headers }), upload.name);
}
