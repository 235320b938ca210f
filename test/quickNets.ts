/**
 * The page under `quick/`: each shipped net is answered with a stand-in of the same name, input and classes, two
 * convolutions with random weights. It compiles and computes many times faster, for tests of what the page does and
 * not of what a net says.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { type Manifest, parseManifest, writeManifest } from '../src/formats/native.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import type { GraphNode, ModelFile } from '../src/graph.ts';
import { normals, randomWeights, seededRandom } from './oracle/random.ts';

/** Where the page with these nets is, below the server's root. */
export const QUICK = 'quick/';
const NET = /^weights\/([\w-]+)\/(model\.json|[\w-]+\.safetensors)$/;

export function quickNets(): Plugin {
  return {
    name: 'gradlens:quick-nets',
    configureServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const url = request.url ?? '';
        if (!url.startsWith(`/${QUICK}`)) return next();
        const path = url.slice(QUICK.length + 1);
        const [, net, file] = NET.exec(path.split('?')[0]!) ?? [];
        request.url = `/${path}`;
        if (net === undefined) return next();
        void standIn(net).then((files) => {
          const { type, body } = file === 'model.json' ? files.manifest : files.weights;
          response.setHeader('Content-Type', type).end(body);
        }, next);
      });
    },
  };
}

interface Served {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** The two files of the stand-in for a shipped net. */
export async function standIn(net: string): Promise<{ manifest: Served; weights: Served }> {
  const shipped = parseManifest(JSON.parse(readFileSync(`weights/${net}/model.json`, 'utf8')));
  const model = smallModel(shipped);
  const bytes = writeSafetensors(model.graph.weights, 'F32');
  return {
    manifest: { type: 'application/json', body: await writeManifest(model, { file: shipped.weights.file, bytes }) },
    weights: { type: 'application/octet-stream', body: bytes },
  };
}

function smallModel({ name, input: { tensor, ...input }, labels, provenance }: Manifest): ModelFile {
  const random = seededRandom(labels.length);
  const window = { stride: [2, 2], pads: [2, 2, 2, 2] } as const;
  const same = { stride: [1, 1], pads: [1, 1, 1, 1] } as const;
  const nodes: GraphNode[] = [
    { op: 'conv', name: 'conv1', inputs: [tensor], kernel: [5, 5], ...window, weight: 'w1', bias: 'b1' },
    { op: 'relu', name: 'relu1', inputs: ['conv1'] },
    { op: 'maxPool', name: 'pool1', inputs: ['relu1'], kernel: [2, 2], stride: [2, 2] },
    { op: 'conv', name: 'conv2', inputs: ['pool1'], kernel: [3, 3], ...same, weight: 'w2', bias: 'b2' },
    { op: 'relu', name: 'relu2', inputs: ['conv2'] },
    { op: 'globalAveragePool', name: 'mean', inputs: ['relu2'] },
    { op: 'fullyConnected', name: 'scores', inputs: ['mean'], weight: 'w3' },
  ];
  const weights = new Map([
    ['w1', randomWeights(random, [8, input.channels, 5, 5])],
    ['w2', randomWeights(random, [16, 8, 3, 3])],
    ['w3', randomWeights(random, [labels.length, 16])],
    // without them nothing would climb from a picture of zeros
    ['b1', { shape: [8], data: Float32Array.from(normals(random, 8)) }],
    ['b2', { shape: [16], data: Float32Array.from(normals(random, 16)) }],
  ]);
  const extents = { C: input.channels, H: input.height, W: input.width };
  return {
    graph: { name, input: { name: tensor, extents }, output: 'scores', nodes, weights },
    input,
    labels,
    provenance,
  };
}
