/** Every example, in a reduced form, from the packed package: in Node, and in Chromium. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer';
import sharp from 'sharp';
import ts from 'typescript';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPage } from '../chromium';
import { VIDEO_FLAGS } from '../launch';
import { type Packed, lend, pack } from '../package/pack';
import { serve } from '../package/serve';

const names = readdirSync('examples', { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
const PAGES = ['plain', 'observable'];
const BUNDLED = ['vite', 'worker', 'typegpu'];
const LOOPS = { 'raw-webgpu': 20, three: 15 }; // with the most lines that gradlens may take of each
const LINES = { plain: 12, vite: 12, worker: 17, typegpu: 15 }; // all that each may have, blank ones and comments apart
const DRAWN = ['typegpu']; // to a canvas of WebGPU
const LOSSES = ['gatys', 'deepDream', 'lpips', 'featureInversion', 'tcav'];

let packed: Packed;
let examples: string;
beforeAll(() => {
  packed = pack();
  lend(packed, 'webgpu', 'sharp', 'typegpu', 'three', '@observablehq/runtime');
  examples = join(packed.root, 'examples');
  if (existsSync(examples)) return;
  cpSync('examples', examples, { recursive: true });
  mkdirSync(join(packed.root, 'samples/imagenette'), { recursive: true });
  for (const sample of ['church', 'golf-ball', 'parachute'])
    cpSync(`samples/imagenette/${sample}.jpg`, join(packed.root, `samples/imagenette/${sample}.jpg`));
  for (const name of names)
    symlinkSync(join(packed.root, 'node_modules'), join(examples, name, 'node_modules'), 'junction');
}, 600_000);

test.each(names)('%s depends on the package as it is packed, and on pinned versions', (name) => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, string> & {
    devDependencies: Record<string, string>;
  };
  const { dependencies, devDependencies } = JSON.parse(readFileSync(`examples/${name}/package.json`, 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  const { gradlens, ...others } = { ...dependencies, ...devDependencies };
  expect(gradlens).toBe(`file:../../gradlens-${manifest['version']}.tgz`);
  expect(manifest.devDependencies).toMatchObject(others); // the same as the tests run with
  const readme = readFileSync(`examples/${name}/README.md`, 'utf8');
  for (const [, picture] of readme.matchAll(/!\[.*?\]\((.*?)\)/g))
    expect(existsSync(`examples/${name}/${picture}`), picture).toBe(true);
  expect(readme).toContain('![');
});

function node(folder: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: join(examples, folder),
    encoding: 'utf8',
  });
  expect(`${status} ${status === 0 ? '' : stderr}`).toBe('0 ');
  return stdout;
}

test('node-folder writes a map over every picture', async () => {
  const said = node('node-folder', 'main.mjs', '../../samples/imagenette', 'maps');
  expect(said.match(/church\.jpg: church|golf-ball\.jpg: golf ball|parachute\.jpg: parachute/g)).toHaveLength(3);
  const { width, height } = await sharp(join(examples, 'node-folder/maps/church.png')).metadata();
  expect([width, height]).toEqual([480, 360]);
});

test.each(Object.entries(LINES))('%s takes no more than %i lines', (name, most) => {
  const files = readdirSync(`examples/${name}`).filter((file) => /\.[jt]s$|^index\.html$/.test(file));
  const lines = files.flatMap((file) => {
    const code = readFileSync(`examples/${name}/${file}`, 'utf8');
    const scripts = file === 'index.html' ? code.match(/(?<=<script type="\w+">\n)[^]*?(?=\s*<\/script>)/g) : [code];
    return (scripts ?? []).join('\n').split('\n');
  });
  expect(lines.filter((line) => /^\s*(?!\/\/)\S/.test(line)).length).toBeLessThanOrEqual(most);
});

test.each(LOSSES)('losses/%s.mjs ends with a picture, in at most 40 lines', async (name) => {
  expect(readFileSync(`examples/losses/${name}.mjs`, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(40);
  node('losses', `${name}.mjs`, '2');
  const { channels } = await sharp(join(examples, `losses/${name}.png`)).stats();
  expect(channels[0]!.stdev).toBeGreaterThan(5);
});

/** That something of many colours is seen; keeps what is, if asked to. */
async function expectPicture(page: Page, name: string): Promise<void> {
  const shot = await page.screenshot();
  if (process.env['GRADLENS_PICTURES']) writeFileSync(join(process.env['GRADLENS_PICTURES'], `${name}.png`), shot);
  const { channels } = await sharp(shot).stats();
  expect(Math.max(...channels.map(({ max }) => max))).toBeGreaterThan(200);
  expect(channels.some(({ stdev }) => stdev > 10)).toBe(true);
}

describe('in Chromium', () => {
  let served: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    await build({
      root: examples,
      base: './',
      logLevel: 'warn',
      configFile: false,
      worker: { format: 'es' },
      build: {
        target: 'es2022',
        chunkSizeWarningLimit: 2000, // three.js
        outDir: join(packed.root, 'built'),
        emptyOutDir: true,
        rolldownOptions: {
          input: [...BUNDLED, ...Object.keys(LOOPS)].map((name) => join(examples, name, 'index.html')),
        },
      },
    });
    served = await serve(packed.root);
  }, 300_000);
  afterAll(() => served?.close());

  const addresses = [
    ...PAGES.map((name) => [name, `examples/${name}/`]),
    ...BUNDLED.map((name) => [name, `built/${name}/`]),
  ];
  test.each(addresses)(
    '%s shows its map, and names the class',
    async (name, path) => {
      await using opened = await chromiumPage(undefined, DRAWN.includes(name) ? VIDEO_FLAGS : []);
      const { page, errors } = opened;
      await page.goto(`${served.address}${path}index.html`);
      await page.waitForFunction(
        () =>
          document.body.innerText.includes('church') ||
          [...document.querySelectorAll('output')].some(({ value }) => value.includes('church')),
        { timeout: 150_000 },
      );
      await expectPicture(page, name);
      expect(errors).toEqual([]);
    },
    200_000,
  );

  test.each(Object.entries(LOOPS))(
    '%s shows a video, and a map over it, by at most %i lines and none of WGSL',
    async (name, lines) => {
      const code = readFileSync(`examples/${name}/main.js`, 'utf8');
      expect(code.split('\n').filter((line) => / ◂/.test(line) && !line.startsWith('//')).length).toBeLessThanOrEqual(
        lines,
      );
      await using opened = await chromiumPage(undefined, VIDEO_FLAGS);
      const { page, errors } = opened;
      await page.goto(`${served.address}built/${name}/index.html`);
      await page.waitForFunction(() => /: [1-9]\d* maps/.test(document.querySelector('output')!.value), {
        timeout: 150_000,
      });
      const [maps, frames] = await page.$eval('output', ({ value }) => value.match(/\d+/g)!.map(Number));
      expect(frames).toBeGreaterThan(maps!); // spread
      await expectPicture(page, name);
      expect(errors).toEqual([]);
    },
    200_000,
  );
});

test('the example in TypeScript is clean', () => {
  const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const program = ts.createProgram([join(examples, 'vite/main.ts')], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['@webgpu/types', 'vite/client'].map((name) => at(`node_modules/${name}`)),
    strict: true,
    noEmit: true,
  });
  expect(
    ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  ).toEqual([]);
});
