/**
 * What the browser keeps, in IndexedDB: edited transcripts and names by job, and recordings that no server has yet.
 * Where a browser keeps nothing (some private windows), it is kept until the page is closed.
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
    return base ? settled(base.transaction(store).objectStore(store).get(key)) : memory[store].get(key);
  },

  /** All values with their keys. @param {Store} store @returns {Promise<[string, any][]>} */
  async all(store) {
    const base = await open();
    if (!base) return [...memory[store]];
    const objects = base.transaction(store).objectStore(store);
    const [keys, values] = await Promise.all([settled(objects.getAllKeys()), settled(objects.getAll())]);
    return keys.map((key, index) => [String(key), values[index]]);
  },

  /** Resolves when it is on the disk. @param {Store} store @param {string} key @param {any} value */
  async put(store, key, value) {
    const base = await open();
    if (!base) return void memory[store].set(key, value);
    const writing = base.transaction(store, "readwrite", { durability: "strict" });
    writing.objectStore(store).put(value, key);
    return done(writing);
  },

  /** @param {Store} store @param {string} key */
  async delete(store, key) {
    const base = await open();
    if (!base) return void memory[store].delete(key);
    const writing = base.transaction(store, "readwrite");
    writing.objectStore(store).delete(key);
    return done(writing);
  },
};

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
