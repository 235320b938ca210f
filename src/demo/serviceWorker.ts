/**
 * What lets the page work without a network after the first visit, from whatever folder it is served. The build puts
 * `KEPT` before it.
 *
 * - Files with a hash in their names never change: from the cache, if they are there.
 * - All others come from the network, so that a new version is there at the next load; without a network, or from one
 *   that does not answer in time or answers with something else, from the cache.
 *
 * A version keeps exactly the files it was built with, byte for byte, since they go together; the next one is fetched
 * beside it and takes over when no page of the old one is open any more. What else was fetched (other models, the
 * benchmark's code) is kept as it came, if it is of the type that was asked for.
 */
import { digestOf, fits } from './answers';

/** Digests by path: of what is fetched at once, and of the other pages, which are kept when they were visited. */
declare const KEPT: {
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
  readonly pages: Readonly<Record<string, string>>;
};

interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Lasting {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Worker {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: 'install' | 'activate', listener: (event: Lasting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
}

const worker = self as unknown as Worker;
const { scope } = worker.registration;
/** Several pages may be served from folders of one origin, which shares its caches. */
const PREFIX = `gradlens ${scope} `;
const CACHE = PREFIX + KEPT.version;
const byAddress = (digests: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(digests).map(([file, digest]) => [new URL(file, scope).href, digest]));
const files = byAddress(KEPT.files);
const digests = byAddress({ ...KEPT.files, ...KEPT.pages });

/** A network that says nothing for so long is none. */
const PATIENCE_MILLISECONDS = 4000;

const isHashed = (address: string): boolean => address.startsWith(`${scope}assets/`);
/** A page by its folder, however it was asked for. */
const keyOf = (address: string): string => address.replace(/[?#].*$/, '').replace(/\/index\.html$/, '/');

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if (method === 'GET' && url.startsWith(scope))
    event.respondWith(isHashed(url) ? cacheFirst(event) : networkFirst(event));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all([...files.keys()].map(async (address) => cache.put(address, await original(address))));
}

/**
 * A file as it was built: from the cache of another version if it has it, else from the server, and not from the
 * browser's own cache where that has something else.
 */
async function original(address: string): Promise<Response> {
  const known = isHashed(address) ? await caches.match(address) : undefined;
  if (known && (await isRight(address, known))) return known;
  for (const cache of isHashed(address) ? (['default', 'reload'] as const) : (['no-cache', 'reload'] as const)) {
    const response = await fetch(address, { cache });
    if (await isRight(address, response)) return response;
  }
  throw new Error(`${address}: the server does not have the file that this version was built with`);
}

/** Of the right type, and where the build knows its bytes, with these. */
async function isRight(address: string, response: Response): Promise<boolean> {
  if (!fits(address, response)) return false;
  const digest = digests.get(address);
  return digest === undefined || digest === (await digestOf(await response.clone().arrayBuffer()));
}

async function activate(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

async function cacheFirst(event: Fetching): Promise<Response> {
  const { request } = event;
  const found = await cached(request);
  if (found) return found;
  const response = await fetch(request);
  if (fits(keyOf(request.url), response)) return remember(event, response);
  const again = await fetch(request, { cache: 'reload' }); // the browser's own cache may hold a wrong answer
  return fits(keyOf(request.url), again) ? remember(event, again) : refused(again);
}

async function networkFirst(event: Fetching): Promise<Response> {
  const { request } = event;
  const network = fetch(request);
  const patience = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS));
  const response = await Promise.race([network, patience]).catch(() => undefined);
  if (response?.type === 'opaqueredirect') return response; // a page that moved
  if (response && fits(keyOf(request.url), response)) return remember(event, response);
  return (await cached(request)) ?? refused(await network);
}

/** What was kept, unless an older version of this worker took something else for it. */
async function cached({ url }: Request): Promise<Response | undefined> {
  const found = await (await caches.open(CACHE)).match(keyOf(url));
  return found && fits(keyOf(url), found) ? found : undefined;
}

/** A page of the host's in the place of a script is an error; an error is told as it came. */
const refused = (response: Response): Response => (response.ok && !response.redirected ? Response.error() : response);

function remember(event: Fetching, response: Response): Response {
  const address = keyOf(event.request.url);
  const copy = response.clone();
  const keep = async (): Promise<void> => {
    const cache = await caches.open(CACHE);
    if (files.has(address) && (await cached(event.request))) return;
    if (await isRight(address, copy)) await cache.put(address, copy);
  };
  event.waitUntil(keep().catch(() => {})); // no room: it is fetched again
  return response;
}
