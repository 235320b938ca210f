/** Files that mean harm, or are not what their name says. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MOST_MANIFEST_BYTES } from '../../src/formats/checks';
import { readLabels } from '../../src/formats/labels';
import { readManifest } from '../../src/formats/native';
import { readOnnx } from '../../src/formats/onnx';
import { openModel } from '../../src/formats/open';
import { recogniseFile, recogniseFormat } from '../../src/formats/recognise';
import { writeSafetensors } from '../../src/formats/safetensors';
import { loadModelFile } from '../../src/load';
import { refusal } from './errors';
import { secondsUsed } from './guard';
import { external, floats, node, onnxFile } from './models';

const ascii = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'latin1'));
const none = (): never => {
  throw new Error('nothing should be fetched');
};
const chosen = (name: string, bytes: Uint8Array<ArrayBuffer>): File => new File([bytes], name);

describe('whatever is in a model.json, it is answered within two seconds and 128 MB', () => {
  const keys = (count: number): string => Array.from({ length: count }, (_, i) => `"k${i}":0`).join(',');
  const bombs: readonly (readonly [title: string, text: () => string, message: RegExp])[] = [
    ['60 MB of {},{}', () => `{"nodes":[${'{},'.repeat(20e6)}{}]}`, /has 60\d+ bytes; at most/],
    ['10 MB of [[[[', () => `{"a":${'['.repeat(10e6)}`, /nests deeper than 32/],
    ['as many values as fit', () => `{"nodes":[${'{},'.repeat(5e6)}{}]}`, /holds more than 500000 values/],
    ['half a million numbers', () => `{"nodes":[${'1,'.repeat(499_000)}1]}`, /format is missing/],
    ['a quarter of a million keys', () => `{${keys(249_000)}}`, /format is missing/],
    ['objects in each other', () => '{"a":'.repeat(1e6), /nests deeper than 32/],
    ['one text of 16 MB', () => `{"name":"${'e'.repeat(16e6)}"}`, /format is missing/],
    ['a text without an end', () => `{"name":"${'\\"'.repeat(8e6)}`, /is not JSON|is not a JSON string/],
    ['a format of long text', () => `{"format":"${'x'.repeat(16e6)}"}`, /name is missing/],
  ];

  test.each(bombs)('%s', (_title, text, message) => {
    const bytes = ascii(text());
    const before = secondsUsed();
    refusal(() => readManifest(bytes), 'model-format', message);
    expect(secondsUsed() - before).toBeLessThan(2);
  });

  const bundle = (from: string, to: string): string => `
    import { build } from 'vite';
    await build({ configFile: false, logLevel: 'error', build: { write: true, minify: false, target: 'node20',
      lib: { entry: ${JSON.stringify(join(process.cwd(), from))}, formats: ['es'], fileName: () => 'native.mjs' },
      outDir: ${JSON.stringify(join(to, '..'))}, emptyOutDir: false } });`;

  // in a process of its own, whose largest memory is its own
  test('memory', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gradlens-bomb-'));
    const build = join(folder, 'native.mjs');
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', bundle('src/formats/native.ts', build)],
      { encoding: 'utf8' },
    );
    expect([status, stderr]).toEqual([0, '']);
    for (const [title, text, message] of bombs) {
      const file = join(folder, 'model.json');
      writeFileSync(file, text(), 'latin1');
      const run = `
        import { readFileSync } from 'node:fs';
        const { readManifest } = await import(${JSON.stringify(build)});
        const bytes = new Uint8Array(readFileSync(${JSON.stringify(file)}));
        const before = process.resourceUsage().maxRSS;
        try { readManifest(bytes); } catch (error) { console.log(error.message); }
        console.log((process.resourceUsage().maxRSS - before) / 1024);`;
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', run], { encoding: 'utf8' });
      const [told = '', mebibytes] = stdout.trim().split('\n');
      expect(told, title).toMatch(message);
      expect(Number(mebibytes), `${title}: MiB`).toBeLessThan(128);
    }
  });

  test('a key that is given twice is refused', () => {
    refusal(
      () => readManifest(ascii('{"format":"gradlens/1","format":"gradlens/1"}')),
      'model-format',
      /model\.json: has the key "format" twice/,
    );
    refusal(() => readManifest(ascii('{"a":"\xff"}')), 'model-format', /model\.json: is not UTF-8/);
  });

  test('a manifest of ten thousand nodes is within the limits', () => {
    const one = { op: 'conv', name: 'layer1.0.conv1', inputs: ['layer1.0.relu'], kernel: [3, 3], pads: [1, 1, 1, 1] };
    const nodes = new Array(10_000).fill({ ...one, stride: [2, 2], weight: 'layer1.0.conv1.weight', bias: 'b' });
    const text = JSON.stringify(
      { nodes, labels: new Array(22_000).fill('a label of some length, with synonyms') },
      null,
      1,
    );
    expect(text.length).toBeLessThan(MOST_MANIFEST_BYTES);
    refusal(() => readManifest(ascii(text)), 'model-format', /format is missing/);
  });

  test('lists of labels have limits, too', () => {
    refusal(() => readLabels('['.repeat(1e6), 'labels.json'), 'model-format', /labels\.json: nests deeper/);
    refusal(
      () => readLabels('\n'.repeat(2 ** 21) + 'a', 'labels.txt'),
      'model-format',
      /labels\.txt: has 2097153 lines/,
    );
    refusal(() => readLabels('["a", 1]', 'labels.json'), 'model-format', /is no list of names/);
    expect(readLabels(' a \r\n\r\nb\n\n', 'labels.txt')).toEqual(['a', '', 'b']);
  });
});

describe('files that are not what their name says', () => {
  const lfs = ascii('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 575\n');
  const page = ascii('\n<!DOCTYPE html><html><head><title>Sign in</title>');
  const weights = writeSafetensors(new Map([['w', { shape: [1], data: Float32Array.of(1) }]]), 'F32');

  test.each([
    ['a Git LFS pointer', lfs, 'lfs-pointer', /this is a Git LFS pointer, .*git lfs pull/],
    ['an HTML page', page, 'html', /this is an HTML page, not a model/],
    ['weights', weights, 'safetensors', /this is a safetensors file, which holds weights only; choose its model\.json/],
    ['anything else', ascii('hello'), 'unknown', /this is neither an ONNX model nor a gradlens model\.json/],
  ] as const)('%s is named as such', async (_title, bytes, format, message) => {
    expect(recogniseFormat(bytes)).toBe(format);
    expect(await recogniseFile(new Blob([bytes]))).toBe(format);
    for (const source of [bytes, new Blob([bytes]), [chosen('net.onnx', bytes)]])
      await expect(loadModelFile(source, none, {})).rejects.toMatchObject({
        code: 'model-format',
        message: expect.stringMatching(message),
      });
    await expect(openModel(bytes)).rejects.toThrow(message);
  });

  test('among several files the one that tells most is named', async () => {
    const files = [chosen('a.bin', ascii('hello')), chosen('b.safetensors', weights)];
    await expect(loadModelFile(files, none, {})).rejects.toThrow(/b\.safetensors is a safetensors file, .*model\.json/);
    await expect(loadModelFile([chosen('a', ascii('x')), chosen('b', ascii('y'))], none, {})).rejects.toThrow(
      'none of a, b is an ONNX model',
    );
  });

  test('a pointer or a page instead of weights is named', async () => {
    const { writeManifest } = await import('../../src/formats/native');
    const { selfTestCase } = await import('../../src/model/selfTest');
    const { graph } = selfTestCase();
    const { C, H, W } = graph.input.extents;
    const input = { width: W, height: H, channels: C as 3, order: 'RGB', scale: 1, resize: 'squash' } as const;
    const spec = { ...input, mean: new Array(C).fill(0), std: new Array(C).fill(1) };
    const bytes = writeSafetensors(graph.weights, 'F32');
    const text = await writeManifest({ graph, input: spec, labels: [], provenance: {} }, { file: 'w', bytes });
    const files = [chosen('model.json', ascii(text)), chosen('w', lfs)];
    await expect(loadModelFile(files, none, {})).rejects.toThrow(
      /w: has 66 bytes; the manifest says .*Git LFS pointer/,
    );
  });
});

describe('files that a user chose', () => {
  const nodes = [node('Conv', ['x', 'w'], 'y')];

  test('an ONNX model with long texts before its graph loads', async () => {
    const file = onnxFile({ nodes, tensors: [floats('w', [3, 2, 1, 1])] });
    const text = new Uint8Array(2 ** 20).fill(0x61);
    // doc_string, field 6, of 2²⁰ bytes
    const long = new Uint8Array(await new Blob([Uint8Array.of(0x32, 0x80, 0x80, 0x40), text, file]).arrayBuffer());
    expect(recogniseFormat(long)).toBe('onnx');
    expect(await recogniseFile(new Blob([long]))).toBe('onnx');
    for (const source of [
      long,
      new Blob([long]),
      [chosen('a.onnx', long)],
      [chosen('a.onnx', long), chosen('b', text)],
    ])
      expect((await loadModelFile(source, none, {})).graph.nodes[0]).toMatchObject({ op: 'conv' });
  });

  test.each(['ext.bin', 'model.onnx_data', 'conv1.weight', 'w.data', 'no ending'])(
    'weights in %s, whatever they look like',
    async (name) => {
      const model = onnxFile({ nodes, tensors: [external('w', [1, 2, 1, 1], { location: name })] });
      // 0x3a begins an ONNX graph, 0x7b a JSON object
      for (const first of [0, 0x3a, 0x7b]) {
        const weights = new Uint8Array(8);
        weights[0] = first;
        const files = [chosen(name, weights), chosen('net.onnx', model)];
        expect((await loadModelFile(files, none, {})).graph.weights.get('w')!.data).toHaveLength(2);
      }
    },
  );
});

test('names from a file index no table of ours by accident', () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    const tensors = [floats('r', []), floats('s', [4], [1, 1, 2, 2])];
    const read = (op: string, attributes: object) => () =>
      readOnnx(onnxFile({ nodes: [node(op, ['x', 'r', 's'], 'y', attributes as never)], tensors }));
    const resize = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    for (const attribute of Object.keys(resize))
      refusal(
        read('Resize', { ...resize, [attribute]: name }),
        'unsupported-op',
        new RegExp(`its ${attribute} is "${name}"; supported: `),
      );
    refusal(read('Pad', { mode: name }), 'unsupported-op', new RegExp(`its mode is "${name}"; supported: constant`));
  }
});

test('the order in which a max pool counts its indices is of no effect: nobody may read them', () => {
  const pool = (more: object) =>
    readOnnx(onnxFile({ nodes: [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], ...more })] })).graph;
  expect(pool({ storage_order: 1 }).nodes).toEqual(pool({}).nodes);
  const both = node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], storage_order: 1 });
  refusal(
    () => readOnnx(onnxFile({ nodes: [{ ...both, output: ['y', 'i'] }, node('Relu', ['i'], 'z')] })),
    'unsupported-op',
    /its output "i" is read; supported: reading its first output/,
  );
});

test('the shipped manifests pass', () => {
  for (const name of ['imagenette-128', 'imagenette-128-robust'])
    expect(readManifest(readFileSync(`weights/${name}/model.json`)).name).toBe(name);
});
