/**
 * Files by address: kept after the first time, checked, resumed where a transfer broke off. Loaded when a file is first
 * asked for.
 */
import { GradlensError } from './errors';
import { mostBytesAt } from './formats/checks';
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
/** So long without a byte, a transfer counts as broken off. */
const STALL_MILLISECONDS = 30_000;

export interface DownloadOptions extends RunOptions {
  readonly expected?: ExpectedFile;
  /** For tests; {@link STALL_MILLISECONDS} if left out. */
  readonly stallMilliseconds?: number;
}

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
export async function download(address: URL, options: DownloadOptions, cache?: DownloadCache): Promise<Uint8Array> {
  const { signal, onProgress, expected = {}, stallMilliseconds = STALL_MILLISECONDS } = options;
  const order: Order = { address, signal, onProgress, expected, stallMilliseconds, cache };
  const kept = await cache?.get(address);
  signal?.throwIfAborted();
  if (
    kept?.whole &&
    (expected.sha256 === undefined
      ? await isCurrent(order, kept.version)
      : (await faultOf(kept.bytes, expected)) === undefined)
  ) {
    onProgress?.({ phase: 'download', done: kept.bytes.length, total: kept.bytes.length });
    return kept.bytes;
  }
  let { resumed, ...file } = await transfer(order, kept && !kept.whole ? kept : undefined);
  let fault = await faultOf(file.bytes, expected);
  if (fault !== undefined && resumed) {
    ({ resumed, ...file } = await transfer(order, undefined)); // the two halves were of two versions
    fault = await faultOf(file.bytes, expected);
  }
  if (fault !== undefined) throw failure(address, `${fault}: it is another file, or was damaged on its way`);
  signal?.throwIfAborted();
  await cache?.put(address, { ...file, whole: true });
  return file.bytes;
}

/** One call of {@link download}. */
interface Order {
  readonly address: URL;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: RunOptions['onProgress'];
  readonly expected: ExpectedFile;
  readonly stallMilliseconds: number;
  readonly cache: DownloadCache | undefined;
}

interface Transfer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly version: Version;
  readonly resumed: boolean;
}

async function transfer(order: Order, began: Kept | undefined): Promise<Transfer> {
  const { address, signal, expected, cache } = order;
  const received = new Received(address, expected);
  if (began) received.add(began.bytes);
  let version = began?.version ?? {};
  let resumed = false;

  for (let attempt = 1; ; attempt++) {
    const asked = received.bytes;
    const watch = watchFor(order);
    try {
      const response = await request(order, asked, watch.signal);
      if (asked > 0 && (response.status === 416 || !continues(response, version, asked, expected))) {
        await response.body?.cancel();
        received.clear(); // what is offered may be the rest of another version
        continue;
      }
      if (!response.ok || !response.body)
        throw failure(address, `the server answered ${response.status}`, { status: response.status });
      resumed = asked > 0 && response.status === 206;
      if (!resumed) {
        received.clear();
        version = versionOf(response);
      }
      await receive(response, response.body, received, order, watch);
      return { bytes: received.whole(), version, resumed };
    } catch (caught) {
      if (caught instanceof GradlensError) throw caught;
      const stalled = watch.signal.reason instanceof Stalled;
      const error: unknown = stalled ? watch.signal.reason : caught;
      const isSilent = stalled && received.bytes <= asked;
      const last = attempt === MOST_ATTEMPTS || isSilent || (asked === 0 && received.bytes === 0);
      // nothing would tell whether the rest belongs to it
      if (!isNamed(version) && expected.sha256 === undefined) received.clear();
      if (received.bytes > 0 && (last || signal?.aborted))
        await cache?.put(address, { bytes: received.whole(), whole: false, version });
      signal?.throwIfAborted();
      if (last) {
        const reason = error instanceof Error ? error.message : String(error);
        throw failure(address, `cannot be fetched: ${reason}`, {}, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS * attempt));
    } finally {
      watch.end();
    }
  }
}

