import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DownloadCache, download } from '../src/download';
import { MOST_MANIFEST_BYTES } from '../src/formats/checks';
import { folderCache } from '../src/node/cache';
import { FileServer } from './fileServer';

let server: FileServer;
let address: URL;
let folder: string;
let cache: DownloadCache;

beforeAll(async () => {
  server = await FileServer.start();
  address = server.address;
});
afterAll(() => server.close());

beforeEach(() => {
  server.reset();
  folder = mkdtempSync(join(tmpdir(), 'gradlens-cache-'));
  cache = folderCache(folder);
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const isFile = (bytes: Uint8Array): boolean => server.file.equals(bytes);
const other = (): void => {
  server.file = Buffer.from(server.file.map((byte) => byte ^ 1));
  server.etag = '"two"';
};

test('the second time the copy is taken: after a question to the server, or with a checksum without one', async () => {
  expect(isFile(await download(address, {}, cache))).toBe(true);
  expect(isFile(await download(address, {}, cache))).toBe(true);
  expect(
    isFile(await download(address, { expected: { sha256: sha256(server.file), bytes: server.file.length } }, cache)),
  ).toBe(true);
  expect(server.asked).toEqual(['GET', 'HEAD']);
});

test('another version on the server, or another checksum, is fetched', async () => {
  await download(address, {}, cache);
  other();
  expect(isFile(await download(address, {}, cache))).toBe(true);
  other();
  server.etag = '"two"'; // by its name it did not change
  expect(isFile(await download(address, { expected: { sha256: sha256(server.file) } }, cache))).toBe(true);
  expect(server.asked).toEqual(['GET', 'HEAD', 'GET', 'GET']);
});

test('without a name for the version there is no telling: it is fetched again', async () => {
  server.etag = undefined;
  await download(address, {}, cache);
  await download(address, {}, cache);
  expect(server.asked).toEqual(['GET', 'HEAD', 'GET']);
});

test('a damaged copy is not taken', async () => {
  await download(address, {}, cache);
  for (const name of readdirSync(folder).filter((entry) => !entry.endsWith('.json'))) {
    const bytes = readFileSync(join(folder, name));
    bytes[5]! ^= 1;
    writeFileSync(join(folder, name), bytes);
  }
  expect(isFile(await download(address, {}, cache))).toBe(true);
  expect(server.asked).toEqual(['GET', 'GET']);
});

test('without a network the copy has to do', async () => {
  const gone = new URL('http://127.0.0.1:1/net.onnx');
  await cache.put(gone, { bytes: Uint8Array.of(1, 2, 3), whole: true, version: { etag: '"one"' } });
  expect([...(await download(gone, {}, cache))]).toEqual([1, 2, 3]);
  await expect(download(gone, {})).rejects.toMatchObject({
    code: 'network',
    message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\/net\.onnx: cannot be fetched/),
  });
});

test('a transfer that breaks off goes on where it stopped', async () => {
  server.breaks = [40_000, 10_000];
  const seen: number[] = [];
  expect(
    isFile(
      await download(
        address,
        { onProgress: ({ done, total }) => (expect(total).toBe(100_000), seen.push(done)) },
        cache,
      ),
    ),
  ).toBe(true);
  expect(server.asked).toHaveLength(3);
  expect(server.asked[0]).toBe('GET');
  expect(server.asked.slice(1).every((line) => /^GET bytes=\d+-$/.test(line))).toBe(true);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('it begins anew where the server has no ranges, or there is no name for the version', async () => {
  server.breaks = [40_000];
  server.ranges = false;
  expect(isFile(await download(address, {}))).toBe(true);
  server.breaks = [40_000];
  [server.ranges, server.etag] = [true, undefined];
  expect(isFile(await download(address, {}))).toBe(true);
  expect(server.asked.at(-1)).toBe('GET');
});

test('an abort keeps what arrived, and a later call fetches the rest', async () => {
  const controller = new AbortController();
  server.breaks = [40_000]; // it would wait
  const run = download(
    address,
    { signal: controller.signal, onProgress: ({ done }) => done >= 10_000 && controller.abort(new Error('enough')) },
    cache,
  );
  await expect(run).rejects.toThrow('enough');
  server.breaks = [];
  expect(isFile(await download(address, {}, cache))).toBe(true);
  expect(server.asked.at(-1)).toMatch(/^GET bytes=[1-9]\d+-$/);
});

test('the rest of another version is not put behind the beginning of the first', async () => {
  const start = new Uint8Array(server.file.subarray(0, 30_000));
  await cache.put(address, { bytes: start, whole: false, version: { etag: '"one"' } });
  other();
  expect(isFile(await download(address, {}, cache))).toBe(true);
  expect(server.asked).toEqual(['GET bytes=30000-', 'GET']);

  // with a checksum the rest is taken first, and the whole checked at the end
  await cache.put(address, { bytes: start, whole: false, version: {} });
  server.asked = [];
  expect(isFile(await download(address, { expected: { sha256: sha256(server.file) } }, cache))).toBe(true);
  expect(server.asked).toEqual(['GET bytes=30000-', 'GET']);
});

test('a beginning that is longer than the file is dropped', async () => {
  await cache.put(address, { bytes: new Uint8Array(200_000), whole: false, version: { etag: server.etag } });
  expect(isFile(await download(address, {}, cache))).toBe(true);
});

test('what is not expected is refused, and not kept', async () => {
  await expect(download(address, { expected: { bytes: 99 } }, cache)).rejects.toMatchObject({
    code: 'network',
    message: expect.stringContaining('has 100000 bytes; expected were 99'),
  });
  await expect(download(address, { expected: { sha256: '0'.repeat(64) } }, cache)).rejects.toMatchObject({
    code: 'network',
    message: expect.stringContaining('it is another file, or was damaged'),
  });
  await expect(download(new URL('/missing', address), {}, cache)).rejects.toMatchObject({
    code: 'network',
    message: expect.stringContaining('the server answered 404'),
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('a server that always breaks off is given up, with what it said', async () => {
  server.breaks = new Array<number>(20).fill(100);
  await expect(download(address, {}, cache)).rejects.toMatchObject({ code: 'network' });
  expect(server.asked).toHaveLength(5);
});

test('a cache that cannot be written is one that is empty', async () => {
  writeFileSync(join(folder, 'file'), '');
  const broken = folderCache(join(folder, 'file', 'below'));
  expect(isFile(await download(address, {}, broken))).toBe(true);
});

test('a server that goes silent is given up: before the first byte at once, later after one more try', async () => {
  server.silent = true;
  const silent = download(address, { stallMilliseconds: 100 }, cache);
  await expect(silent).rejects.toMatchObject({
    code: 'network',
    message: expect.stringMatching(/^http:.*net\.onnx: cannot be fetched: nothing came for 0\.1 seconds/),
  });
  expect(server.asked).toEqual(['GET']);

  server.reset();
  server.stalls = [40_000, 0];
  await expect(download(address, { stallMilliseconds: 100 }, cache)).rejects.toThrow('nothing came for 0.1 seconds');
  expect(server.asked).toHaveLength(2);
  expect(isFile(await download(address, { stallMilliseconds: 100 }, cache))).toBe(true); // what had come is kept
  expect(server.asked.at(-1)).toMatch(/^GET bytes=[1-9]\d+-$/);

  server.reset();
  server.stalls = [40_000]; // it goes on after a new request
  expect(isFile(await download(new URL('/other.onnx', address), { stallMilliseconds: 100 }))).toBe(true);
});

test('a server that goes silent when asked for the version does not keep the copy from being taken', async () => {
  await download(address, {}, cache);
  server.silent = true;
  expect(isFile(await download(address, { stallMilliseconds: 100 }, cache))).toBe(true);
});

test('a transfer that is slow, but goes on, is waited for', async () => {
  server.slow = 30;
  const long = download(address, { stallMilliseconds: 200 });
  expect(isFile(await long)).toBe(true);
});

test('a file without a stated length is refused as soon as it is too large', async () => {
  server.stated = false;
  expect(isFile(await download(address, {}))).toBe(true);
  let most = 0;
  const onProgress = ({ done }: { done: number }): void => void (most = Math.max(most, done));
  await expect(download(address, { expected: { bytes: 50_000 }, onProgress })).rejects.toMatchObject({
    code: 'network',
    message: expect.stringContaining('has more than 50000 bytes'),
  });
  expect(most).toBeLessThanOrEqual(50_000);

  server.file = Buffer.alloc(MOST_MANIFEST_BYTES + 1, '{');
  await expect(download(new URL('/model.json', address), {})).rejects.toThrow(`more than ${MOST_MANIFEST_BYTES} bytes`);
  server.stated = true;
  server.asked = [];
  await expect(download(new URL('/model.json', address), {})).rejects.toThrow(`more than ${MOST_MANIFEST_BYTES} bytes`);
});
