/**
 * What lets the page work without a network after the first visit, from whatever folder it is served. The build puts
 * `KEPT` before it.
 *
 * - Files with a hash in their names never change: from the cache, if they are there.
 * - All others come from the network, so that a new version is there at the next load; without a network, or from one
 * that does not
 *   answer in time, from the cache.
 *
 * A version keeps exactly the files it was built with, since they go together; the next one is fetched beside it and
 * takes over when no page of the old one is open any more. What else was fetched (the benchmark, other models) is kept
 * as it came.
 */
declare const KEPT: { readonly version: string; readonly files: readonly string[] };

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
const kept = new Set(KEPT.files.map((file) => new URL(file, scope).href));

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
  await Promise.all(
    [...kept].map(async (address) => {
      const known = isHashed(address) ? await caches.match(address) : undefined;
      const response = known ?? (await fetch(address, { cache: isHashed(address) ? 'default' : 'no-cache' }));
      if (!response.ok) throw new Error(`${address}: ${response.status}`);
      await cache.put(address, response);
    }),
  );
}

async function activate(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

async function cacheFirst(event: Fetching): Promise<Response> {
  const found = await cached(event.request);
  return found ?? remember(event, await fetch(event.request));
}

async function networkFirst(event: Fetching): Promise<Response> {
  const network = fetch(event.request);
  const patience = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS));
  const response = await Promise.race([network, patience]).catch(() => undefined);
  return response ? remember(event, response) : ((await cached(event.request)) ?? network);
}

const cached = async ({ url }: Request): Promise<Response | undefined> => (await caches.open(CACHE)).match(keyOf(url));

function remember(event: Fetching, response: Response): Response {
  const address = keyOf(event.request.url);
  if (response.status === 200 && !response.redirected && !kept.has(address)) {
    const copy = response.clone();
    event.waitUntil(
      caches
        .open(CACHE)
        .then((cache) => cache.put(address, copy))
        .catch(() => {}),
    ); // no room: it is fetched again
  }
  return response;
}

export {};
