import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { importsOf as imports, reachedFrom, sources } from './importGraph';

const files = sources();
const importsOf = (file: string): readonly string[] => imports(file, 'all');

/** From the top down: a layer may import from its own and from those below it. */
const LAYERS: readonly (readonly [name: string, RegExp])[] = [
  ['demo and cli', /^src\/(demo|cli)\//],
  ['node', /^src\/node\//],
  ['index', /^src\/(index|element(\/.*)?)$/],
  ['methods', /^src\/methods\//],
  ['model and engine', /^src\/(engine|model|scores|load|download)$|^src\/model\//],
  ['gpu and formats', /^src\/(gpu|formats)\//],
  ['compile', /^src\/compile(\/|$)/],
  ['graph', /^src\/graph$/],
  ['ops', /^src\/ops(\/|$)/],
  ['variants', /^src\/variants\//],
  ['plain', /^src\/(image|segmentation)\/|^src\/[^/]+$/],
  ['shaders', /^shaders\//],
];
const layerOf = (path: string): number => LAYERS.findIndex(([, pattern]) => pattern.test(path.replace(/\.ts$/, '')));

test('every file has a layer', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
});

test('imports point one way: demo, cli → index → methods → model → gpu → compile → … → shaders', () => {
  const upwards = files.flatMap((file) =>
    importsOf(file)
      .filter((path) => /^(src|shaders)\//.test(path) && layerOf(path) < layerOf(file))
      .map((path) => `${file} → ${path}`),
  );
  expect(upwards).toEqual([]);
});

test('no file imports itself, by whatever way round', () => {
  const known = new Set(files);
  const next = new Map(files.map((file) => [file, importsOf(file).filter((path) => known.has(path))]));
  // depth first; what is open is the way by which one came
  const open: string[] = [];
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string): void => {
    if (open.includes(file)) cycles.push([...open.slice(open.indexOf(file)), file].join(' → '));
    if (open.includes(file) || done.has(file)) return;
    open.push(file);
    next.get(file)!.forEach(visit);
    open.pop();
    done.add(file);
  };
  files.forEach(visit);
  expect(cycles).toEqual([]);
});

test('nothing imports the demo, the command line, the benchmark or the tests', () => {
  const found = files.flatMap((file) =>
    importsOf(file)
      .filter(
        (path) => /^(test|bench)\//.test(path) || (/^src\/(demo|cli)\//.test(path) && !/^src\/(demo|cli)\//.test(file)),
      )
      .map((path) => `${file} → ${path}`),
  );
  expect(found).toEqual([]);
});

test('formats know the graph and its operators, and nothing of devices or plans', () => {
  const found = files
    .filter((file) => file.startsWith('src/formats/'))
    .flatMap(importsOf)
    .filter((path) => /^(src\/(?!formats\/|ops\/|graph|errors|finite|shape)|shaders\/(?!curves|formulas))/.test(path));
  expect(found).toEqual([]);
});

test('the readers of files are loaded when a file of theirs comes, not with the entry', () => {
  const needed = reachedFrom('src/index.ts', 'first');
  expect(needed.size).toBeGreaterThan(60);
  expect(
    [...needed.keys()].filter((file) =>
      /formats\/(onnx|native|safetensors|npy|schema|model\.schema|imagenet)|download/.test(file),
    ),
  ).toEqual([]);
});

describe('shaders', () => {
  test('import nothing outside of their folder, but the preprocessor behind its tag', () => {
    const outside = files
      .filter((file) => file.startsWith('shaders/'))
      .flatMap((file) =>
        importsOf(file)
          .filter((path) => !path.startsWith('shaders/'))
          .map((path) => `${file} → ${path}`),
      );
    expect(outside).toEqual(['shaders/wgsl.ts → wgsl-preprocessor/wgsl-preprocessor.js']);
  });
});

/** What a file does, without what it says. */
const codeOf = (file: string): string => readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');

test('only the engine, the model and its recordings, gpu, node, the demo and pictures name a type of WebGPU', () => {
  const allowed =
    /^src\/(gpu|node|demo|cli)\/|^src\/(engine|model|model\/(probe|recordings|spread)|image\/pixels)\.ts$/;
  expect(
    files.filter((file) => !allowed.test(file) && /\bGPU[A-Z]\w+/.test(codeOf(file).replace(/'[^'\n]*'/g, ''))),
  ).toEqual([]);
});

test('GPU calls stand in src/gpu, and for Node where it gets its WebGPU', () => {
  const objects = 'Buffer|Texture|QuerySet|Sampler|BindGroup\\w*|ShaderModule|CommandEncoder|\\w*Pipeline\\w*|View';
  const calls = new RegExp(
    `\\.queue\\b|\\.(create(${objects})|begin(Compute|Render)Pass|set(Pipeline|BindGroup)|dispatchWorkgroups\\w*|` +
      'copy(Buffer|Texture|ExternalImage)To\\w+|writeBuffer|writeTexture|clearBuffer|resolveQuerySet|mapAsync|' +
      'getMappedRange|unmap|(push|pop)ErrorScope|onSubmittedWorkDone|importExternalTexture|' +
      'requestAdapter|requestDevice)\\(',
  );
  const inside = /^src\/gpu\/|^src\/node\/dawn\.ts$/;
  expect(files.filter((file) => !inside.test(file) && calls.test(codeOf(file)))).toEqual([]);
  expect(
    files.filter((file) => calls.test(codeOf(file))).length,
    'the pattern finds those that are there',
  ).toBeGreaterThan(8);
});
