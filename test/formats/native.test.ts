import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Graph, GraphNode, ModelFile } from '../../src/graph';
import modelSchema from '../../src/formats/model.schema.json' with { type: 'json' };
import { parseManifest, readNative, writeManifest, type Manifest } from '../../src/formats/native';
import { readOnnx } from '../../src/formats/onnx';
import { writeSafetensors } from '../../src/formats/safetensors';
import { ops } from '../../src/ops';
import { mixedGraph } from '../oracle/mixedGraph';
import { oracleOf } from '../oracle/operators';
import { seededRandom } from '../oracle/random';
import { Builder } from '../oracle/randomGraph';
import { asyncRefusal, refusal } from './errors';

const window = { kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1], dilation: [1, 1] } as const;
const vector = { shape: [2], data: Float32Array.of(1, 2) };
const norm = { scale: 's', bias: 's', mean: 's', variance: 's' };

/** Nodes of many kinds, one behind the other. */
const model: ModelFile = {
  graph: {
    name: 'tiny',
    input: { name: 'image', extents: { C: 3, H: 8, W: 8 } },
    nodes: [
      { op: 'conv', name: 'conv', inputs: ['image'], ...window, groups: 1, weight: 'w', bias: 's' },
      { op: 'batchNorm', name: 'norm', inputs: ['conv'], ...norm, epsilon: 1e-5 },
      { op: 'relu', name: 'relu', inputs: ['norm'] },
      { op: 'maxPool', name: 'max', inputs: ['relu'], kernel: [2, 2], stride: [2, 2], ceil: true },
      { op: 'averagePool', name: 'mean', inputs: ['relu'], kernel: [2, 2], stride: [2, 2], countPadding: true },
      { op: 'add', name: 'sum', inputs: ['max', 'mean'] },
      { op: 'concat', name: 'both', inputs: ['sum', 'mean'] },
      { op: 'clip', name: 'a1', inputs: ['both'], min: 0, max: 6 },
      { op: 'leakyRelu', name: 'a2', inputs: ['a1'], slope: 0.1 },
      { op: 'prelu', name: 'a3', inputs: ['a2'], slope: 's4' },
      { op: 'elu', name: 'a4', inputs: ['a3'], alpha: 1 },
      { op: 'sigmoid', name: 'a5', inputs: ['a4'] },
      { op: 'hardSigmoid', name: 'a6', inputs: ['a5'], alpha: 0.2, beta: 0.5 },
      { op: 'hardSwish', name: 'a7', inputs: ['a6'] },
      { op: 'swish', name: 'a8', inputs: ['a7'] },
      { op: 'sqrt', name: 'r1', inputs: ['a8'] },
      { op: 'reciprocal', name: 'r2', inputs: ['r1'] },
      { op: 'lrn', name: 'a9', inputs: ['r2'], size: 5, alpha: 1e-4, beta: 0.75, k: 1 },
      { op: 'affine', name: 'b1', inputs: ['a9'], scale: 's4', bias: 's4' },
      { op: 'affine', name: 'b2', inputs: ['b1'], bias: 's4' },
      { op: 'slice', name: 'b3', inputs: ['b2'], begin: [0, 1, 0], step: [1, -1, 1], extents: [4, 2, 1] },
      { op: 'pad', name: 'b4', inputs: ['b3'], before: [0, 0, 0], after: [0, 0, 1], mode: 'constant', value: 1 },
      {
        op: 'resize',
        name: 'b5',
        inputs: ['b4'],
        size: [4, 4],
        scale: [2, 2],
        mode: 'nearest',
        coordinates: 'asymmetric',
        rounding: 'floor',
      },
      { op: 'transpose', name: 'b6', inputs: ['b5'], order: ['C', 'W', 'H'] },
      { op: 'reshape', name: 'b7', inputs: ['b6'], extents: [4, 2, 8] },
      { op: 'reduce', name: 'b8', inputs: ['b7'], kind: 'mean', axes: ['H', 'W'] },
      { op: 'expand', name: 'b9', inputs: ['b8'], extents: [4, 2, 8] },
      { op: 'multiply', name: 'product', inputs: ['b9', 'b7'] },
      { op: 'globalMaxPool', name: 'top', inputs: ['product'] },
      { op: 'globalAveragePool', name: 'global', inputs: ['top'] },
      { op: 'identity', name: 'drop', inputs: ['global'] },
      { op: 'flatten', name: 'flat', inputs: ['drop'] },
      { op: 'fullyConnected', name: 'scores', inputs: ['flat'], weight: 'fc' },
      { op: 'logSoftmax', name: 'logarithms', inputs: ['scores'] },
      { op: 'softmax', name: 'probabilities', inputs: ['scores'] },
    ],
    output: 'probabilities',
    weights: new Map([
      ['w', { shape: [2, 3, 3, 3], data: new Float32Array(54).fill(0.5) }],
      ['s', vector],
      ['s4', { shape: [4], data: new Float32Array(4) }],
      ['fc', { shape: [2, 4], data: new Float32Array(8) }],
    ]),
  },
  input: {
    width: 8,
    height: 8,
    channels: 3,
    order: 'RGB',
    scale: 1 / 255,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    resize: 'crop',
  },
  labels: ['cat', 'dog'],
  provenance: { licence: 'MIT', accuracy: { top1: 0.9 } },
};
const bytes = writeSafetensors(model.graph.weights, 'F32');
const text = await writeManifest(model, { file: 'tiny.safetensors', bytes });
const manifest = (): Manifest => JSON.parse(text);

