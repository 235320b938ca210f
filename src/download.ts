/**
 * Files by address: kept after the first time, checked, resumed where a transfer broke off. Loaded when a file is first
 * asked for.
 */
import { GradlensError } from './errors';
import { MOST_FILE_BYTES } from './formats/checks';
import { sha256Of } from './formats/native';
import type { ExpectedFile, RunOptions } from './options';

/** By what a server tells one version of a file from another. */
export interface Version {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

/** A copy of a file, or its beginning. */
export interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly whole: boolean;
  readonly version: Version;
}

/** Where copies are kept. Neither function rejects: a cache that fails is one that is empty. */
export interface DownloadCache {
  get(address: URL): Promise<Kept | undefined>;
  put(address: URL, kept: Kept): Promise<void>;
}

/** A transfer that breaks off is tried again, after a pause that grows. */
const MOST_ATTEMPTS = 5;
const PAUSE_MILLISECONDS = 200;

/**
 * The bytes at an http(s) address.
 *
 * A kept copy is taken without asking the server if its SHA-256 is known and right; else if the server still has that
 * version (a HEAD request), or cannot be reached. A transfer that breaks off is resumed where it stopped, in this call
 * or in a later one, if the server gives ranges and the rest is sure to be of the same version; else it begins anew.
 * What arrived before an abort is kept.
 *
 * @throws GradlensError `network` where there is no answer, an answer that is none, or not the expected file; the
 *   signal's reason
 */
export async function download(
  address: URL,
  { signal, onProgress, expected = {} }: RunOptions & { readonly expected?: ExpectedFile },
  cache?: DownloadCache,
): Promise<Uint8Array> {
  const kept = await cache?.get(address);
  signal?.throwIfAborted();
  if (
    kept?.whole &&
    (expected.sha256 === undefined
      ? await isCurrent(address, kept.version, signal)
      : (await faultOf(kept.bytes, expected)) === undefined)
  ) {
    onProgress?.({ phase: 'download', done: kept.bytes.length, total: kept.bytes.length });
    return kept.bytes;
  }
  const began = kept && !kept.whole ? kept : undefined;
  let { resumed, ...file } = await transfer(address, began, { signal, onProgress, expected }, cache);
  let fault = await faultOf(file.bytes, expected);
  if (fault !== undefined && resumed) {
    ({ resumed, ...file } = await transfer(address, undefined, { signal, onProgress, expected }, cache)); // the two halves were of two versions
    fault = await faultOf(file.bytes, expected);
  }
  if (fault !== undefined) throw failure(address, `${fault}: it is another file, or was damaged on its way`);
  signal?.throwIfAborted();
  await cache?.put(address, { ...file, whole: true });
  return file.bytes;
}

interface Transfer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly version: Version;
  readonly resumed: boolean;
}

async function transfer(
  address: URL,
  began: Kept | undefined,
  {
    signal,
    onProgress,
    expected,
  }: { signal: AbortSignal | undefined; onProgress: RunOptions['onProgress']; expected: ExpectedFile },
  cache: DownloadCache | undefined,
): Promise<Transfer> {
  let bytes = began?.bytes ?? new Uint8Array();
  let version = began?.version ?? {};
  let done = bytes.length;
  let resumed = false;
  const room = (needed: number): void => {
    if (needed > MOST_FILE_BYTES)
      throw failure(address, `has more than ${MOST_FILE_BYTES} bytes, the largest file that is read`);
    if (needed <= bytes.length) return;
    const larger = new Uint8Array(Math.min(MOST_FILE_BYTES, Math.max(needed, done * 2)));
    larger.set(bytes.subarray(0, done));
    bytes = larger;
  };

  for (let attempt = 1; ; attempt++) {
    const asked = done;
    try {
      const response = await request(address, { from: asked, signal, isKept: cache !== undefined });
      if (
        asked > 0 &&
        (response.status === 416 || (response.status === 206 && !continues(response, version, asked, expected)))
      ) {
        await response.body?.cancel();
        done = 0; // what is offered may be the rest of another version
        continue;
      }
      if (!response.ok || !response.body)
        throw failure(address, `the server answered ${response.status}`, { status: response.status });
      resumed = asked > 0 && response.status === 206;
      if (!resumed) [done, version] = [0, versionOf(response)];
      const total = totalOf(response, done);
      if (total !== undefined && expected.bytes !== undefined && total !== expected.bytes)
        throw failure(address, `has ${total} bytes; expected were ${expected.bytes}`);
      room(total ?? 0);
      const reader = response.body.getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        room(done + piece.value.byteLength);
        bytes.set(piece.value, done);
        done += piece.value.byteLength;
        onProgress?.({ phase: 'download', done, ...(total === undefined ? {} : { total }) });
        signal?.throwIfAborted();
      }
      if (total !== undefined && done < total) throw new TypeError(`it ended after ${done} of ${total} bytes`);
      return { bytes: done === bytes.length ? bytes : bytes.slice(0, done), version, resumed };
    } catch (error) {
      if (error instanceof GradlensError) throw error;
      const last = attempt === MOST_ATTEMPTS || (asked === 0 && done === 0); // or there was not even an answer
      if (!isNamed(version) && expected.sha256 === undefined) done = 0; // nothing would tell whether the rest belongs to it
      if (done > 0 && (last || signal?.aborted))
        await cache?.put(address, { bytes: bytes.slice(0, done), whole: false, version });
      signal?.throwIfAborted();
      if (last)
        throw failure(
          address,
          `cannot be fetched: ${error instanceof Error ? error.message : String(error)}`,
          {},
          { cause: error },
        );
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS * attempt));
    }
  }
}

