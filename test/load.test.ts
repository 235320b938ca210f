import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { GradlensError } from '../src/errors';
import { MOST_FILE_BYTES } from '../src/formats/checks';
import { readOnnx } from '../src/formats/onnx';
import { presetSpec } from '../src/formats/preparation';
import { writeManifest } from '../src/formats/native';
import { writeSafetensors } from '../src/formats/safetensors';
import type { ModelFile } from '../src/graph';
import { type FetchBytes, type FetchOptions, loadModelFile } from '../src/load';
import { DEFAULT_MODEL, PUBLIC_MODELS } from '../src/publicModels';
import { fetchInNode } from '../src/node/files';
import type { LoadOptions } from '../src/options';
import { selfTestCase } from '../src/model/selfTest';
import { external, node, onnxFile } from './formats/models';

const { graph } = selfTestCase();
const file: ModelFile = {
  graph,
  input: {
    width: graph.input.extents.W,
    height: graph.input.extents.H,
    channels: 3,
    order: 'RGB',
    scale: 1 / 255,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    resize: 'squash',
  },
  labels: ['a', 'b', 'c', 'd', 'e'],
  provenance: {},
};
const weights = writeSafetensors(graph.weights, 'F32');
const manifest = new TextEncoder().encode(await writeManifest(file, { file: 'w.safetensors', bytes: weights }));
const asked: string[] = [];
const fetchBytes: FetchBytes = async (address) => {
  asked.push(address.href);
  return address.href.endsWith('model.json') ? manifest : weights;
};
const chosen = (name: string, bytes: Uint8Array<ArrayBuffer>): File => new File([bytes], name);

test('a model is found by a relative address, its weights beside it', async () => {
  const { labels } = await loadModelFile('some/model.json', fetchBytes, {});
  expect(labels).toEqual(file.labels);
  expect(asked.map((href) => href.split('/').slice(-2).join('/'))).toEqual(['some/model.json', 'some/w.safetensors']);
});

test('the net of an ONNX file is called as the file is; its graph is called as all of its exporter’s are', async () => {
  const onnx = Uint8Array.from(readFileSync('test/fixtures/squeezenet1_1.onnx'));
  const nameAt = async (source: string | File): Promise<string> =>
    (await loadModelFile(source, async () => onnx, {})).graph.name;
  expect(await nameAt(chosen('Grüne Äpfel 2.onnx', onnx))).toBe('Grüne Äpfel 2');
  expect(await nameAt('nets/my net.onnx?version=3')).toBe('my net');
  expect(await nameAt('nets/100%.onnx')).toBe('100%');
  const { graph } = await loadModelFile(new Blob([onnx]), async () => onnx, {});
  expect(graph.name).toBe(readOnnx(onnx).graph.name);
});

test('a shipped net that a bundler left behind says how it is taken along', async () => {
  const page = new TextEncoder().encode('<!doctype html><title>all</title>');
  const says =
    /everyday-64 is not beside the package; with a bundler, import net from 'gradlens\/weights\/everyday-64'/;
  await expect(loadModelFile('everyday-64', async () => page, {})).rejects.toThrow(says);
  const gone: FetchBytes = async ({ href }) => {
    throw new GradlensError('network', `${href}: 404`);
  };
  await expect(loadModelFile('everyday-64', gone, {})).rejects.toThrow(says);
  await expect(loadModelFile('elsewhere/model.json', gone, {})).rejects.toThrow(/model\.json: 404$/);
  const net = { manifest: 'http://host/model.json', weights: 'http://host/net.safetensors' };
  await expect(loadModelFile(net, gone, {})).rejects.toThrow(
    /copy its folder from gradlens\/weights\/ beside the page/,
  );
  await expect(loadModelFile(net, async () => page, {})).rejects.toThrow(/^[^;]*$/); // a file that is there, and wrong
});

test('a public model by its name is prepared as its authors say, though its file does not', async () => {
  const [name, { address, prep }] = Object.entries(PUBLIC_MODELS)[0]!;
  const onnx = readFileSync('test/fixtures/squeezenet1_1.onnx');
  const fetched: string[] = [];
  const found = await loadModelFile(name, async ({ href }) => (fetched.push(href), onnx), {});
  expect(fetched).toEqual([address]);
  expect(found.input).toEqual(presetSpec(prep, found.graph.input.extents));
});

