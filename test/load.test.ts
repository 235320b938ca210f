import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { writeManifest } from '../src/formats/native';
import { writeSafetensors } from '../src/formats/safetensors';
import type { ModelFile } from '../src/graph';
import { type FetchBytes, loadModelFile } from '../src/load';
import { selfTestCase } from '../src/selfTest';

const { graph } = selfTestCase();
const file: ModelFile = {
  graph,
  input: { width: graph.input.extents.W, height: graph.input.extents.H, channels: 3, order: 'RGB', scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], resize: 'squash' },
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

test('a graph, a model file, bytes, and the two files that a user chose are models too', async () => {
  const none: FetchBytes = () => Promise.reject(new Error('nothing should be fetched'));
  expect((await loadModelFile(graph, none, {})).graph).toBe(graph);
  expect(await loadModelFile(file, none, {})).toBe(file);
  const both = [chosen('model.json', manifest), chosen('w.safetensors', weights)];
  expect((await loadModelFile(both, none, {})).graph.nodes).toEqual(graph.nodes);
  await expect(loadModelFile(manifest, none, {})).rejects.toThrow("its weights are in 'w.safetensors', which was not given with it; choose both files");
  await expect(loadModelFile(weights, none, {})).rejects.toThrow('choose its model.json');
  await expect(loadModelFile(new Blob(['hello']), none, {})).rejects.toMatchObject({ code: 'model-format' });
});

test('an address that is none, and a file that is not there, say so', async () => {
  await expect(loadModelFile('http://[', fetchBytes, {})).rejects.toMatchObject({ code: 'network', message: "'http://[' is no address of a model" });
  const { createNodeEngine } = await import('../src/node');
  using engine = await createNodeEngine();
  await expect(engine.load('nowhere/model.json')).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('ENOENT') });
  const folder = mkdtempSync(join(tmpdir(), 'gradlens-load-'));
  writeFileSync(join(folder, 'model.json'), manifest);
  writeFileSync(join(folder, 'w.safetensors'), weights);
  expect((await engine.load(relative(process.cwd(), join(folder, 'model.json')))).labels).toEqual(file.labels);
});
