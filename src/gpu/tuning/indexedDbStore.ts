import type { TuningStore } from '../../variants/stored';

/** In the browser's IndexedDB, by origin. */
export function indexedDbStore(name = 'gradlens-tuning'): TuningStore {
  const TABLE = 'choices';
  const settled = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error(`${name}: the browser refused`));
    });
  const open = (): Promise<IDBDatabase> => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TABLE);
    };
    return settled(request);
  };
  const run = async <T>(mode: IDBTransactionMode, call: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const database = await open();
    try {
      return await settled(call(database.transaction(TABLE, mode).objectStore(TABLE)));
    } finally {
      database.close();
    }
  };
  return {
    read: async (key) => ((await run('readonly', (table) => table.get(key))) as string | undefined) ?? null,
    write: async (key, value) => {
      await run('readwrite', (table) => table.put(value, key));
    },
  };
}