test('a graph, a model file, bytes, and the two files that a user chose are models too', async () => {
  const none: FetchBytes = () => Promise.reject(new Error('nothing should be fetched'));
  expect((await loadModelFile(graph, none, {})).graph).toBe(graph);
  expect(await loadModelFile(file, none, {})).toBe(file);
  const both = [chosen('model.json', manifest), chosen('w.safetensors', weights)];
  expect((await loadModelFile(both, none, {})).graph.nodes).toEqual(graph.nodes);
  await expect(loadModelFile(manifest, none, {})).rejects.toThrow(
    "its weights are in 'w.safetensors', which was not given with it; choose both files",
  );
  await expect(loadModelFile(weights, none, {})).rejects.toThrow('choose its model.json');
  await expect(loadModelFile(new Blob(['hello']), none, {})).rejects.toMatchObject({ code: 'model-format' });
});

test('a net by the addresses of its two files, under whatever names a bundler gave them', async () => {
  const files = new Map([
    ['https://host.test/assets/model-1f.json', manifest],
    ['https://host.test/assets/net-2e.bin', weights],
  ]);
  const fetched: FetchBytes = async ({ href }) => files.get(href)!;
  const [at, beside] = [...files.keys()];
  const read = await loadModelFile({ manifest: new URL(at!), weights: beside! }, fetched, {});
  expect(read.graph.nodes).toEqual(graph.nodes);
  const wrong: FetchBytes = async ({ href }) => (href === at ? manifest : weights.slice(0, -4));
  await expect(loadModelFile({ manifest: at!, weights: beside! }, wrong, {})).rejects.toMatchObject({
    code: 'model-format',
  });
});

test('a name of a shipped or a public model is a model, with what is known of it', async () => {
  expect((await loadModelFile(DEFAULT_MODEL, fetchInNode, {})).labels).toHaveLength(200);
  const requests: FetchOptions[] = [];
  const stops: FetchBytes = async (address, options) => {
    requests.push({ ...options, within: address });
    throw new Error('enough');
  };
  await expect(loadModelFile('squeezenet1.1', stops, {})).rejects.toThrow('enough');
  const { address, bytes, sha256 } = PUBLIC_MODELS['squeezenet1.1']!;
  expect(requests).toMatchObject([{ within: new URL(address), expected: { bytes, sha256 } }]);
  await expect(loadModelFile('constructor', stops, {})).rejects.toThrow('enough'); // an address like any other
  expect(requests[1]!.expected).toBeUndefined();
});

describe('weights in other files', () => {
  const onnx = onnxFile({
    nodes: [node('Conv', ['x', 'w'], 'y')],
    tensors: [external('w', [1000, 2, 5, 6], { location: 'data/net.bin' })],
  });
  const bytes = new Uint8Array(1000 * 60 * 4);

  test('of files that a user chose, the one of that name counts, whatever its folder', async () => {
    const none: FetchBytes = () => Promise.reject(new Error('nothing should be fetched'));
    const { graph } = await loadModelFile([chosen('net.bin', bytes), chosen('net.onnx', onnx)], none, {});
    expect(graph.weights.get('w')!.data).toHaveLength(60_000);
    await expect(loadModelFile([chosen('net.onnx', onnx)], none, {})).rejects.toThrow(
      "its weights are in 'net.bin', which was not given with it; choose both files",
    );
    await expect(
      loadModelFile([chosen('net.onnx', onnx), chosen('net.bin', bytes), chosen('net.bin', bytes)], none, {}),
    ).rejects.toThrow('of which there are two');
    await expect(loadModelFile([chosen('a.onnx', onnx), chosen('b.onnx', onnx)], none, {})).rejects.toThrow(
      'a.onnx, b.onnx are 2 models; choose one',
    );
  });

  test('by an address they lie below the model’s folder', async () => {
    const hrefs: string[] = [];
    const fetched: FetchBytes = async (address, { within }) => {
      hrefs.push(address.href, within?.href ?? '');
      return address.pathname.endsWith('.onnx') ? onnx : bytes;
    };
    await loadModelFile('https://example.org/a/net.onnx?x=1', fetched, {});
    expect(hrefs).toEqual([
      'https://example.org/a/net.onnx?x=1',
      '',
      'https://example.org/a/data/net.bin',
      'https://example.org/a/',
    ]);
  });

  test('in Node they may not lie outside of the model’s folder, links followed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gradlens-load-'));
    mkdirSync(join(folder, 'model/data'), { recursive: true });
    writeFileSync(join(folder, 'model/net.onnx'), onnx);
    writeFileSync(join(folder, 'secret'), bytes);
    symlinkSync(join(folder, 'secret'), join(folder, 'model/data/net.bin'));
    const load = () => loadModelFile(pathToFileURL(join(folder, 'model/net.onnx')), fetchInNode, {});
    await expect(load()).rejects.toMatchObject({
      code: 'model-format',
      message: expect.stringContaining("lies outside of the model's folder once links are followed"),
    });
    unlinkSync(join(folder, 'model/data/net.bin'));
    await expect(load()).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('ENOENT') });
    writeFileSync(join(folder, 'model/data/net.bin'), bytes);
    expect((await load()).graph.nodes).toHaveLength(1);
  });

  test('a model of 1000 scores without names has ImageNet’s, and says whose they are', async () => {
    const { labels, provenance } = await loadModelFile(
      [chosen('net.bin', bytes), chosen('net.onnx', onnx)],
      fetchBytes,
      {},
    );
    expect([labels.length, labels[0], labels[291], labels[999]]).toEqual([1000, 'tench', 'lion', 'toilet tissue']);
    expect(provenance['labels']).toMatch(/ImageNet’s/);
  });
});

