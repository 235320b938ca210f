import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { PLAN_LIMITS } from '../../src/compile/limits';
import { Engine } from '../../src/engine';
import { Device } from '../../src/gpu/device';
import { Executor } from '../../src/gpu/executor';
import { Readback } from '../../src/gpu/readback';
import { memoryStore } from '../../src/variants/stored';
import { WeightStore } from '../../src/gpu/weightStore';
import type { Graph, GraphNode, Weight } from '../../src/graph';
import { uniform } from '../../src/random';
import type { ReluRule } from '../../src/options';
import { nodeDrivers } from '../node';
import { graphGradient } from '../oracle/network';
import { Net, RULES, real } from '../ops/check';
import { deviceOf } from './support';

/** The gradient by a plan for a device that binds no more than `bindingBytes`. */
async function runPlan(
  device: GPUDevice,
  graph: Graph,
  bindingBytes: number,
  images: readonly Float64Array[],
  channel: number,
  relu: ReluRule,
) {
  const gpu = new Device(device, { owned: false, tuningStore: memoryStore() });
  const plan = compile(graph, { batch: images.length, bindingBytes });
  const weights = new WeightStore(gpu);
  const executor = await gpu.calls.run({}, (call) => Executor.create({ device: gpu, plan, weights }, call));
  const readback = new Readback(gpu);
  device.queue.writeBuffer(executor.input, 0, Float32Array.from(images.flatMap((image) => [...image])));
  const [gradient] = await gpu.calls.run({}, (call) =>
    readback.run(call, {
      what: 'gradient',
      bytes: plan.gradient.bytes,
      encode: (encoder, read) => {
        executor.encodeBoth(encoder, { targets: images.map(() => ({ channel })), relu, score: 'logit' });
        read(executor.gradient, plan.gradient.bytes);
      },
    }),
  );
  [executor, weights, readback].forEach((part) => part.dispose());
  expect(gpu.bytes.live).toBe(0);
  return { plan, gradient: gradient! };
}