/** Takes in a body, piece by piece. @throws TypeError where it ends too early */
async function receive(
  response: Response,
  body: ReadableStream<Uint8Array>,
  received: Received,
  { address, signal, onProgress, expected }: Order,
  watch: Watch,
): Promise<void> {
  const total = totalOf(response, received.bytes);
  if (total !== undefined && expected.bytes !== undefined && total !== expected.bytes)
    throw failure(address, `has ${total} bytes; expected were ${expected.bytes}`);
  if (total !== undefined) received.expect(total);
  const reader = body.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      watch.isAlive();
      received.add(piece.value);
      onProgress?.({ phase: 'download', done: received.bytes, ...(total === undefined ? {} : { total }) });
      signal?.throwIfAborted();
    }
  } catch (error) {
    void reader.cancel(error).catch(() => {}); // or the rest would go on arriving
    throw error;
  }
  if (total !== undefined && received.bytes < total)
    throw new TypeError(`it ended after ${received.bytes} of ${total} bytes`);
}

/** What has come of a file. A file that turns out too large is refused as it does, and was never copied until then. */
class Received {
  bytes = 0;
  /** All full but the last. */
  private blocks: Uint8Array<ArrayBuffer>[] = [];
  private room = 0;
  private readonly most: number;

  constructor(
    private readonly address: URL,
    { bytes }: ExpectedFile,
  ) {
    this.most = Math.min(mostBytesAt(address), bytes ?? Infinity);
  }

  clear(): void {
    [this.bytes, this.blocks, this.room] = [0, [], 0];
  }

  /** Makes room for as many bytes in all. */
  expect(total: number): void {
    this.check(total);
    if (total <= this.bytes) return;
    const start = this.whole();
    this.blocks = [new Uint8Array(total)];
    this.blocks[0]!.set(start);
    this.room = total - this.bytes;
  }

  add(piece: Uint8Array): void {
    this.check(this.bytes + piece.length);
    for (let rest = piece; rest.length > 0; ) {
      if (this.room === 0) this.open();
      const block = this.blocks.at(-1)!;
      const part = rest.subarray(0, this.room);
      block.set(part, block.length - this.room);
      this.room -= part.length;
      this.bytes += part.length;
      rest = rest.subarray(part.length);
    }
  }

  whole(): Uint8Array<ArrayBuffer> {
    const [first = new Uint8Array(), second] = this.blocks;
    if (!second) return this.room === 0 ? first : first.slice(0, this.bytes);
    const all = new Uint8Array(this.bytes);
    let at = 0;
    for (const block of this.blocks) {
      all.set(block.subarray(0, this.bytes - at), at);
      at += block.length;
    }
    return all;
  }

  private open(): void {
    this.blocks.push(new Uint8Array(BLOCK_BYTES));
    this.room = BLOCK_BYTES;
  }

  private check(bytes: number): void {
    if (bytes > this.most) throw failure(this.address, `has more than ${this.most} bytes, the most that are read here`);
  }
}

const BLOCK_BYTES = 2 ** 22;

/** A transfer in which nothing came for too long. */
class Stalled extends Error {}

interface Watch {
  /** Aborted by the caller's signal, or when nothing came for too long. */
  readonly signal: AbortSignal;
  isAlive(): void;
  end(): void;
}

function watchFor({ signal, stallMilliseconds }: Order): Watch {
  const controller = new AbortController();
  const stall = (): void =>
    controller.abort(new Stalled(`nothing came for ${stallMilliseconds / 1000} seconds; is the server there?`));
  const pass = (): void => controller.abort(signal?.reason);
  let timer = setTimeout(stall, stallMilliseconds);
  if (signal?.aborted) pass();
  signal?.addEventListener('abort', pass, { once: true });
  return {
    signal: controller.signal,
    isAlive() {
      clearTimeout(timer);
      timer = setTimeout(stall, stallMilliseconds);
    },
    end() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', pass);
    },
  };
}

/**
 * What is kept here need not be kept a second time by the browser, whose own idea of ranges also gets in the way of
 * resuming.
 */
function request({ address, cache }: Order, from: number, signal: AbortSignal): Promise<Response> {
  return fetch(address, {
    signal,
    ...(from > 0 && { headers: { Range: `bytes=${from}-` } }),
    ...(cache && { cache: 'no-store' }),
  });
}

/** Whether an answer is the whole file, or the rest of what is there. With a SHA-256 to come, the end will tell. */
function continues(response: Response, version: Version, from: number, expected: ExpectedFile): boolean {
  if (response.status !== 206) return true;
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

async function isCurrent(order: Order, version: Version): Promise<boolean> {
  const watch = watchFor(order);
  try {
    const response = await fetch(order.address, { method: 'HEAD', cache: 'no-store', signal: watch.signal });
    return response.ok && isSame(version, versionOf(response));
  } catch {
    order.signal?.throwIfAborted();
    return true; // without a network the copy is all there is
  } finally {
    watch.end();
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
