/** Models that say less than gradlens' own: what is told of them, what is guessed, and how they are kept. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readNpy, writeNpy } from '../../src/formats/npy';
import { external, floats, node, onnxFile, valueInfo } from '../formats/models';
import { relativeL2 } from '../oracle/compare';
import { normals, seededRandom } from '../oracle/random';
import { buildOnce, folder, gradlens, jsonLines, writePicture, writeTiny } from './gradlens';

const dir = folder();
const at = (name: string): string => join(dir, name);
const random = seededRandom(31);
const values = (count: number): number[] => [...normals(random, count)].map((value) => value / 4);

/** Convolution of [3, 6, 6], ReLU, pool, four scores, soft-max. */
const net = {
  nodes: [
    node('Conv', ['x', 'w', 'b'], 'conv', { pads: [1, 1, 1, 1] }),
    node('Relu', ['conv'], 'relu'),
    node('MaxPool', ['relu'], 'pool', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Flatten', ['pool'], 'flat'),
    node('Gemm', ['flat', 'v', 'c'], 'scores', { alpha: { f: 0.5 } }),
    node('Softmax', ['scores'], 'y', { axis: 1 }),
  ],
  tensors: [
    floats('w', [5, 3, 3, 3], values(135)),
    floats('b', [5], values(5)),
    floats('v', [45, 4], values(180)),
    floats('c', [4], values(4)),
  ],
  input: ['N', 3, 6, 6],
  producer: 'pytorch',
};
/** For pictures of any size. */
const pooledNodes = [
  node('Conv', ['x', 'w', 'b'], 'conv'),
  node('GlobalAveragePool', ['conv'], 'pool'),
  node('Flatten', ['pool'], 'y'),
];
const strange = {
  nodes: [
    node('Conv', ['x', 'w'], 'a'),
    node('Det', ['a'], 'b'),
    node('Det', ['b'], 'c'),
    { ...node('Relu', ['c'], 'd'), domain: 'com.vendor' },
  ],
  tensors: [floats('w', [2, 3, 1, 1])],
  input: ['N', 3, 6, 6],
};
const picture = at('a.png');

beforeAll(async () => {
  buildOnce();
  writeFileSync(at('net.onnx'), onnxFile(net));
  writeFileSync(at('strange.onnx'), onnxFile(strange));
  writeFileSync(at('x.npy'), writeNpy([3, 6, 6], Float32Array.from(values(108))));
  await writePicture(picture, 6, 6);
});

const gradientOf = async (model: string, env = {}): Promise<{ g: Float32Array; s: Float32Array }> => {
  const { code, stderr } = await gradlens(
    [
      'gradient',
      '--model',
      model,
      '--input',
      at('x.npy'),
      '--class',
      '2',
      '--out',
      at('g.npy'),
      '--scores',
      at('s.npy'),
    ],
    { env },
  );
  expect(code, stderr).toBe(0);
  return { g: readNpy(readFileSync(at('g.npy'))).data, s: readNpy(readFileSync(at('s.npy'))).data };
};

describe('inspect', () => {
  test('ends, operators, parameters, FLOPs, bytes and the guess, without a GPU', async () => {
    const { code, stdout, complaints } = await gradlens(['inspect', at('net.onnx'), '--batch', '2', '--json'], {
      env: { GRADLENS_VULKAN: '/nowhere' },
    });
    expect([code, complaints]).toEqual([0, []]);
    const [report] = jsonLines(stdout);
    const flops = 2 * 2 * (5 * 27 * 36 + 45 * 4);
    expect(report).toMatchObject({
      format: 'onnx',
      producer: 'pytorch',
      opset: 17,
      batch: 2,
      classes: 4,
      labels: 0,
      problem: null,
      inputs: [{ name: 'x', type: 'FLOAT', shape: ['N', 3, 6, 6] }],
      outputs: [{ name: 'y' }],
      operators: { Conv: 1, Relu: 1, MaxPool: 1, Flatten: 1, Gemm: 1, Softmax: 1 },
      parameters: 135 + 5 + 180 + 4,
      flops: { forward: flops, backward: flops },
      preparation: { by: 'guess', prep: 'torchvision', reason: 'PyTorch exported it' },
    });
    expect(report.memory.weights).toBeGreaterThanOrEqual(324 * 4);
    expect(report.memory.saved).toBeGreaterThan(0);
    const lines = (await gradlens(['inspect', at('net.onnx')])).stdout.split('\n');
    expect(lines).toEqual([
      'net.onnx: ONNX, opset 17, by pytorch',
      expect.stringMatching(/^input +x \[N, 3, 6, 6\]$/),
      expect.stringMatching(/^output /),
      expect.stringMatching(/^nodes +6: /),
      expect.stringMatching(/^parameters +324$/),
      expect.stringMatching(/^FLOPs +10\.1 k forward, /),
      expect.stringMatching(/^on the GPU +.*B: weights /),
      expect.stringMatching(/^stages +5×6×6 +conv, relu$/),
      expect.stringMatching(/^ +5×3×3 +maxPool$/),
      expect.stringMatching(/^ +4×1×1 +fullyConnected, softmax, a move$/),
      expect.stringMatching(/^classes +4, without names$/),
      'head          softmax, since the network ends in soft-max',
      expect.stringMatching(/^preparation +a guess: torchvision, since PyTorch exported it$/),
      expect.stringMatching(/^pictures +6×6, RGB, \(pixel · 0\.003922 − 0\.485, 0\.456, 0\.406\) \/ 0\.229, /),
      '',
    ]);
  });

  test('the WGSL of its kernels, each once, with the dispatches that run it', async () => {
    const { stdout } = await gradlens(['inspect', at('net.onnx'), '--kernels']);
    const titles = [...stdout.matchAll(/^\/\/ (\w+): (.*)$/gm)].map(([, name]) => name);
    expect(titles).toEqual(expect.arrayContaining(['imageForward', 'fullyConnectedForward', 'startBackward']));
    expect(stdout.match(/^fn main\(/gm)).toHaveLength(titles.length);
    const [report] = jsonLines((await gradlens(['inspect', at('net.onnx'), '--kernels', '--json'])).stdout);
    expect(report.kernels.map(({ name }: { name: string }) => name)).toEqual(titles);
    expect(new Set(report.kernels.map(({ wgsl }: { wgsl: string }) => wgsl)).size).toBe(titles.length);
    const { forward, backward } = report.dispatches;
    expect(report.kernels.flatMap(({ dispatches }: { dispatches: string[] }) => dispatches)).toHaveLength(
      forward + backward,
    );
  });

  test('what is not supported, all at once; the exit code says so', async () => {
    const { code, stdout } = await gradlens(['inspect', at('strange.onnx'), '--json']);
    expect(code).toBe(1);
    const [{ problem, operators, flops, parameters }] = jsonLines(stdout);
    expect(problem).toMatchObject({
      code: 'unsupported-op',
      unsupported: [
        { name: 'b', op: 'Det' },
        { name: 'c', op: 'Det' },
        { name: 'd', op: 'com.vendor.Relu' },
      ],
    });
    expect([operators, flops, parameters]).toEqual([{ Det: 2, Conv: 1, 'com.vendor.Relu': 1 }, null, 6]);
    const { stdout: lines } = await gradlens(['inspect', at('strange.onnx')]);
    expect(lines).toContain(
      '\n  Det "c": the operator is unknown; supported: a tensor before it, by the option output' +
        '\n  com.vendor.Relu "d": ',
    );
    const { complaints } = await gradlens(['classify', picture, '--model', at('strange.onnx')]);
    expect(complaints).toEqual([expect.stringMatching(/3 nodes are not supported.* \(gradlens inspect lists what\)$/)]);
  });

  test('a shape that the file states wrongly is a problem too', async () => {
    writeFileSync(at('stated.onnx'), onnxFile({ ...net, valueInfo: [valueInfo('pool', [1, 5, 4, 4])] }));
    const { code, stdout } = await gradlens(['inspect', at('stated.onnx'), '--json']);
    expect([code, jsonLines(stdout)[0].problem]).toEqual([
      1,
      { code: 'shape', message: expect.stringContaining('pool: the file says [1, 5, 4, 4]'), unsupported: [] },
    ]);
  });

  test('what the file leaves open is asked for by option, and told once it is supposed', async () => {
    writeFileSync(at('open.onnx'), onnxFile({ ...net, nodes: pooledNodes, input: ['N', 3, 'h', 'w'] }));
    const asked = await gradlens(['inspect', at('open.onnx'), '--json']);
    expect(asked.code).toBe(1);
    expect(jsonLines(asked.stdout)[0].problem.message).toMatch(/height \("h"\) and width \("w"\) .* \(--size HxW\)$/);
    const { stdout } = await gradlens(['inspect', at('open.onnx'), '--size', '8x6', '--head', 'sigmoid', '--json']);
    expect(jsonLines(stdout)[0]).toMatchObject({ problem: null, takes: ['N', 3, 8, 6], head: { kind: 'sigmoid' } });
    expect((await gradlens(['inspect', at('open.onnx'), '--size', 'large'])).complaints).toEqual([
      "gradlens: --size is 'large'; height and width, such as 320x320, would be right",
    ]);
  });

  test('what Hugging Face keeps beside a file says how pictures are prepared, and the names of classes', async () => {
    mkdirSync(at('hub/onnx'), { recursive: true });
    writeFileSync(at('hub/onnx/model.onnx'), onnxFile(net));
    writeFileSync(at('hub/config.json'), JSON.stringify({ id2label: { 0: 'a', 1: 'b', 2: 'c', 3: 'd' } }));
    const config = { image_mean: [0.5, 0.4, 0.3], image_std: [0.2, 0.2, 0.2], do_center_crop: true, size: 6 };
    writeFileSync(at('hub/preprocessor_config.json'), JSON.stringify(config));
    const { stdout } = await gradlens(['inspect', at('hub/onnx/model.onnx'), '--json']);
    const input = { scale: 1 / 255, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2], resize: 'crop', order: 'RGB' };
    expect(jsonLines(stdout)[0]).toMatchObject({ problem: null, labels: 4, preparation: { by: 'file', input } });
  });

  test('the shipped formats are inspected alike', async () => {
    const { code, stdout } = await gradlens(['inspect', await writeTiny(dir), '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)[0]).toMatchObject({
      format: 'gradlens/1',
      name: 'tiny',
      operators: { conv: 2, relu: 2 },
      classes: 4,
      labels: 4,
      preparation: { by: 'file' },
    });
  });
});

describe('convert', () => {
  test('the native model gives the same bits as the ONNX file; in half precision nearly', async () => {
    writeFileSync(at('classes.txt'), 'cat\ndog, hound\nbird\nbird house\n');
    const { code, stdout, stderr } = await gradlens([
      'convert',
      at('net.onnx'),
      at('native'),
      '--labels',
      at('classes.txt'),
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'note: the model does not say how pictures are prepared; taking torchvision, since PyTorch exported it',
    );
    expect(jsonLines(stdout)).toMatchObject([{ type: 'F32', parameters: 324, labels: 4 }]);
    expect(readdirSync(at('native')).sort()).toEqual(['model.json', 'net.safetensors']);
    const manifest = JSON.parse(readFileSync(at('native/model.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: 'net',
      input: { order: 'RGB', width: 6 },
      labels: ['cat', 'dog, hound', 'bird', 'bird house'],
      provenance: { convertedFrom: 'net.onnx', preparation: 'a guess, since PyTorch exported it' },
    });
    expect(await gradientOf(at('native/model.json'))).toEqual(await gradientOf(at('net.onnx')));

    expect((await gradlens(['convert', at('net.onnx'), at('half'), '--f16', '--prep', 'signed'])).stdout).toMatch(
      /324 parameters in F16, \d+ bytes\n/,
    );
    const [whole, half] = [await gradientOf(at('native/model.json')), await gradientOf(at('half/model.json'))];
    expect(relativeL2(half.s, whole.s)).toBeLessThan(2 ** -9);
    expect(half.s).not.toEqual(whole.s);
    expect(readFileSync(at('half/net.safetensors')).length).toBeLessThan(
      readFileSync(at('native/net.safetensors')).length,
    );
  });
});

describe('pictures for a model that does not say how they are prepared', () => {
  const scores = async (...args: string[]) => {
    const { code, stdout, stderr } = await gradlens([
      'classify',
      picture,
      '--model',
      at('net.onnx'),
      '--json',
      ...args,
    ]);
    expect(code, stderr).toBe(0);
    return {
      classes: jsonLines(stdout)[0].classes,
      notes: stderr.split('\n').filter((line) => line.includes('how pictures are prepared')),
    };
  };

  test('the guess is told, and is the same as choosing it', async () => {
    const guessed = await scores();
    const chosen = await scores('--prep', 'torchvision');
    expect(guessed.classes).toEqual(chosen.classes);
    expect(guessed.notes).toEqual([
      'gradlens: note: the model does not say how pictures are prepared; taking torchvision, ' +
        'since PyTorch exported it. --prep overrules this',
    ]);
    expect(chosen.notes).toEqual([]);
    expect((await scores('--prep', 'signed')).classes).not.toEqual(chosen.classes);
  });

  test('labels come from a file of lines or of JSON', async () => {
    writeFileSync(at('classes.json'), '["one", "two", "three", "four"]');
    const { classes } = await scores('--labels', at('classes.json'));
    expect(classes.map(({ label }: { label: string }) => label).sort()).toEqual(['four', 'one', 'three', 'two']);
  });
});

test('weights beside the model are read, but not through a link that leaves its folder', async () => {
  mkdirSync(at('split'));
  const w = net.tensors[0]!;
  writeFileSync(at('w.bin'), w.rawData as Uint8Array);
  writeFileSync(
    at('split/net.onnx'),
    onnxFile({ ...net, tensors: [external('w', [5, 3, 3, 3], { location: 'w.bin' }), ...net.tensors.slice(1)] }),
  );
  symlinkSync(at('w.bin'), at('split/w.bin'));
  const refused = await gradlens(['inspect', at('split/net.onnx'), '--json']);
  expect([refused.code, jsonLines(refused.stdout)[0].problem.message]).toEqual([
    1,
    expect.stringContaining("outside of the model's folder"),
  ]);
  symlinkSync('real.bin', at('split/linked.bin'));
  writeFileSync(at('split/real.bin'), w.rawData as Uint8Array);
  writeFileSync(
    at('split/net.onnx'),
    onnxFile({ ...net, tensors: [external('w', [5, 3, 3, 3], { location: 'linked.bin' }), ...net.tensors.slice(1)] }),
  );
  expect((await gradlens(['inspect', at('split/net.onnx')])).code).toBe(0);
});

test('a model by its address is downloaded once', async () => {
  const asked: string[] = [];
  const file = readFileSync(at('net.onnx'));
  const server = createServer((request, response) => {
    asked.push(request.method!);
    response
      .writeHead(200, { etag: `"${createHash('sha256').update(file).digest('hex')}"`, 'content-length': file.length })
      .end(request.method === 'HEAD' ? undefined : file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/net.onnx`;
  const env = { GRADLENS_CACHE: at('cache') };
  const first = await gradientOf(address, env);
  expect(await gradientOf(address, env)).toEqual(first);
  server.close();
  expect(asked).toEqual(['GET', 'HEAD']);
  expect(first).toEqual(await gradientOf(at('net.onnx')));
});
