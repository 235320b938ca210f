/**
 * Do the tests notice? Applies one small mistake at a time to the kernels, to what calls them and to the readers, runs
 * the tests that should fail, and says which mistakes survived. Works on a copy of the repository; the checkout is not
 * touched.
 *
 *     node test/mutate.mjs                all of them, about half a minute each
 *     node test/mutate.mjs pool filter    those whose name contains one of the words
 *
 * A mistake that no longer finds its text is an error: the code has moved on, and this list has to follow.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** [name, file, what stands there, what stands there instead, tests that should fail] */
const MISTAKES = [
  ['pool: a tie goes to the last (> to >=)', 'shaders/maxPool.ts', '(value > best)', '(value >= best)', 'ops/maxPool'],
  [
    'pool: padding may win',
    'shaders/maxPool.ts',
    'if (w >= d.W) { continue; }',
    'if (w > d.W) { continue; }',
    'ops/maxPool',
  ],
  ['pool: no code for dead windows', 'shaders/maxPool.ts', 'best <= vec4f()', 'best < vec4f()', 'ops/maxPool'],
  [
    'pool: the last window is dropped on the way back',
    'shaders/maxPool.ts',
    'min(y / d.STRIDE_Y + 1u, d.P)',
    'min(y / d.STRIDE_Y, d.P)',
    'ops/maxPool',
  ],
  [
    'pool: the first window is dropped on the way back',
    'shaders/maxPool.ts',
    '(x - wide + d.STRIDE_X - 1u) / d.STRIDE_X',
    '(x - wide + d.STRIDE_X) / d.STRIDE_X',
    'ops/maxPool',
  ],
  [
    'pool: strides swapped',
    'shaders/maxPool.ts',
    'q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT',
    'q * d.STRIDE_Y + s * d.DILATION_X - d.PAD_LEFT',
    'ops/maxPool',
  ],
  [
    'filter: not turned on the way back',
    'shaders/conv/weights.ts',
    "if (direction === 'flipped') filter.reverse();",
    '',
    'ops/conv',
  ],
  [
    'filter: an edge row dropped',
    'shaders/conv/direct.ts',
    'h${row} < d.H && ${w} < d.W)`',
    'h${row} + 1u < d.H && ${w} < d.W)`',
    'ops/conv',
  ],
  [
    'filter: an edge column dropped',
    'shaders/conv/direct.ts',
    'h${row} < d.H && ${w} < d.W)`',
    'h${row} < d.H && ${w} + 1u < d.W)`',
    'ops/conv',
  ],
  [
    'filter: padding of the way back off by one',
    'src/ops/conv.ts',
    '(S - 1) * dilation[1] - pads[1]',
    'S * dilation[1] - pads[1]',
    'ops/conv',
  ],
  [
    'filter: strided, phase off by one',
    'shaders/conv/strided.ts',
    'if (x % i32(d.STRIDE_X) != 0) { continue; }',
    'if (x % i32(d.STRIDE_X) > 0) { continue; }',
    'ops/conv',
  ],
  [
    'filter: strided, last row dropped',
    'shaders/conv/strided.ts',
    '!= 0 || p >= d.P) { continue; }',
    '!= 0 || p + 1u >= d.P) { continue; }',
    'ops/conv',
  ],
  ['filter: groups not kept apart', 'shaders/conv/direct.ts', 'o / d.OUT * d.IN', '0u * d.IN', 'ops/conv'],
  [
    'filter: quads hand out the wrong quarter',
    'shaders/conv/direct.ts',
    'quadBroadcast(quarter${b}, ${column}u)',
    'quadBroadcast(quarter${b}, ${column ^ 1}u)',
    'ops/conv',
  ],
  [
    'filter: unpooled rows in the wrong order',
    'shaders/conv/finish.ts',
    'sums[2u * j + 4u], sums[2u * j + 5u]',
    'sums[2u * j + 5u], sums[2u * j + 4u]',
    'ops/maxPool',
  ],
  ['ReLU: open at zero', 'shaders/epilogue.ts', 'vec4u(v > vec4f())', 'vec4u(v >= vec4f())', 'ops/elementwise'],
  [
    'ReLU: guided ignores the sign of the gradient',
    'shaders/epilogue.ts',
    'select(vec4f(), g, open & kept)',
    'select(vec4f(), g, open)',
    'ops/elementwise',
  ],
  [
    'ReLU: masked by every reader instead of once',
    'src/compile/differentiate.ts',
    "before + 1 === count ? gateOf(layout, name) : 'none'",
    'gateOf(layout, name)',
    'ops/elementwise',
  ],
  [
    'sum: the second reader overwrites the first',
    'shaders/epilogue.ts',
    'let sum = dX[i] + g;',
    'let sum = g;',
    'ops/elementwise',
  ],
  [
    'fully connected: bias forgotten after slices',
    'shaders/fullyConnected/shape.ts',
    'sum + bias[o]',
    'sum',
    'ops/fullyConnected',
  ],
  [
    'fully connected: channels counted past the last',
    'shaders/fullyConnected/shape.ts',
    'if (c >= C) continue;',
    'if (c > C) continue;',
    'ops/fullyConnected',
  ],
  [
    'fully connected, parallel: the last column forgotten',
    'shaders/fullyConnected/parallel.ts',
    'for (var o = me; o < d.OUT;',
    'for (var o = me; o + 1u < d.OUT;',
    'ops/fullyConnected',
  ],
  [
    'fully connected, parallel: shares of another column',
    'shaders/fullyConnected/parallel.ts',
    'shares[own.x + ${share * COLUMNS}u]',
    'shares[own.x + ${share * COLUMNS + share % 2}u]',
    'ops/fullyConnected',
  ],
  [
    'tiles: every fourth slice added twice',
    'shaders/conv/tiled.ts',
    'begin += 4u * apart;',
    'begin += 3u * apart;',
    'ops/convFamilies',
  ],
  [
    'Winograd: outputs of the tile beside',
    'shaders/conv/winograd.ts',
    'own % d.UNIT_COLUMNS * ${across}u + me % ${across}u;',
    'own % d.UNIT_COLUMNS * ${across}u + (me + 1u) % ${across}u;',
    'ops/convFamilies',
  ],
  [
    'Winograd: products of the wrong channels',
    'shaders/conv/winogradProducts.ts',
    'min(step * ${depth}u + row${e}, d.IN - 1u)',
    'min(step + row${e}, d.IN - 1u)',
    'ops/convFamilies',
  ],
  [
    'average: counts the padding',
    'shaders/averagePool.ts',
    'd.COUNT_PADDING == 1u',
    'd.COUNT_PADDING == 0u',
    'ops/averagePool',
  ],
  [
    'average: a tap past the edge counts',
    'shaders/averagePool.ts',
    'u32(y - pad < extent)',
    'u32(y - pad <= extent)',
    'ops/averagePool',
  ],
  [
    'concat: offset of the part off by one',
    'src/ops/channels.ts',
    'OFFSET: offsetOf(inputs, k), ...places(dX, dY)',
    'OFFSET: offsetOf(inputs, k) + 1, ...places(dX, dY)',
    'ops/channels',
  ],
  ['reshape: a stride left out', 'shaders/channels.ts', 'h * d.SH + w * d.SW', 'h * d.SH + w', 'ops/channels'],
  ['probability: without its own slope', 'shaders/seed.ts', 'pTarget * (value - p)', 'pTarget * value', 'ops/softmax'],
  ["batch: every item gets the first one's class", 'shaders/seed.ts', 'targets[n]', 'targets[0]', 'ops/softmax'],
  [
    'space to depth: cells not padded',
    'shaders/image.ts',
    'k / d.STRIDE_X % d.STRIDE_Y - d.PAD_TOP',
    'k / d.STRIDE_X % d.STRIDE_Y',
    'ops/image',
  ],
  [
    'plan: a buffer is free one step too early',
    'src/compile/plan.ts',
    '.last === at',
    '.last <= at + 1',
    'compile/plan',
  ],
  [
    'batch-norm: folded though another reads the convolution',
    'src/compile/foldAffine.ts',
    '.length > 1',
    '.length > 2',
    'compile/rewrites',
  ],
  [
    'concat: in place though a part ends within a block',
    'src/compile/concatHomes.ts',
    'C % 4 === 0',
    'C % 4 >= 0',
    'ops/channels',
  ],
  [
    'onnx: ceil_mode forgotten',
    'src/formats/onnx/window.ts',
    "autoPad === 'NOTSET' && call.int('ceil_mode', 0) !== 0",
    'false',
    'formats/onnx',
  ],
  [
    'onnx: SAME_LOWER taken for SAME_UPPER',
    'src/formats/onnx/window.ts',
    "autoPad === 'SAME_UPPER' ? [less",
    "autoPad !== '' ? [less",
    'formats/onnx',
  ],
  [
    'onnx: automatic pads without the dilation',
    'src/formats/onnx/window.ts',
    '(kernel[axis] - 1) * dilation[axis] + 1',
    'kernel[axis]',
    'formats/onnx',
  ],
  [
    'onnx: pads in the order of the axes',
    'src/formats/onnx/window.ts',
    'return [top, left, bottom, right]',
    'return [top, bottom, left, right]',
    'formats/onnx',
  ],
  [
    'onnx: count_include_pad forgotten',
    'src/formats/onnx/operators.ts',
    "call.int('count_include_pad', 0) !== 0",
    'false',
    'formats/onnx',
  ],
  [
    'onnx: epsilon of another framework',
    'src/formats/onnx/normalization.ts',
    "call.float('epsilon', 1e-5)",
    "call.float('epsilon', 1e-3)",
    'formats/onnxruntime',
  ],
  [
    'onnx: clip limits read as attributes',
    'src/formats/onnx/functions.ts',
    'call.model.opset < 11 ? [call.limit',
    'call.model.opset < 99 ? [call.limit',
    'formats/onnxruntime',
  ],
  ['onnx: Gemm without alpha', 'src/formats/onnx/dense.ts', 'scaled(alpha, call', 'scaled(1, call', 'formats/onnx'],
  [
    'onnx: Gemm without beta',
    'src/formats/onnx/dense.ts',
    'scaled(beta, broadcastBias',
    'scaled(1, broadcastBias',
    'formats/onnx',
  ],
  [
    'onnx: transB ignored',
    'src/formats/onnx/dense.ts',
    "call.int('transB', 0) ? undefined",
    "call.int('transB', 0) > 1 ? undefined",
    'formats/onnx',
  ],
  [
    'onnx: a constant less a tensor without its sign',
    'src/formats/onnx/arithmetic.ts',
    "filled(call, '−1', -1)",
    "filled(call, '−1', 1)",
    'formats/onnxruntime',
  ],
  [
    'onnx: half pixels forgotten',
    'src/formats/onnx/resize.ts',
    "half_pixel: 'half-pixel'",
    "half_pixel: 'asymmetric'",
    'formats/onnxruntime',
  ],
  [
    'onnx: a fixed scale taken from the sizes',
    'src/formats/onnx/resize.ts',
    'Math.floor(W! * x!)], scale: [y!, x!]',
    'Math.floor(W! * x!)], scale: [x!, y!]',
    'formats/onnxruntime',
  ],
  [
    'onnx: parts of a split overlap',
    'src/formats/onnx/shaping.ts',
    'begin += count',
    'begin += 1',
    'formats/onnxruntime',
  ],
  [
    'onnx: pads of opset 18 for the wrong axes',
    'src/formats/onnx/shaping.ts',
    'given[k + end * axes.length]',
    'given[2 * k + end]',
    'formats/onnxruntime',
  ],
  ['onnx: the zero point forgotten', 'src/formats/onnx/dequantize.ts', '(q - zeros[at]!)', 'q', 'formats/reader'],
  [
    'onnx: a weight that is NaN',
    'src/formats/onnx/weights.ts',
    'requireFinite(name, original.data);',
    '',
    'formats/onnx',
  ],
  [
    'onnx: external data above the folder',
    'src/formats/onnx/external.ts',
    "step !== '..'",
    "step !== '...'",
    'formats/reader',
  ],
  [
    'onnx: a stated shape is believed',
    'src/formats/onnx/declared.ts',
    'if (agrees) return;',
    'return;',
    'formats/reader',
  ],
  [
    'safetensors: tensors may overlap',
    'src/formats/safetensors.ts',
    'if (begin !== covered)',
    'if (begin > covered)',
    'formats/safetensors',
  ],
  [
    'safetensors: bytes after the last tensor',
    'src/formats/safetensors.ts',
    'if (covered !== dataBytes)',
    'if (covered > dataBytes)',
    'formats/safetensors',
  ],
  [
    'native: weights of another checksum',
    'src/formats/native.ts',
    'if (actual !== sha256)',
    'if (actual.length !== sha256.length)',
    'formats/native',
  ],
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const copy = mkdtempSync(join(tmpdir(), 'gradlens-mutate-'));
const words = process.argv.slice(2);
const chosen = MISTAKES.filter(([name]) => words.length === 0 || words.some((word) => name.includes(word)));
let survived = 0;

try {
  for (const name of ['src', 'shaders', 'test', 'bin', 'build', 'package.json', 'tsconfig.json', 'vite.config.ts'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');
  // The run's own page and Chromium are not needed here.
  const config = join(copy, 'vite.config.ts');
  writeFileSync(config, readFileSync(config, 'utf8').replace("globalSetup: 'test/setup.ts',", ''));

  for (const [name, file, from] of MISTAKES) {
    if (!readFileSync(join(copy, file), 'utf8').includes(from))
      throw new Error(`${name}: ${file} no longer contains ${from}`);
  }
  const unharmed = failing([...new Set(chosen.map(([, , , , tests]) => tests))]);
  if (unharmed) throw new Error(`the tests fail without any mistake:\n${unharmed}`);
  for (const [name, file, from, to, tests] of chosen) {
    const path = join(copy, file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      source.replace(from, () => to),
    );
    const begin = Date.now();
    const killed = failing([tests]) !== '';
    writeFileSync(path, source);
    if (!killed) survived++;
    console.log(
      `${killed ? 'killed  ' : 'SURVIVED'}  ${String(Math.round((Date.now() - begin) / 1000)).padStart(3)} s  ${name}  (${tests})`,
    );
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${chosen.length - survived} of ${chosen.length} mistakes were noticed`);
process.exitCode = survived > 0 ? 1 : 0;

/** What vitest says if any of these tests fails, else nothing. */
function failing(tests) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--bail', '1', ...tests.map((stem) => `test/${stem}.test.ts`)],
    {
      cwd: copy,
      encoding: 'utf8',
      timeout: 10 * 60_000,
      env: { ...process.env, GRADLENS_VULKAN: process.env.GRADLENS_VULKAN ?? 'lavapipe' },
    },
  );
  return status === 0 ? '' : [stdout, stderr].join('\n').trim() || 'timed out';
}
