/** The package as it was unpacked: what it exports, its types, its size, and a page that has nothing else. */
import { isBuiltin } from 'node:module';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import * as esbuild from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_MODEL, SHIPPED_MODELS } from '../../src/publicModels';
import { chromiumPage } from '../chromium';
import { type Packed, pack } from './pack';
import { serve } from './serve';

let packed: Packed;
let manifest: { exports: Record<string, string | { types: string; default: string }> };
beforeAll(() => {
  packed = pack();
  manifest = JSON.parse(readFileSync(join(packed.folder, 'package.json'), 'utf8'));
}, 240_000);

test('every export is a file of the package, and every shipped net has one', () => {
  const named = Object.values(manifest.exports).flatMap((to) => (typeof to === 'string' ? [to] : Object.values(to)));
  const missing = named.filter((path) => !path.includes('*') && !packed.files.includes(path.replace('./', '')));
  expect(missing).toEqual([]);
  const nets = Object.keys(SHIPPED_MODELS).map((name) => `./weights/${name}`);
  expect(Object.keys(manifest.exports)).toEqual(expect.arrayContaining(nets));
});

test('the addresses that a net exports are its two files', async () => {
  for (const name of Object.keys(SHIPPED_MODELS)) {
    const net = (await import(/* @vite-ignore */ join(packed.folder, 'weights', name, 'index.js'))) as {
      default: { manifest: URL; weights: URL };
    };
    const { weights } = JSON.parse(readFileSync(fileURLToPath(net.default.manifest), 'utf8')) as {
      weights: { file: string; bytes: number };
    };
    expect(net.default.weights.pathname.endsWith(`/${weights.file}`)).toBe(true);
    expect(readFileSync(fileURLToPath(net.default.weights))).toHaveLength(weights.bytes);
  }
});

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: packed.folder, pack: false });
  expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
});

test('types resolve wherever modules do', async () => {
  const result = await checkPackage(createPackageFromTarballData(packed.tarball), {
    // files, not modules
    excludeEntrypoints: [/^\.\/(weights\/\*|schema|package\.json)$/],
  });
  const problems = result.types ? result.problems : ['no types'];
  // the package is modules only: Node's older ways of resolving and `require` are not meant
  const meant = problems.filter(
    (problem) =>
      typeof problem === 'string' ||
      !('resolutionKind' in problem) ||
      !['node10', 'node16-cjs'].includes(problem.resolutionKind),
  );
  expect(meant).toEqual([]);
});

test('no entry needs a package at run time, but for the two that npm calls optional', async () => {
  const { metafile } = await esbuild.build({
    entryPoints: ['index', 'element', 'node', 'cli', 'bench'].map((name) => join(packed.folder, `dist/lib/${name}.js`)),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    outdir: join(packed.host, 'out'),
    write: false,
    metafile: true,
  });
  const external = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.flatMap((imported) => (imported.external ? [imported.path] : [])),
  );
  expect([...new Set(external.filter((name) => !isBuiltin(name)))].sort()).toEqual(['sharp', 'webgpu']);
});