test('examples of every operator are read back as they were', async () => {
  const net = new Builder(seededRandom(1), model.graph.input.extents);
  for (const op of Object.keys(ops) as GraphNode['op'][])
    for (const example of oracleOf(op).examples) net.add(example(net, 'input'));
  const graph = net.graph('examples', 'input');
  const weights = writeSafetensors(graph.weights, 'F32');
  const examples = await writeManifest({ ...model, graph }, { file: 'a.safetensors', bytes: weights });
  expect((await readNative(parseManifest(JSON.parse(examples)), weights)).graph).toEqual(graph);
});

test('a model is read back as it was', async () => {
  expect(await readNative(parseManifest(manifest()), bytes)).toEqual(model);
});

const FIXTURES = join(import.meta.dirname, '../fixtures');
const imported = readdirSync(FIXTURES)
  .filter((file) => file.endsWith('.onnx'))
  .map((file): [string, Graph] => [file, readOnnx(readFileSync(join(FIXTURES, file))).graph]);
// pictures have one channel or three
const mixed = Array.from({ length: 100 }, (_, seed): [string, Graph] => [
  `mixed graph ${seed}`,
  mixedGraph(seed),
]).filter(([, { input }]) => input.extents.C === 3);

test.each([...imported, ...mixed])('%s is written and read back as it was', async (_, graph) => {
  const { H, W } = graph.input.extents;
  const weights = writeSafetensors(graph.weights, 'F32');
  const manifest = await writeManifest(
    { ...model, graph, input: { ...model.input!, width: W, height: H } },
    { file: 'a.safetensors', bytes: weights },
  );
  expect((await readNative(parseManifest(JSON.parse(manifest)), weights)).graph).toEqual(graph);
});