/**
 * What is kept here need not be kept a second time by the browser, whose own idea of ranges also gets in the way of
 * resuming.
 */
async function request(
  address: URL,
  {
    from,
    signal,
    isKept,
  }: { readonly from: number; readonly signal: AbortSignal | undefined; readonly isKept: boolean },
): Promise<Response> {
  return fetch(address, {
    ...(from > 0 && { headers: { Range: `bytes=${from}-` } }),
    ...(signal && { signal }),
    ...(isKept && { cache: 'no-store' }),
  });
}

/** Whether a partial answer is the rest of what is there. With a SHA-256 to come, the end will tell. */
function continues(response: Response, version: Version, from: number, expected: ExpectedFile): boolean {
  const range = response.headers.get('content-range'); // hidden by some servers from pages of other origins
  if (range !== null && !range.startsWith(`bytes ${from}-`)) return false;
  return expected.sha256 !== undefined || isSame(version, versionOf(response));
}

/** Bytes of the whole file; undefined where the answer does not say, or says how many the compressed ones are. */
function totalOf(response: Response, from: number): number | undefined {
  const length = Number(response.headers.get('content-length') ?? NaN);
  return length > 0 && !response.headers.get('content-encoding') ? from + length : undefined;
}

const versionOf = ({ headers }: Response): Version => ({
  etag: headers.get('etag') ?? undefined,
  lastModified: headers.get('last-modified') ?? undefined,
});
const isNamed = ({ etag, lastModified }: Version): boolean => etag !== undefined || lastModified !== undefined;
const isSame = (a: Version, b: Version): boolean =>
  a.etag !== undefined && b.etag !== undefined
    ? a.etag === b.etag
    : a.lastModified !== undefined && a.lastModified === b.lastModified;

async function isCurrent(address: URL, version: Version, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const response = await fetch(address, { method: 'HEAD', cache: 'no-store', ...(signal && { signal }) });
    return response.ok && isSame(version, versionOf(response));
  } catch {
    signal?.throwIfAborted();
    return true; // without a network the copy is all there is
  }
}

/** What is wrong with the bytes; undefined if they are as expected. */
export async function faultOf(bytes: Uint8Array, expected: ExpectedFile): Promise<string | undefined> {
  if (expected.bytes !== undefined && bytes.length !== expected.bytes)
    return `has ${bytes.length} bytes; expected were ${expected.bytes}`;
  if (expected.sha256 === undefined) return undefined;
  const actual = await sha256Of(bytes);
  return actual === expected.sha256.toLowerCase()
    ? undefined
    : `has the SHA-256 ${actual}; expected was ${expected.sha256}`;
}

function failure(address: URL, message: string, detail: object = {}, options?: ErrorOptions): GradlensError {
  return new GradlensError('network', `${address.href}: ${message}`, { address: address.href, ...detail }, options);
}

const BROWSER_CACHE = 'gradlens-models';

/** The browser's Cache API; undefined where there is none, as on pages that are not secure. */
export function browserCache(): DownloadCache | undefined {
  const storage = (globalThis as { caches?: CacheStorage }).caches;
  if (!storage) return undefined;
  return {
    async get(address) {
      try {
        const response = await (await storage.open(BROWSER_CACHE)).match(address.href);
        if (!response) return undefined;
        return {
          bytes: new Uint8Array(await response.arrayBuffer()),
          whole: response.headers.get('x-gradlens') === 'whole',
          version: versionOf(response),
        };
      } catch {
        return undefined;
      }
    },
    async put(address, { bytes, whole, version: { etag, lastModified } }) {
      const headers = {
        'x-gradlens': whole ? 'whole' : 'part',
        ...(etag && { etag }),
        ...(lastModified && { 'last-modified': lastModified }),
      };
      await storage
        .open(BROWSER_CACHE)
        .then(
          (cache) => cache.put(address.href, new Response(bytes, { headers })),
          () => {},
        )
        .catch(() => {}); // full, or forbidden
    },
  };
}
