/** A page without a bundler: an import map of one line, and the package as it was unpacked. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_MODEL } from '../../src/publicModels';
import { chromiumPage } from '../chromium';
import { type Packed, pack } from './pack';

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };
const PAGE = `<!doctype html><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "gradlens": "/node_modules/gradlens/dist/lib/index.js" } }</script>
<script type="module">
  import { Engine, saliency } from 'gradlens';
  window.scoresOf = async (source, [C, H, W]) => {
    const engine = await Engine.create();
    const model = await engine.load(source);
    const data = Float32Array.from({ length: C * H * W }, (_, i) => Math.sin(i));
    const map = await saliency(model, { data, shape: [C, H, W] }, { class: 'top1' });
    engine.dispose();
    return { largest: Math.max(...map.data), class: map.class };
  };
</script>`;

let packed: Packed;
let server: Server;
beforeAll(async () => {
  packed = pack();
  writeFileSync(join(packed.host, 'page.html'), PAGE);
  copyFileSync('test/fixtures/squeezenet1_1.onnx', join(packed.host, 'net.onnx'));
  server = createServer(({ url = '' }, response) => {
    const path = new URL(url, 'http://host').pathname;
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type }).end(readFileSync(join(packed.host, path)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}, 240_000);
afterAll(() => {
  server.close();
  packed.remove();
});

test.each([
  ['an ONNX file', '/net.onnx', [3, 64, 64]],
  ['a shipped net by its name', DEFAULT_MODEL, [3, 128, 128]],
])(
  'a plain page loads %s, and has its map',
  async (_, source, shape) => {
    await using opened = await chromiumPage();
    const { page, errors } = opened;
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page.html`);
    const map = await page.evaluate(
      (from, extents) =>
        (window as unknown as { scoresOf(...args: unknown[]): Promise<{ largest: number; class: number }> }).scoresOf(
          from,
          extents,
        ),
      source,
      shape,
    );
    expect(map.largest).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  },
  120_000,
);