describe.each(nodeDrivers)('small bindings on %s', (driver) => {
  test('a fully connected weight that no binding holds is cut, and still exact to the last bit', async () => {
    const device = await deviceOf(driver);
    const net = new Net({ C: 6, H: 5, W: 7 }, 21);
    const x = net.relu(net.conv('image', 6, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
    const graph = net.graph(net.fullyConnected(net.relu(net.fullyConnected(x, 9)), 3));
    const images = Array.from({ length: 5 }, () => net.image());
    const chunks = new Set<number>();
    for (const bindingBytes of [2 ** 27, 13440, 6000, 5600]) {
      for (const rule of RULES) {
        const { plan, gradient } = await runPlan(device, graph, bindingBytes, images, 2, rule);
        chunks.add(plan.buffers.filter(({ name }) => name.includes('/rows')).length);
        for (const { bytes, name } of plan.buffers) expect(bytes, name).toBeLessThanOrEqual(bindingBytes);
        const expected = images.flatMap((image) => [...graphGradient(graph, image, { class: 2, relu: rule }).gradient]);
        expect(
          [...gradient].map((value) => value + 0),
          `${bindingBytes}, ${rule}`,
        ).toEqual(expected.map((value) => value + 0));
      }
    }
    expect(chunks.size).toBeGreaterThan(1);
  });
});

test('an activation that no binding holds is refused with the layer and both numbers', () => {
  const net = new Net({ C: 4, H: 30, W: 30 });
  const graph = net.graph(net.fullyConnected(net.conv('image', 4, { kernel: [1, 1] }), 1));
  expect(() => compile(graph, { batch: 2, bindingBytes: 20000 })).toThrow(
    expect.objectContaining({
      code: 'limit',
      detail: { limit: 'maxStorageBufferBindingSize', need: 28800, have: 20000, layer: expect.any(String) },
    }),
  );
});

test.each([
  [5, 'A batch of 2 would fit'],
  [1, 'An input with 69 % of the pixels would fit'],
] as const)('a refusal says what would fit: batch %d', (batch, fits) => {
  const net = new Net({ C: 4, H: 30, W: 30 });
  const graph = net.graph(net.fullyConnected(net.conv('image', 4, { kernel: [1, 1] }), 1));
  const bindingBytes = batch === 1 ? 10000 : 30000;
  const refused = expect.objectContaining({ code: 'limit', message: expect.stringContaining(fits) });
  expect(() => compile(graph, { batch, bindingBytes })).toThrow(refused);
  if (batch > 1) compile(graph, { batch: 2, bindingBytes });
});

describe('limits cut one by one', () => {
  /** A net that meets all of them; its sums over many channels are cut, so that workgroup memory is used. */
  const net = new Net({ C: 6, H: 12, W: 12 }, 3, real);
  const x = net.relu(net.conv('image', 8, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
  const graph = net.graph(net.fullyConnected(net.relu(net.fullyConnected(x, 20)), 3));
  const image = { data: Float32Array.from(net.image()), shape: [6, 12, 12] };

  test.each(PLAN_LIMITS)('%s: the same bits, or refused by name before anything is allocated', async (limit) => {
    const device = await deviceOf(nodeDrivers[0]!);
    const made: string[] = [];
    const cut = (value: number): GPUDevice => {
      const limits = new Proxy(device.limits, {
        get: (object, name) => (name === limit ? value : Reflect.get(object, name, object)),
      });
      return new Proxy(device, {
        get(object, name) {
          if (name === 'limits') return limits;
          const got = Reflect.get(object, name, object) as unknown;
          if (typeof got !== 'function') return got;
          if (name === 'createBuffer') made.push(name);
          return (got as (...args: unknown[]) => unknown).bind(object);
        },
      });
    };
    const run = async (on: GPUDevice) => {
      using engine = await Engine.create({ device: on });
      using model = await engine.load(graph, { tune: false });
      return (await model.inputGradient(image, { class: 1 })).gradient;
    };
    const right = await run(device);
    const values = [device.limits[limit], 2 ** 20, 65535, 4096, 256, 64, 8, 4, 2, 1, 0];
    let refused = 0;
    for (const value of values.filter((candidate) => candidate <= device.limits[limit])) {
      made.length = 0;
      const outcome = await run(cut(value)).catch((error: unknown) => error);
      if (outcome instanceof Float32Array) {
        expect(outcome, `${value}`).toEqual(right);
        continue;
      }
      refused++;
      expect(outcome, `${value}`).toMatchObject({ code: 'limit', detail: { limit, have: value } });
      expect(made, `${value}`).toEqual([]);
    }
    expect(refused).toBeGreaterThan(limit === 'maxComputeWorkgroupStorageSize' ? -1 : 0);
  });
});

test('a fully connected layer so wide that not one row fits is refused too', () => {
  const net = new Net({ C: 1, H: 1, W: 1 });
  const graph = net.graph(net.fullyConnected('image', 64));
  expect(() => compile(graph, { batch: 1, bindingBytes: 512 })).toThrow(expect.objectContaining({ code: 'limit' }));
});

test('more workgroups than a dispatch takes are refused, not left to the driver', () => {
  const net: Graph = {
    name: 'wide',
    input: { name: 'image', extents: { C: 4 * 65536, H: 1, W: 1 } },
    output: 'relu',
    weights: new Map(),
    nodes: [{ op: 'relu', name: 'relu', inputs: ['image'] }],
  };
  expect(() => compile(net, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(expect.objectContaining({ code: 'limit' }));
});

test('VGG-16 at 224×224 fits into the limits that every device has', () => {
  const weights = new Map<string, Weight>();
  const nodes: GraphNode[] = [];
  // Shapes are all that planning reads.
  const shaped = (name: string, shape: readonly number[]): string => {
    weights.set(name, { shape, data: new Float32Array(0) });
    return name;
  };
  let [x, channels] = ['image', 3];
  const add = (node: GraphNode): void => {
    nodes.push(node);
    x = node.name;
  };
  [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ].forEach((block, b) => {
    block.forEach((O, k) => {
      const name = `conv${b + 1}_${k + 1}`;
      add({
        op: 'conv',
        name,
        inputs: [x],
        kernel: [3, 3],
        pads: [1, 1, 1, 1],
        weight: shaped(`${name}.weight`, [O, channels, 3, 3]),
        bias: shaped(`${name}.bias`, [O]),
      });
      add({ op: 'relu', name: `relu${b + 1}_${k + 1}`, inputs: [x] });
      channels = O;
    });
    add({ op: 'maxPool', name: `pool${b + 1}`, inputs: [x], kernel: [2, 2], stride: [2, 2] });
  });
  [
    [4096, 512 * 49],
    [4096, 4096],
    [1000, 4096],
  ].forEach(([out, inputs], k) => {
    const name = `fc${k + 6}`;
    add({
      op: 'fullyConnected',
      name,
      inputs: [x],
      weight: shaped(`${name}.weight`, [out!, inputs!]),
      bias: shaped(`${name}.bias`, [out!]),
    });
    if (k < 2) add({ op: 'relu', name: `relu${k + 6}`, inputs: [x] });
  });
  const graph: Graph = {
    name: 'VGG-16',
    input: { name: 'image', extents: { C: 3, H: 224, W: 224 } },
    nodes,
    output: x,
    weights,
  };

  const MiB = 2 ** 20;
  const plan = compile(graph, { batch: 1, bindingBytes: 128 * MiB });
  for (const { name, bytes } of plan.buffers) expect(bytes, name).toBeLessThanOrEqual(128 * MiB);
  const fc6 = plan.buffers.filter(({ name }) => name.startsWith('fc6.weight'));
  expect(fc6.length).toBeGreaterThanOrEqual(4);
  expect(fc6.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(4096 * 512 * 49 * 4);
  for (const { label, kernel } of [...plan.forward, ...plan.backward])
    for (const count of kernel.workgroups) expect(count, label).toBeLessThan(65536);
  // The parameters once, the convolutions' but for the first's padded channels twice.
  const parameters = [...weights.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b) * 4, 0);
  expect(plan.memory.weights).toBeLessThan(parameters + 60 * MiB);
  expect(plan.memory.activations).toBeLessThan(40 * MiB);
});

describe.each(nodeDrivers.slice(0, 1))('planes of more workgroups than an axis has, on %s', (driver) => {
  test('2100 × 2060 pixels: the gradient, with its exact zeros', async () => {
    const random = uniform(3);
    const numbers = (length: number): Float32Array => Float32Array.from({ length }, random);
    const [P, Q] = [140, 206];
    const weight = numbers(2 * P * Q);
    const graph: Graph = {
      name: 'large',
      input: { name: 'image', extents: { C: 1, H: 15 * P, W: 10 * Q } },
      nodes: [
        { op: 'maxPool', name: 'pool', inputs: ['image'], kernel: [15, 10], stride: [15, 10] },
        { op: 'fullyConnected', name: 'scores', inputs: ['pool'], weight: 'weight' },
      ],
      output: 'scores',
      weights: new Map([['weight', { shape: [2, P * Q], data: weight }]]),
    };
    using engine = await Engine.create({ device: await deviceOf(driver) });
    using model = await engine.load(graph);
    expect(model.plan.forward.some(({ kernel: { workgroups } }) => workgroups[1] === 2)).toBe(true);
    const data = numbers(15 * P * 10 * Q);
    const { gradient } = await model.inputGradient({ data, shape: [1, 15 * P, 10 * Q] }, { class: 1 });
    // each window's weight stands where its first maximum is, and nothing anywhere else
    const right = new Float32Array(data.length);
    for (let window = 0; window < P * Q; window++) {
      const corner = Math.floor(window / Q) * 15 * 10 * Q + (window % Q) * 10;
      let best = corner;
      for (let k = 0; k < 15 * 10; k++) {
        const at = corner + Math.floor(k / 10) * 10 * Q + (k % 10);
        if (data[at]! > data[best]!) best = at;
      }
      right[best] = weight[P * Q + window]!;
    }
    expect(gradient.every((value, i) => value === right[i])).toBe(true);
  });
});

test('4096 × 4096 pixels do not fit into the bindings that every device has, and the refusal says what would', () => {
  const graph: Graph = {
    name: 'huge',
    input: { name: 'image', extents: { C: 1, H: 4096, W: 4096 } },
    nodes: [
      { op: 'relu', name: 'relu', inputs: ['image'] },
      { op: 'globalAveragePool', name: 'mean', inputs: ['relu'] },
    ],
    output: 'mean',
    weights: new Map(),
  };
  expect(() => compile(graph, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({ code: 'limit', message: expect.stringContaining('50 % of the pixels would fit') }),
  );
  // on a device that binds more, no axis is too long
  for (const { kernel } of compile(graph, { batch: 1, bindingBytes: 2 ** 30 }).forward)
    for (const count of kernel.workgroups) expect(count).toBeLessThan(65536);
});
