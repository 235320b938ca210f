/** Runs the built command line as a user does, and makes models and pictures for it. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { writeManifest } from '../../src/formats/native';
import { writeSafetensors } from '../../src/formats/safetensors';
import type { Graph, ModelFile } from '../../src/graph';
import { softwareDrivers } from '../../src/node/dawn';
export { buildOnce } from '../built';
import { normals, randomParameter, randomWeights, seededRandom } from '../oracle/random';

const root = join(import.meta.dirname, '../..');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  /** Lines on stderr, without notes, progress, and the warnings that Dawn prints itself. */
  readonly complaints: readonly string[];
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called as soon as the process runs. */
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void;
  /** Called with the process as soon as it prints a result. */
  readonly onResult?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** On a software driver if there is one, so that the tests mean the same everywhere. */
export function gradlens(
  args: readonly string[],
  { stdin, env, onStart, onResult }: RunOptions = {},
): Promise<Outcome> {
  const driver = process.env['GRADLENS_VULKAN'] || softwareDrivers()[0];
  const child = spawn(process.execPath, [join(root, 'bin/gradlens.js'), ...args], {
    cwd: folder(),
    env: { ...process.env, NO_COLOR: '1', ...(driver ? { GRADLENS_VULKAN: driver } : {}), ...env },
    timeout: 50_000,
    killSignal: 'SIGKILL',
  });
  onStart?.((signal) => child.kill(signal));
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout === '') onResult?.((signal) => child.kill(signal));
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {}).end(stdin ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      const complaints = stderr
        .split('\n')
        .filter((line) => line !== '' && !/^Warning: |^ +at .*dawn|^gradlens: (note: |.* …$)/.test(line));
      resolve({ code, stdout, stderr, complaints });
    });
  });
}

export const folder = (): string => mkdtempSync(join(tmpdir(), 'gradlens-cli-'));

/** Every line of a JSON output. */
export const jsonLines = (stdout: string): any[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

export const LABELS = ['cat', 'dog, hound', 'bird', 'bird house'];
export const EXTENTS = { C: 3, H: 9, W: 12 };

const random = seededRandom(20);

/** Convolution, ReLU, overlapping pool, convolution, ReLU, four scores, soft-max. */
export const tiny: Graph = {
  name: 'tiny',
  input: { name: 'image', extents: EXTENTS },
  nodes: [
    { op: 'conv', name: 'conv1', inputs: ['image'], weight: 'w1', bias: 'b1', kernel: [3, 3], pads: [1, 1, 1, 1] },
    { op: 'relu', name: 'relu1', inputs: ['conv1'] },
    { op: 'maxPool', name: 'pool1', inputs: ['relu1'], kernel: [3, 3], stride: [2, 2] },
    { op: 'conv', name: 'conv2', inputs: ['pool1'], weight: 'w2', bias: 'b2', kernel: [3, 3] },
    { op: 'relu', name: 'relu2', inputs: ['conv2'] },
    { op: 'fullyConnected', name: 'scores', inputs: ['relu2'], weight: 'w3', bias: 'b3' },
    { op: 'softmax', name: 'probabilities', inputs: ['scores'] },
  ],
  output: 'probabilities',
  weights: new Map([
    ['w1', randomWeights(random, [5, 3, 3, 3])],
    ['b1', randomParameter(random, [5])],
    ['w2', randomWeights(random, [6, 5, 3, 3])],
    ['b2', randomParameter(random, [6])],
    ['w3', randomWeights(random, [4, 6 * 2 * 3])],
    ['b3', randomParameter(random, [4])],
  ]),
};

/** A prepared input that float32 holds exactly. */
export const inputOf = (seed: number): Float64Array => normals(seededRandom(seed), EXTENTS.C * EXTENTS.H * EXTENTS.W);

/** Writes `tiny` in the native format; `resize` is how it prepares pictures. */
export async function writeTiny(to: string, resize: 'squash' | 'crop' = 'squash'): Promise<string> {
  const file: ModelFile = {
    graph: tiny,
    input: {
      width: EXTENTS.W,
      height: EXTENTS.H,
      channels: 3,
      order: 'RGB',
      scale: 1 / 255,
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
      resize,
    },
    labels: LABELS,
    provenance: {},
  };
  const bytes = writeSafetensors(tiny.weights, 'F32');
  const target = join(to, resize);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'tiny.safetensors'), bytes);
  const path = join(target, 'model.json');
  writeFileSync(path, await writeManifest(file, { file: 'tiny.safetensors', bytes }));
  return path;
}

/** A PNG of noise. */
export async function writePicture(path: string, width: number, height: number, seed = 1): Promise<string> {
  const { integer } = seededRandom(seed);
  await sharp(
    Uint8Array.from({ length: width * height * 3 }, () => integer(0, 255)),
    { raw: { width, height, channels: 3 } },
  )
    .png()
    .toFile(path);
  return path;
}
