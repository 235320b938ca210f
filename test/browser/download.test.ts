/** Files by address in a page, of another origin as the public models are: kept in the Cache API, resumed, checked. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ChromiumPage, chromiumPage } from '../chromium';
import { FileServer } from '../fileServer';
import type { Downloaded, DownloadJob } from './harness';

let opened: ChromiumPage;
let server: FileServer;

beforeAll(async () => {
  server = await FileServer.start();
  opened = await chromiumPage('test/browser/harness.html');
  await opened.page.waitForFunction(() => 'loseDevice' in window);
});
afterAll(() => server.close());

beforeEach(async () => {
  server.reset();
  await opened.page.evaluate(async () => Promise.all((await caches.keys()).map((name) => caches.delete(name))));
});

const fetched = (job: Omit<DownloadJob, 'address'> = {}): Promise<Downloaded> =>
  opened.page.evaluate((all) => window.fetchModel(all), { address: server.address.href, ...job });
const sha256 = (bytes = server.file): string => createHash('sha256').update(bytes).digest('hex');

test('the second time the copy is taken, and after a reload of the page too', async () => {
  const expected = { sha256: sha256(), bytes: server.file.length };
  const { progress, sha256: first } = await fetched({ expected });
  expect(first).toBe(sha256());
  expect(progress.at(-1)).toEqual([100_000, 100_000]);
  await opened.page.reload();
  await opened.page.waitForFunction(() => 'loseDevice' in window);
  expect(await fetched({ expected })).toEqual({ sha256: sha256(), progress: [[100_000, 100_000]] });
  expect(server.asked).toEqual(['GET']);
});

test('without a checksum the server is asked whether it still has that version', async () => {
  await fetched();
  expect((await fetched()).sha256).toBe(sha256());
  expect(server.asked).toEqual(['GET', 'HEAD']);
  server.file = Buffer.from(server.file.map((byte) => byte ^ 1));
  server.etag = '"two"';
  expect((await fetched()).sha256).toBe(sha256());
  expect(server.asked).toEqual(['GET', 'HEAD', 'HEAD', 'GET']);
});

test('a transfer that breaks off goes on where it stopped', async () => {
  server.breaks = [40_000];
  expect((await fetched({ expected: { sha256: sha256() } })).sha256).toBe(sha256());
  expect(server.asked).toHaveLength(2);
  expect(server.asked[1]).toMatch(/^GET bytes=\d+-$/);
});

test('an abort keeps what arrived, and the next call fetches the rest', async () => {
  server.breaks = [40_000];
  expect((await fetched({ abortAt: 10_000 })).failure).toBe('AbortError');
  server.breaks = [];
  expect((await fetched()).sha256).toBe(sha256());
  expect(server.asked.at(-1)).toMatch(/^GET bytes=[1-9]\d+-$/);
});

test('another file than expected is refused, and not kept', async () => {
  expect((await fetched({ expected: { sha256: '0'.repeat(64) } })).failure).toBe('network');
  expect((await fetched({ expected: { bytes: 5 } })).failure).toBe('network');
  expect(
    await opened.page.evaluate(async () => (await caches.open('gradlens-models')).keys().then((keys) => keys.length)),
  ).toBe(0);
});

test('the page threw nothing', () =>
  expect(opened.errors.filter((text) => !/Failed to load resource/.test(text))).toEqual([]));
