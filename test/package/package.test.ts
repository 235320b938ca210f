/** The package as it was unpacked: what it exports, its types, its size, and a page that has nothing else. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
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

let packed: Packed;
let manifest: { exports: Record<string, string | { types: string; default: string }> };
beforeAll(() => {
  packed = pack();
  manifest = JSON.parse(readFileSync(join(packed.folder, 'package.json'), 'utf8'));
}, 240_000);
afterAll(() => packed.remove());

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
    entryPoints: ['index', 'node', 'cli', 'bench'].map((name) => join(packed.folder, `dist/lib/${name}.js`)),
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
  expect([...new Set(external.filter((name) => !name.startsWith('node:')))].sort()).toEqual(['sharp', 'webgpu']);
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
    ['import { Engine } from "gradlens"; console.log(Engine);', 30_000],
    ['import { Engine, saliency } from "gradlens"; console.log(Engine, saliency);', 36_000],
    ['import { GradlensError } from "gradlens"; console.log(GradlensError);', 3_000],
    ['import "gradlens";', 100],
  ])('%s is at most %d bytes', async (code, most) => {
    expect(await closure(code)).toBeLessThan(most);
  });
});

describe('a page without a bundler, with an import map of one line,', () => {
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

  let server: Server;
  beforeAll(async () => {
    writeFileSync(join(packed.host, 'page.html'), PAGE);
    copyFileSync('test/fixtures/squeezenet1_1.onnx', join(packed.host, 'net.onnx'));
    server = createServer(({ url = '' }, response) => {
      const path = new URL(url, 'http://host').pathname;
      const type = TYPES[extname(path)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type }).end(readFileSync(join(packed.host, path)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void server.close());

  test.each([
    ['an ONNX file', '/net.onnx', [3, 64, 64]],
    ['a shipped net by its name', DEFAULT_MODEL, [3, 128, 128]],
  ])(
    'loads %s, and has its map',
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
});
