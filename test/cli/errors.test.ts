import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { exitCodeOf, isFatal, oneLine } from '../../src/cli/failure';
import { classOf } from '../../src/cli/models';
import { checkPattern, fillPattern } from '../../src/cli/output';
import { writeNpy } from '../../src/formats/npy';
import { GradlensError } from '../../src/index';
import { floats, node, onnxFile } from '../formats/models';
import { EXTENTS, buildOnce, folder, gradlens, jsonLines, writePicture, writeTiny } from './gradlens';

const dir = folder();
const at = (name: string): string => join(dir, name);
let model: string;

beforeAll(async () => {
  buildOnce();
  model = await writeTiny(dir);
  await writePicture(at('a.png'), 20, 20, 1);
  await writePicture(at('b.png'), 20, 20, 2);
  mkdirSync(at('other'));
  await writePicture(at('other/a.png'), 20, 20, 3);
  writeFileSync(at('text.png'), 'no picture');
  writeFileSync(at('old.bmp'), 'BM and more');
  writeFileSync(at('pointer.onnx'), 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n');
  writeFileSync(at('twice.json'), '{"a": 1, "a": 2}');
  writeFileSync(at('deep.json'), `${'['.repeat(9)}"a"${']'.repeat(9)}`);
  writeFileSync(
    at('x.npy'),
    writeNpy([EXTENTS.C, EXTENTS.H, EXTENTS.W], new Float32Array(EXTENTS.C * EXTENTS.H * EXTENTS.W)),
  );
  writeFileSync(at('wide.npy'), writeNpy([3, 2, 2], new Float32Array(12)));
  writeFileSync(
    at('nan.npy'),
    writeNpy([EXTENTS.C, EXTENTS.H, EXTENTS.W], new Float32Array(EXTENTS.C * EXTENTS.H * EXTENTS.W).fill(NaN)),
  );
  writeFileSync(
    at('bare.onnx'),
    onnxFile({ nodes: [node('Conv', ['x', 'w'], 'y')], tensors: [floats('w', [2, 3, 4, 4])], input: ['N', 3, 4, 4] }),
  );
  writeFileSync(
    at('grey.onnx'),
    onnxFile({ nodes: [node('Conv', ['x', 'w'], 'y')], tensors: [floats('w', [2, 1, 4, 4])], input: ['N', 1, 4, 4] }),
  );
  writeFileSync(at('numbers.json'), '[1, 2]');
  writeFileSync(
    at('prep.json'),
    JSON.stringify({ order: 'RGB', scale: 1, mean: [0, 0], std: [1, 1], resize: 'squash' }),
  );
  writeFileSync(
    at('sideways.json'),
    JSON.stringify({ order: 'RBG', scale: 1, mean: [0, 0, 0], std: [1, 1, 1], resize: 'squash' }),
  );
});

/** Arguments after the command, in which $ stands for the folder. */
test.each<[line: string, code: number, message: RegExp]>([
  [
    'paint',
    2,
    /unknown command 'paint'; there are saliency, class-model, segment, .*, inspect, convert, check, info, bench /,
  ],
  ['check --wat', 2, /unknown option --wat; there are --driver, --json, --help/],
  ['check -x', 2, /unknown option -x/],
  ['check more', 2, /'more' is one argument too many/],
  ['check --json=yes', 2, /--json takes no value/],
  ['check --driver nope', 3, /"nope" is neither lavapipe nor swiftshader nor the path/],
  ['check --driver $/prep.json', 3, /no WebGPU adapter from the Vulkan driver/],
  ['classify', 2, /no image given: name it, or give a list by --list/],
  ['class-model --list $/a.png', 2, /unknown option --list/],
  ['classify --list $/nothing.txt', 2, /nothing\.txt/],
  ['classify $/a.png --top', 2, /--top takes a value/],
  ['classify $/a.png --top --json', 2, /--top takes a value/],
  ['classify $/a.png --top 1.5 --model $M', 2, /--top is '1\.5'; it can be a whole number from 1/],
  ['classify $/a.png --model nowhere', 2, /no model 'nowhere'/],
  ['classify $/a.png --model $/a.png', 2, /a\.png: this is neither an ONNX model nor a gradlens model\.json/],
  ['classify $/a.png --model $/prep.json', 2, /prep\.json: model\.json: format is missing/],
  ['classify $/a.png --model $/bare.onnx --labels $/none.txt', 2, /none\.txt cannot be read: ENOENT/],
  ['classify $/a.png --model $/bare.onnx --labels $/text.png', 2, /there are 1 labels; the network has 2 classes/],
  ['classify $/a.png --model $/bare.onnx --labels $/numbers.json', 2, /numbers\.json: is no list of names/],
  [
    'classify $/a.png --model $/grey.onnx --prep torchvision',
    2,
    /torchvision makes colours; the network takes \[1, 4, 4\]/,
  ],
  ['classify $/a.png --model http://127.0.0.1:1/net.onnx', 2, /http:\/\/127\.0\.0\.1:1\/net\.onnx: cannot be fetched/],
  [
    'classify $/a.png --model $/bare.onnx --prep other',
    2,
    /--prep is 'other'; it can be torchvision, caffe-bgr, unit, signed, raw, or a JSON file/,
  ],
  [
    'classify $/a.png --model $/bare.onnx --prep $/prep.json',
    2,
    /mean and std have 2 and 2 numbers; the input has 3 channels/,
  ],
  [
    'classify $/a.png --model $/bare.onnx --prep $/sideways.json',
    2,
    /sideways\.json: order is "RBG"; it should be "RGB" or "BGR"/,
  ],
  ['inspect', 2, /no model given/],
  ['inspect $/a.png', 2, /a\.png: this is neither an ONNX model/],
  ['inspect $/bare.onnx more', 2, /'more' is one argument too many/],
  ['convert $/bare.onnx', 2, /no out given/],
  ['convert $/bare.onnx $/text.png/new', 2, /bare\.safetensors cannot be written: (ENOTDIR|EEXIST)/],
  ['classify $/missing.png --model $M', 2, /missing\.png: there is no such file/],
  ['classify $/bare.onnx/* --model $M', 2, /matches no file/],
  ['classify $/text.png --model $M', 2, /text\.png cannot be read as a picture/],
  ['classify $/old.bmp --model $M', 2, /old\.bmp is a BMP, which is not read in Node; save it as PNG/],
  ['classify $/a.png --model $/pointer.onnx', 2, /pointer\.onnx: this is a Git LFS pointer/],
  ['classify $/a.png --model $/twice.json', 2, /twice\.json: model\.json: has the key "a" twice/],
  ['classify $/a.png --model $/bare.onnx --labels $/deep.json', 2, /deep\.json: nests deeper than 8/],
  ['classify $/a.png --model $/bare.onnx --prep $/twice.json', 2, /twice\.json: has the key "a" twice/],
  ['localise $/a.png --model $M --boxes $/twice.json', 2, /twice\.json: has the key "a" twice/],
  ['classify $/a.png --model constructor', 2, /no model 'constructor'/],
  ['class-model --class 1 --preset constructor', 2, /--preset is 'constructor'; it can be paper, vivid/],
  ['saliency $/a.png --model $M --class 4', 2, /class 4 is not among the 4 classes, 0 to 3/],
  ['saliency $/a.png --model $M --class fish', 2, /unknown class 'fish'; there are cat, dog, hound, bird, bird house/],
  ['saliency $/a.png --model $/bare.onnx --prep unit --class fish', 2, /this model names no classes/],
  ['saliency $/a.png --model $/bare.onnx --prep unit --class 2', 2, /class 2 is not among the 2 classes, 0 to 1/],
  ['saliency $/a.png --model $M --relu leaky', 2, /--relu is 'leaky'; it can be gradient, deconvnet, guided/],
  ['saliency $/a.png --model $M --cmap jet', 2, /--cmap is 'jet'; it can be viridis, cividis, gray, coolwarm/],
  ['saliency $/a.png --model $M --overlay=2', 2, /--overlay is '2'; it can be a number from 0 to 1/],
  ['saliency $/a.png --model $M --percentile lots', 2, /--percentile is 'lots'/],
  ['saliency $/a.png --model $M --out {name}.png', 2, /--out has \{name\}; there are \{dir\}, \{stem\}/],
  ['saliency $/a.png --model $M --out map.jpg', 2, /it should end in \.png/],
  [
    'saliency $/a.png --model $M --out $/a.png',
    2,
    /a\.png is read by this command already; name another file to write/,
  ],
  ['saliency $/a.png --model $M --out $/text.png/map.png', 2, /map\.png cannot be written: (ENOTDIR|EEXIST)/],
  ['gradient --model $M --out g.npy', 2, /give pictures, or a prepared array by --input/],
  ['gradient --model $M --input $/none.npy --out g.npy', 2, /none\.npy cannot be read: ENOENT/],
  ['gradient --model $M --input $/text.png --out g.npy', 2, /text\.png: does not start with \\x93NUMPY/],
  [
    'gradient --model $M --input $/wide.npy --out g.npy',
    2,
    /wide\.npy is \[3, 2, 2\]; the network takes \[3, 9, 12\] or \[N, 3, 9, 12\]/,
  ],
  ['gradient --model $M --input $/x.npy --class 9 --out g.npy', 2, /class 9 is not among the 4 classes/],
  ['gradient --model $M --input $/nan.npy --out g.npy', 2, /nan\.npy: element 0 is NaN; inputs are finite/],
])('gradlens %s: exit code %d', async (line, expected, message) => {
  const args = line.split(' ').map((arg) => arg.replace('$M', model).replace('$', dir));
  const { code, stdout, complaints } = await gradlens(args);
  expect(complaints.join('\n')).toMatch(message);
  expect(complaints).toHaveLength(1);
  expect(complaints[0]).toMatch(/^gradlens: /);
  expect([code, stdout]).toEqual([expected, '']);
});

test('of several pictures all are done, and every failure has its line', async () => {
  const pictures = ['a.png', 'gone.png', 'text.png', 'other/a.png', 'b.png'].map(at);
  const { code, stdout, complaints } = await gradlens([
    'saliency',
    ...pictures,
    '--model',
    model,
    '--out',
    at('out/{stem}.png'),
    '--json',
  ]);
  expect(code).toBe(1);
  const errors = jsonLines(stdout).map(({ error }) => error as string | undefined);
  expect(jsonLines(stdout).map(({ image }) => image)).toEqual(pictures);
  expect(errors).toEqual([
    undefined,
    expect.stringMatching(/gone\.png: there is no such file/),
    expect.stringMatching(/text\.png cannot be read as a picture/),
    expect.stringMatching(/other.a\.png: .*out.a\.png is written by this command already; name another file to write/),
    undefined,
  ]);
  expect(complaints).toEqual(errors.filter(Boolean).map((error) => `gradlens: ${error}`));
});

describe('exit codes', () => {
  test.each([
    [new GradlensError('no-webgpu', ''), 3],
    [new GradlensError('no-adapter', ''), 3],
    [new GradlensError('software-adapter', ''), 3],
    [new GradlensError('insecure-context', ''), 3],
    [new GradlensError('device-lost', ''), 75],
    [new GradlensError('out-of-memory', ''), 75],
    [new GradlensError('shape', ''), 2],
    [new Error('a bug'), 1],
  ])('%o: %d', (error, code) => expect(exitCodeOf(error)).toBe(code));

  test('a lost device ends a run over pictures, a bad picture does not', () => {
    expect(isFatal(new GradlensError('device-lost', ''))).toBe(true);
    expect(isFatal(new GradlensError('model-format', ''))).toBe(false);
  });

  test('a message of many lines is told in one', () => {
    expect(oneLine(new GradlensError('shader', 'conv: line 3: wrong\n   1  fn main'))).toBe(
      'conv: line 3: wrong (GRADLENS_DEBUG=1 shows more)',
    );
    expect(oneLine(new TypeError('x is undefined'))).toMatch(/^unexpected: x is undefined \(please report it/);
  });
});

describe('classes by name', () => {
  const labels = ['cat', 'dog, hound', 'bird', 'bird house'];
  test.each([
    ['top1', 'top1'],
    ['2', 2],
    ['Cat', 0],
    ['hound', 1],
    ['dog, hound', 1],
    ['bird', 2],
    ['house', 3],
  ] as const)('%s', (text, index) => {
    expect(classOf(text, labels)).toBe(index);
  });
  test('a part of several names is refused with all of them', () => {
    expect(() => classOf('bir', labels)).toThrow("class 'bir' may be bird (2), bird house (3)");
  });
});

describe('names of outputs', () => {
  test('a label becomes a file name, whatever it is', () => {
    expect(fillPattern('out/{stem}_{class}.png', { stem: 'a.b', class: '../dog, hound', method: 'saliency' })).toBe(
      'out/a.b_dog-hound.png',
    );
  });
  test('only known holes', () => {
    expect(() => checkPattern('{stem}{x}.png')).toThrow('--out has {x}');
  });
});
