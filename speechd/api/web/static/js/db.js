/**
 * What the browser keeps, in IndexedDB: edited transcripts and names by job, and recordings that no server has yet.
 * What a browser does not keep (some private windows, a full disk) stays here until the page is closed, and closing asks.
 */
const NAME = "speechd";
const STORES = /** @type {const} */ (["transcripts", "names", "recordings"]);

/** @typedef {typeof STORES[number]} Store */

/** @type {Record<Store, Map<string, any>>} */
const memory = { transcripts: new Map(), names: new Map(), recordings: new Map() };
/** @type {Promise<IDBDatabase|null>|undefined} */
let opened;

export const db = {
  /** @param {Store} store @param {string} key */
  async get(store, key) {
    const base = await open();
    if (!base || memory[store].has(key)) return memory[store].get(key);
    return settled(base.transaction(store).objectStore(store).get(key));
  },

  /** All values with their keys. @param {Store} store @returns {Promise<[string, any][]>} */
  async all(store) {
    const base = await open();
    if (!base) return [...memory[store]];
    const objects = base.transaction(store).objectStore(store);
    const [keys, values] = await Promise.all([settled(objects.getAllKeys()), settled(objects.getAll())]);
    return [...new Map([...keys.map((key, index) => /** @type {[string, any]} */ ([String(key), values[index]])), ...memory[store]])];
  },

  /**
   * Resolves when it is on the disk. Where there is no room it is kept here.
   * @param {Store} store @param {string} key @param {any} value
   * @throws {DOMException} the browser did not keep it
   */
  async put(store, key, value) {
    const base = await open();
    if (!base) return void memory[store].set(key, value);
    try {
      const writing = base.transaction(store, "readwrite", { durability: "strict" });
      writing.objectStore(store).put(value, key);
      await done(writing);
      memory[store].delete(key);
    } catch (error) {
      memory[store].set(key, value);
      throw error;
    }
  },

  /** @param {Store} store @param {string} key */
  async delete(store, key) {
    const base = await open();
    memory[store].delete(key);
    if (!base) return;
    const writing = base.transaction(store, "readwrite");
    writing.objectStore(store).delete(key);
    return done(writing);
  },
};

addEventListener("beforeunload", (event) => {
  if (memory.transcripts.size || memory.recordings.size) event.preventDefault();
});

/** @returns {Promise<IDBDatabase|null>} null where the browser keeps nothing */
function open() {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => STORES.forEach((store) => request.result.createObjectStore(store));
      request.onsuccess = () => resolve(request.result);
      request.onerror = request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function done(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}
