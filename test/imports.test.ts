import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const files = ['src', 'shaders']
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));

/** Modules that a file imports: paths of ours as they lie in the repository, packages by name. */
const importsOf = (file: string): string[] =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /^\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'|^import\s+'([^']+)'/gm,
    ),
  ]
    .map(([, from, dynamic, bare]) => (from ?? dynamic ?? bare)!)
    .map((name) => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name));

/** From the top down: a layer may import from its own and from those below it. */
const LAYERS: readonly (readonly [name: string, RegExp])[] = [
  ['demo and cli', /^src\/(demo|cli)\//],
  ['node', /^src\/node\//],
  ['index', /^src\/index$/],
  ['methods', /^src\/methods\//],
  ['model and engine', /^src\/(engine|model|scores|load|download)$|^src\/model\//],
  ['gpu and formats', /^src\/(gpu|formats)\//],
  ['compile', /^src\/compile(\/|$)/],
  ['graph', /^src\/graph$/],
  ['ops', /^src\/ops(\/|$)/],
  ['variants', /^src\/variants\//],
  [
    'plain',
    /^src\/(image|segmentation)\/|^src\/(environment|shape|errors|check|compare|finite|options|random|publicModels)$/,
  ],
  ['shaders', /^shaders\//],
];
const layerOf = (path: string): number => LAYERS.findIndex(([, pattern]) => pattern.test(path.replace(/\.ts$/, '')));

test('every file has a layer', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
});

test('imports point one way: demo, cli → index → methods → model → gpu → compile → graph → ops → variants → shaders', () => {
  const upwards = files.flatMap((file) =>
    importsOf(file)
      .filter((path) => /^(src|shaders)\//.test(path) && layerOf(path) < layerOf(file))
      .map((path) => `${file} → ${path}`),
  );
  expect(upwards).toEqual([]);
});

test('no file imports itself, by whatever way round', () => {
  const known = new Set(files);
  const next = new Map(
    files.map((file) => [
      file,
      importsOf(file).flatMap((path) => [`${path}.ts`, `${path}/index.ts`].filter((candidate) => known.has(candidate))),
    ]),
  );
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
    .filter((path) => /^(src\/(?!formats\/|ops\/|graph|errors|finite|shape)|shaders\/(?!curves))/.test(path));
  expect(found).toEqual([]);
});

test('the readers of files are loaded when a file of theirs comes, not with the entry', () => {
  const needed = new Set(['src/index.ts']);
  for (const file of needed) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\s+(?!type\b)[^'"`;]*?from\s+'(\.[^']+)'/gm,
    )) {
      const path = normalize(join(dirname(file), name!));
      needed.add(files.find((known) => known === `${path}.ts` || known === `${path}/index.ts`) ?? path);
    }
  }
  expect(needed.size).toBeGreaterThan(60);
  expect(
    [...needed].filter((file) =>
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

test('only the engine, the model, gpu, node, the demo and the type of a picture name a type of WebGPU', () => {
  const allowed = /^src\/(gpu|node|demo|cli)\/|^src\/(engine|model|image\/pixels)\.ts$/;
  const code = (file: string): string => readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
  expect(files.filter((file) => !allowed.test(file) && /\bGPU[A-Z]\w+/.test(code(file)))).toEqual([]);
});
