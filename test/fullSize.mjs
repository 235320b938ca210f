/**
 * VGG-16 and ResNet-50 in full size, with random weights, on a device with WebGPU's default limits: scores and a
 * gradient, and the memory that they take. Too slow for `npm test` on software adapters; needs the built package (npm
 * run build:lib).
 *
 *   node test/fullSize.mjs [vgg16] [resnet50]
 */
import { create, globals } from 'webgpu';
import { Engine } from 'gradlens';
import { random as uniform } from '../samples/lib/noise.mjs';

Object.assign(globalThis, globals);
const gpu = create([]); // kept reachable, as all of Dawn's objects must be
const asked = process.argv.slice(2);
/** @type {Record<string, () => import('../src/index.ts').Graph>} */
const NETS = { vgg16, resnet50 };

for (const name of asked.length > 0 ? asked : Object.keys(NETS)) {
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('no WebGPU adapter');
  const device = await adapter.requestDevice(); // the default limits
  const engine = await Engine.create({ device, adapter });
  const began = performance.now();
  const graph = NETS[name]();
  const built = performance.now();
  const model = await engine.load(graph);
  const loaded = performance.now();
  const { C, H, W } = graph.input.extents;
  const random = uniform(9);
  const input = { data: Float32Array.from({ length: C * H * W }, () => random() * 4 - 2), shape: [1, C, H, W] };
  const { scores, gradient } = await model.inputGradient(input, { class: 'top1' });
  const done = performance.now();
  const norm = Math.hypot(
    ...Array.from({ length: 100 }, (_, i) =>
      gradient.subarray(i * 1000, (i + 1) * 1000).reduce((sum, v) => Math.hypot(sum, v), 0),
    ),
  );
  const parameters = [...graph.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  const fine = scores.length === 1000 && scores.every(Number.isFinite) && gradient.every(Number.isFinite) && norm > 0;
  /** @param {number} bytes */
  const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const where = adapter.info.description || adapter.info.device;
  const largest = Math.max(...model.plan.buffers.map(({ bytes }) => bytes));
  const parts = Object.entries(model.memory).map(([part, bytes]) => `${part} ${mebibytes(bytes)}`);
  const { live, peak } = engine.memory();
  console.log(
    `${name} on ${where}: ${fine ? 'passed' : 'FAILED'}, ${parameters.toLocaleString('en')} parameters\n` +
      `  binding limit ${mebibytes(device.limits.maxStorageBufferBindingSize)}; largest buffer ` +
      `${mebibytes(largest)}\n` +
      `  on the GPU: ${parts.join(', ')}; live ${mebibytes(live)}, peak ${mebibytes(peak)}\n` +
      `  process: ${mebibytes(process.resourceUsage().maxRSS * 1024)} at most; load ${seconds(loaded - built)}, ` +
      `scores and gradient ${seconds(done - loaded)} (weights made in ${seconds(built - began)})`,
  );
  engine.dispose();
  device.destroy();
  if (!fine) process.exitCode = 1;
}
process.exit();

/** @param {number} milliseconds */
function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/**
 * Collects nodes and He-uniform weights; every method takes the name of a tensor and gives that of the next.
 *
 * @param {string} name
 */
function builder(name) {
  const random = uniform(1);
  /** @type {any[]} */
  const nodes = [];
  const weights = new Map();
  /** @type {(op: string, inputs: string[], fields?: object) => string} */
  const add = (op, inputs, fields = {}) => {
    const own = `${op}${nodes.length}`;
    nodes.push({ op, name: own, inputs, ...fields });
    return own;
  };
  /** @type {(shape: number[], value: () => number) => string} */
  const weight = (shape, value) => {
    const key = `w${weights.size}`;
    weights.set(key, {
      shape,
      data: Float32Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, value),
    });
    return key;
  };
  /** @type {(fan: number) => () => number} */
  const he = (fan) => () => (random() * 2 - 1) * Math.sqrt(6 / fan);
  /** @type {(length: number, low: number, high: number) => string} */
  const vector = (length, low, high) => weight([length], () => low + random() * (high - low));
  return {
    add,
    /** @type {(x: string, O: number, I: number, size: number, stride?: number, bias?: boolean) => string} */
    conv: (x, O, I, size, stride = 1, bias = true) => {
      const pad = size >> 1;
      return add('conv', [x], {
        kernel: [size, size],
        stride: [stride, stride],
        pads: [pad, pad, pad, pad],
        weight: weight([O, I, size, size], he(I * size * size)),
        ...(bias && { bias: vector(O, -0.1, 0.1) }),
      });
    },
    /** @type {(x: string, O: number, I: number) => string} */
    full: (x, O, I) => add('fullyConnected', [x], { weight: weight([O, I], he(I)), bias: vector(O, -0.1, 0.1) }),
    /** @type {(x: string, C: number) => string} */
    norm: (x, C) =>
      add('batchNorm', [x], {
        scale: vector(C, 0.4, 0.6),
        bias: vector(C, -0.1, 0.1),
        mean: vector(C, -0.1, 0.1),
        variance: vector(C, 0.8, 1.2),
        epsilon: 1e-5,
      }),
    /** @type {(output: string) => import('../src/index.ts').Graph} */
    graph: (output) => ({ name, input: { name: 'x', extents: { C: 3, H: 224, W: 224 } }, nodes, output, weights }),
  };
}

function vgg16() {
  const net = builder('vgg16');
  let [x, I] = ['x', 3];
  for (const [O, layers] of [
    [64, 2],
    [128, 2],
    [256, 3],
    [512, 3],
    [512, 3],
  ]) {
    for (let k = 0; k < layers; k++, I = O) x = net.add('relu', [net.conv(x, O, I, 3)]);
    x = net.add('maxPool', [x], { kernel: [2, 2], stride: [2, 2] });
  }
  x = net.add('relu', [net.full(x, 4096, 512 * 7 * 7)]);
  x = net.add('relu', [net.full(x, 4096, 4096)]);
  return net.graph(net.full(x, 1000, 4096));
}

/** As torchvision has it: the stride lies on the 3×3. */
function resnet50() {
  const net = builder('resnet50');
  let x = net.add('relu', [net.norm(net.conv('x', 64, 3, 7, 2, false), 64)]);
  x = net.add('maxPool', [x], { kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1] });
  let I = 64;
  [
    [64, 3, 1],
    [128, 4, 2],
    [256, 6, 2],
    [512, 3, 2],
  ].forEach(([width, blocks, first]) => {
    for (let k = 0; k < blocks; k++, I = width * 4) {
      const stride = k === 0 ? first : 1;
      let y = net.add('relu', [net.norm(net.conv(x, width, I, 1, 1, false), width)]);
      y = net.add('relu', [net.norm(net.conv(y, width, width, 3, stride, false), width)]);
      y = net.norm(net.conv(y, width * 4, width, 1, 1, false), width * 4);
      const shortcut = k === 0 ? net.norm(net.conv(x, width * 4, I, 1, stride, false), width * 4) : x;
      x = net.add('relu', [net.add('add', [y, shortcut])]);
    }
  });
  return net.graph(net.full(net.add('globalAveragePool', [x]), 1000, 2048));
}
