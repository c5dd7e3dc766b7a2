/** Recordings out of what is dropped or chosen: files, and the files in folders. */

const ENDINGS = /\.(aac|aif|aiff|amr|avi|caf|flac|m4a|m4v|mka|mkv|mov|mp2|mp3|mp4|mpeg|mpg|mpga|oga|ogg|opus|spx|wav|weba|webm|wma|wmv|3gp)$/i;
export const ACCEPT = "audio/*,video/*,.mka,.mkv,.opus,.oga,.wma,.amr,.caf";
const MAX_FILES = 1000;

/** @typedef {{file: File, name: string}} Found */

/** @param {File} file */
export function isRecording(file) {
  return /^(audio|video)\//.test(file.type) || ENDINGS.test(file.name);
}

/** @param {Iterable<File>} files @returns {Found[]} */
export function fromInput(files) {
  return [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
}

/** @param {DataTransfer} transfer @returns {Promise<Found[]>} */
export async function fromDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return fromInput(transfer.files);
  /** @type {Found[]} */
  const found = [];
  for (const entry of entries) await walk(/** @type {FileSystemEntry} */ (entry), found);
  return found;
}

/** @param {FileSystemEntry} entry @param {Found[]} found */
async function walk(entry, found) {
  if (found.length >= MAX_FILES) return;
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // 100 at a time
    if (!part.length) return;
    for (const each of part) await walk(each, found);
  }
}