test('a file that is another one than expected is refused', async () => {
  const expected = { sha256: '0'.repeat(64) };
  await expect(loadModelFile(new Blob([manifest]), fetchBytes, { expected })).rejects.toMatchObject({
    code: 'model-format',
    message: expect.stringContaining('expected was 000'),
  });
});

describe('preparation and labels', () => {
  const guessed: ModelFile = { graph, guess: { prep: 'signed', reason: 'of a dream' }, labels: [], provenance: {} };

  test('the caller’s word counts before the file’s, and a guess only if the caller asks for it', async () => {
    const { createNodeEngine } = await import('../src/node');
    using engine = await createNodeEngine();
    const preparation = async (from: ModelFile, options: LoadOptions) => {
      using model = await engine.load(from, options);
      expect(model.input).toBe(model.preparation?.input ?? null);
      return model.preparation;
    };
    expect(await preparation(guessed, {})).toBeNull();
    expect(await preparation(guessed, { prep: 'guess' })).toMatchObject({
      by: 'guess',
      prep: 'signed',
      reason: 'of a dream',
      input: { mean: [0.5, 0.5, 0.5] },
    });
    expect(await preparation(guessed, { prep: 'caffe-bgr' })).toMatchObject({
      by: 'caller',
      prep: 'caffe-bgr',
      input: { order: 'BGR' },
    });
    expect(await preparation(file, { prep: 'guess' })).toEqual({ by: 'file', input: file.input });
    expect(await preparation(file, { prep: 'unit', input: file.input! })).toEqual({ by: 'caller', input: file.input });

    const labels = ['v', 'w', 'x', 'y', 'z'];
    using named = await engine.load(file, { labels });
    expect(named.labels).toEqual(labels);
    await expect(engine.load(file, { labels: ['one'] })).rejects.toThrow(
      'there are 1 labels; the network has 5 classes',
    );
  });
});

test('an address that is none, and a file that is not there, say so', async () => {
  await expect(loadModelFile('http://[', fetchBytes, {})).rejects.toMatchObject({
    code: 'network',
    message: "'http://[' is no address of a model",
  });
  const { createNodeEngine } = await import('../src/node');
  using engine = await createNodeEngine();
  await expect(engine.load('nowhere/model.json')).rejects.toMatchObject({
    code: 'network',
    message: expect.stringContaining('ENOENT'),
  });
  const folder = mkdtempSync(join(tmpdir(), 'gradlens-load-'));
  writeFileSync(join(folder, 'model.json'), manifest);
  writeFileSync(join(folder, 'w.safetensors'), weights);
  expect((await engine.load(relative(process.cwd(), join(folder, 'model.json')))).labels).toEqual(file.labels);
});

test('in Node a host lends its own device, which reads files and outlives the engine', async () => {
  const { createNodeEngine, requestNodeAdapter } = await import('../src/node');
  const device = await (await requestNodeAdapter()).requestDevice();
  const engine = await createNodeEngine({ device });
  const model = await engine.load(DEFAULT_MODEL);
  expect(model.classes).toBe(200);
  expect(engine.device).toBe(device);
  engine.dispose();
  const lost = await Promise.race([device.lost, device.queue.onSubmittedWorkDone().then(() => 'alive')]);
  expect(lost).toBe('alive');
  device.destroy();
});

test('public models say all that a download is checked by, within what is read', () => {
  for (const { address, bytes, sha256 } of Object.values(PUBLIC_MODELS)) {
    expect(new URL(address).protocol).toBe('https:');
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(bytes).toBeLessThan(MOST_FILE_BYTES);
  }
});