describe('a manifest is refused with the path, what it is and what would be right', () => {
  type Path = readonly (string | number)[];
  /** The manifest with one field replaced, or removed where the value is undefined. */
  const broken = (path: Path, value: unknown): unknown => {
    const json = manifest() as unknown;
    const last = path.at(-1)!;
    const owner = path.slice(0, -1).reduce<any>((object, key) => object[key], json);
    if (value === undefined) delete owner[last];
    else owner[last] = value;
    return json;
  };

  test.each<[Path, unknown, RegExp]>([
    [['format'], 'gradlens/2', /model\.json: format is "gradlens\/2"; it should be "gradlens\/1"/],
    [['format'], undefined, /model\.json: format is missing; it should be "gradlens\/1"/],
    [['name'], '', /name is ""; it should be the model's name/],
    [['extra'], 1, /extra is unknown; known here are/],
    [['constructor'], 1, /constructor is unknown/],
    [['input'], undefined, /input is missing; it should be an object/],
    [['input'], [], /input is \[\]; it should be an object/],
    [['input', 'width'], 0, /input\.width is 0; it should be a whole number from 1/],
    [['input', 'height'], 7.5, /input\.height is 7\.5; it should be a whole number from 1/],
    [['input', 'channels'], 4, /input\.channels is 4; it should be 1 or 3/],
    [['input', 'order'], 'GBR', /input\.order is "GBR"; it should be "RGB" or "BGR"/],
    [['input', 'scale'], Infinity, /input\.scale is Infinity; it should be a finite number/],
    [['input', 'mean'], [0], /input\.mean has 1 numbers; the input has 3 channels/],
    [['input', 'mean', 1], 'x', /input\.mean\[1\] is "x"; it should be a finite number/],
    [['input', 'std', 2], 0, /input\.std\[2\] is 0; it should be a number above 0/],
    [['input', 'resize'], 'stretch', /input\.resize is "stretch"/],
    [['labels', 1], 3, /labels\[1\] is 3; it should be a string/],
    [['nodes'], [], /nodes is \[\]; it should be a list of one node or more/],
    [
      ['nodes', 0, 'op'],
      'convolution',
      /nodes\[0\] is \{ "op": "convolution".* it should be a node whose op is abs, acos/,
    ],
    [['nodes', 0, 'kernel'], [3], /nodes\[0\]\.kernel is \[3\]; it should be two whole numbers from 1, \[y, x\]/],
    [['nodes', 0, 'kernel', 1], 0, /nodes\[0\]\.kernel\[1\] is 0/],
    [['nodes', 0, 'pads', 3], -1, /nodes\[0\]\.pads\[3\] is -1; it should be a whole number from 0/],
    [
      ['nodes', 0, 'weight'],
      undefined,
      /nodes\[0\]\.weight is missing; it should be the name of a tensor in the weights file/,
    ],
    [
      ['nodes', 2, 'inputs'],
      ['norm', 'conv'],
      /nodes\[2\]\.inputs is \["norm", "conv"\]; it should be a list of one tensor name/,
    ],
    [['nodes', 2, 'kernel'], [3, 3], /nodes\[2\]\.kernel is unknown; known here are op, name, inputs/],
    [
      ['nodes', 5, 'inputs'],
      ['max'],
      /nodes\[5\]\.inputs is \["max"\]; it should be a list of two to five tensor names/,
    ],
    [['nodes', 1, 'epsilon'], -1, /nodes\[1\]\.epsilon is -1/],
    [
      ['nodes', 1, 'inputs', 0],
      'relu',
      /nodes\[1\]\.inputs reads "relu" for "norm"; neither the input nor a node before it writes that/,
    ],
    [['nodes', 1, 'name'], 'conv', /nodes\[1\]\.name is "conv", which is written already/],
    [['nodes', 0, 'name'], 'image', /nodes\[0\]\.name is "image", which is written already/],
    [['output'], 'nothing', /output is "nothing", which no node writes/],
    [
      ['weights', 'file'],
      '../secret.safetensors',
      /weights\.file is "\.\.\/secret\.safetensors"; it should be a plain file name/,
    ],
    [['weights', 'file'], '..', /it should be a plain file name/],
    [['weights', 'bytes'], -1, /weights\.bytes is -1/],
    [['weights', 'sha256'], 'ABC', /it should be the file's SHA-256, 64 lower-case/],
    [['provenance'], 'unknown', /provenance is "unknown"; it should be an object/],
  ])('%j = %j', (path, value, message) => {
    refusal(() => parseManifest(broken(path, value)), 'model-format', message);
  });

  test.each([[null], [undefined], ['text'], [[]], [7]])('%j as the whole', (json) => {
    refusal(() => parseManifest(json), 'model-format', /the file is .*; it should be a JSON object, the manifest/);
  });

  test('a value nested beyond the call stack is still only quoted', () => {
    const deep = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)) as unknown;
    refusal(() => parseManifest(broken(['nodes', 0], deep)), 'model-format', /nodes\[0\] is \[\[…\]\]/);
  });
});

describe('weights', () => {
  test('of another size or another content are refused', async () => {
    const other = bytes.slice();
    other[other.length - 1]! ^= 1;
    await asyncRefusal(
      () => readNative(manifest(), bytes.subarray(1)),
      'model-format',
      /tiny\.safetensors: has \d+ bytes; the manifest says \d+/,
    );
    await asyncRefusal(
      () => readNative(manifest(), other),
      'model-format',
      /its SHA-256 is [0-9a-f]{64}; the manifest says/,
    );
  });

  const reading = async (weights: ModelFile['graph']['weights']): Promise<ModelFile> => {
    const file = writeSafetensors(weights, 'F32');
    return readNative(
      parseManifest(JSON.parse(await writeManifest(model, { file: 'a.safetensors', bytes: file }))),
      file,
    );
  };

  test('that a node names must be there', async () => {
    await asyncRefusal(
      () => reading(new Map([['w', vector]])),
      'model-format',
      /a\.safetensors: does not hold the weight "s", which "conv" reads as its bias/,
    );
  });

  test('that are not finite are refused', async () => {
    const weights = new Map(model.graph.weights).set('fc', { shape: [2], data: Float32Array.of(0, NaN) });
    await asyncRefusal(() => reading(weights), 'model-format', /weight "fc": element 1 is NaN/);
  });
});

test('a model without preparation, or with another size, cannot be written', async () => {
  const weights = { file: 'a.safetensors', bytes };
  await asyncRefusal(
    () => writeManifest({ graph: model.graph, labels: [], provenance: {} }, weights),
    'model-format',
    /no input preparation/,
  );
  await asyncRefusal(
    () => writeManifest({ ...model, input: { ...model.input!, width: 9 } }, weights),
    'model-format',
    /prepares 3×8×9; its graph takes 3×8×8/,
  );
  await asyncRefusal(
    () => writeManifest(model, { ...weights, file: 'a/b' }),
    'model-format',
    /weights\.file is "a\/b"/,
  );
});

test('the schema uses no keyword that its reader does not know', () => {
  const known = [
    '$schema',
    'title',
    'description',
    '$ref',
    '$defs',
    'oneOf',
    'const',
    'enum',
    'type',
    'minimum',
    'exclusiveMinimum',
    'minLength',
    'pattern',
    'items',
    'minItems',
    'maxItems',
    'properties',
    'required',
    'additionalProperties',
  ];
  const keywords = (schema: object): string[] =>
    Object.entries(schema).flatMap(([keyword, value]) => {
      const schemas: object[] = ['properties', '$defs'].includes(keyword)
        ? Object.values(value)
        : keyword === 'oneOf'
          ? value
          : keyword === 'items'
            ? [value]
            : [];
      return [keyword, ...schemas.flatMap(keywords)];
    });
  expect([...new Set(keywords(modelSchema))].filter((keyword) => !known.includes(keyword))).toEqual([]);
});