describe('types', () => {
  const LIBRARIES = { 'as Vite’s template names them': ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'] };
  test.each(Object.entries(LIBRARIES))(
    'are clean without skipLibCheck, with the libraries %s',
    (_, lib) => {
      const host = join(packed.host, 'host.ts');
      writeFileSync(
        host,
        `import { Engine, saliency, type Heatmap } from 'gradlens';
       import net from 'gradlens/weights/${DEFAULT_MODEL}';
       export async function map(image: ImageBitmap, device: GPUDevice): Promise<Heatmap> {
         const engine = await Engine.create({ device });
         const model = await engine.load(net);
         return saliency(model, image, { class: 'top1' });
       }`,
      );
      const program = ts.createProgram([host], {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        lib: [...lib],
        types: [fileURLToPath(new URL('../../node_modules/@webgpu/types', import.meta.url))],
        strict: true,
        skipLibCheck: false,
        noEmit: true,
      });
      expect(
        ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
      ).toEqual([]);
    },
    120_000,
  );
});

describe('size', () => {
  /** Bytes, gzipped, that an app loads before it calls anything. */
  async function closure(code: string): Promise<number> {
    const { outputFiles, metafile } = await esbuild.build({
      stdin: { contents: code, resolveDir: packed.host },
      bundle: true,
      minify: true,
      splitting: true,
      format: 'esm',
      outdir: join(packed.host, 'out'),
      write: false,
      metafile: true,
      external: ['node:*', 'webgpu', 'sharp'],
    });
    const { outputs } = metafile;
    // a set may grow while it is walked
    const needed = new Set(Object.keys(outputs).filter((path) => outputs[path]!.entryPoint === '<stdin>'));
    for (const path of needed)
      for (const { kind, path: imported } of outputs[path]!.imports)
        if (kind === 'import-statement') needed.add(imported);
    return outputFiles
      .filter(({ path }) => [...needed].some((name) => path.endsWith(name.split('/').at(-1)!)))
      .reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
  }

  // the compiler and the kernels are fetched with the first model
  test.each([
    ['import { Engine } from "gradlens"; console.log(Engine);', 22_500],
    ['import { Engine, saliency } from "gradlens"; console.log(Engine, saliency);', 26_000],
    ['import { GradlensError } from "gradlens"; console.log(GradlensError);', 7_500],
    ['import "gradlens";', 100],
    ['import "gradlens/element";', 26_500],
    [`import net from "gradlens/weights/${DEFAULT_MODEL}"; console.log(net);`, 400],
  ])('%s is at most %d bytes', async (code, most) => {
    expect(await closure(code)).toBeLessThan(most);
  });
});

describe('a page without a bundler, with an import map of one line,', () => {
  const PAGE = `<!doctype html><link rel="icon" href="data:,">
  <script type="importmap">{ "imports": { "gradlens": "/node_modules/gradlens/dist/lib/index.js" } }</script>
  <script type="module">
    import { Engine, saliency } from 'gradlens';
    window.scoresOf = async (source, [C, H, W], settings) => {
      const engine = await Engine.create(settings);
      const model = await engine.load(source);
      const data = Float32Array.from({ length: C * H * W }, (_, i) => Math.sin(i));
      const map = await saliency(model, { data, shape: [C, H, W] }, { class: 'top1' });
      engine.dispose();
      return { largest: Math.max(...map.data), class: map.class };
    };
  </script>`;
  const ELEMENT = `<!doctype html><link rel="icon" href="data:,">
  <script type="importmap">{ "imports": { "gradlens/element": "/node_modules/gradlens/dist/lib/element.js" } }</script>
  <script type="module">import 'gradlens/element';</script>
  <gradlens-map src="church.jpg" model="imagenette-128-robust" class="church" style="width: 300px"></gradlens-map>`;

  let served: Awaited<ReturnType<typeof serve>>;
  let host: string;
  beforeAll(async () => {
    writeFileSync(join(packed.host, 'page.html'), PAGE);
    writeFileSync(join(packed.host, 'element.html'), ELEMENT);
    copyFileSync('test/fixtures/squeezenet1_1.onnx', join(packed.host, 'net.onnx'));
    copyFileSync('samples/imagenette/church.jpg', join(packed.host, 'church.jpg'));
    served = await serve(packed.root);
    host = `${served.address}${basename(packed.host)}/`;
  });
  afterAll(() => served.close());

  test.each([
    ['an ONNX file', 'net.onnx', [3, 64, 64]],
    ['a shipped net by its name', DEFAULT_MODEL, [3, 64, 64]],
  ])(
    'loads %s, and has its map',
    async (_, source, shape) => {
      await using opened = await chromiumPage();
      const { page, errors } = opened;
      await page.goto(`${host}page.html`);
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

  test('keeps nothing in its origin if caches are off, and else the model', async () => {
    await using opened = await chromiumPage();
    const { page } = opened;
    await page.goto(`${host}page.html`);
    const kept = await page.evaluate(async (name) => {
      type Host = { scoresOf(source: string, shape: number[], settings: object): Promise<unknown> };
      const { scoresOf } = window as unknown as Host;
      for (const cache of await caches.keys()) await caches.delete(cache);
      const found: unknown[] = [];
      for (const settings of [{ caches: false }, {}]) {
        await scoresOf(name, [3, 64, 64], settings);
        found.push([await caches.keys(), (await indexedDB.databases()).map((database) => database.name)]);
      }
      return found;
    }, DEFAULT_MODEL);
    expect(kept).toEqual([
      [[], []],
      [['gradlens-models'], []],
    ]);
  }, 120_000);

  test('shows a map by the custom element, anew where an attribute changes, and says what is wrong', async () => {
    await using opened = await chromiumPage();
    const { page, errors } = opened;
    await page.goto(`${host}element.html`);
    const [first, second, wrong] = await page.evaluate(async () => {
      type Shown = HTMLElement & { map?: { class: number; data: Float32Array } };
      const element = document.querySelector('gradlens-map') as Shown;
      const next = async (name: string) => {
        const event = await new Promise<CustomEvent>((resolve) =>
          ['map', 'error'].forEach((type) =>
            element.addEventListener(type, (sent) => resolve(sent as CustomEvent), { once: true }),
          ),
        );
        if (event.type !== name) throw event.detail;
        const canvas = element.shadowRoot!.querySelector('canvas')!;
        const { message } = event.detail as { message?: string };
        return [message ?? canvas.getAttribute('aria-label'), element.map!.class, canvas.width, canvas.clientWidth];
      };
      const drawn = element.map ? undefined : next('map');
      const shown = [await drawn];
      element.setAttribute('class', '8');
      shown.push(await next('map'));
      element.setAttribute('class', 'nothing');
      shown.push(await next('error'));
      return shown;
    });
    expect(first).toEqual(['where the score of church is most sensitive', 4, 480, 300]);
    expect(second).toEqual(['where the score of golf ball is most sensitive', 8, 480, 300]);
    expect(wrong![0]).toContain("class is 'nothing'");
    expect(errors).toEqual([]);
  }, 120_000);
});
