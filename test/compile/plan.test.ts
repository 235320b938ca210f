import { describe, expect, test } from 'vitest';
import { bindingsOf } from '../../shaders/kernel';
import { type Plan, compile } from '../../src/compile';
import { PLAN_LIMITS, assertWithin } from '../../src/compile/limits';
import type { Memory } from '../../src/compile/plan';
import type { Graph, GraphNode } from '../../src/graph';
import type { Step, Tensor } from '../../src/ops/op';
import { PLAIN } from '../../src/variants/variants';
import { branched, small } from '../engine/graphs';
import { Net } from '../ops/net';
import { randomGraph } from '../oracle/randomGraph';

type PlanLimit = (typeof PLAN_LIMITS)[number];

const bindingBytes = 2 ** 27;
const graphs = [small, branched, ...Array.from({ length: 60 }, (_, seed) => randomGraph(seed))];
const plans = [false, true].flatMap((joined) =>
  graphs.map((graph): [string, Plan] => [
    joined ? `${graph.name}, siblings side by side` : graph.name,
    compile(graph, { batch: 1 + (graph.nodes.length % 3), bindingBytes, variants: { ...PLAIN, joined } }),
  ]),
);

/** Every step as it prints: `label  name=tensor@buffer …  grid`. */
const parsed = (plan: Plan) =>
  plan
    .toString()
    .split('\n')
    .map((line) => {
      const [label, ...rest] = line.split(/\s+/);
      return {
        label: label!,
        bindings: [...line.matchAll(/(\w+)=(.+?)@(\d+)(?= )/g)].map(([, name, tensor, buffer]) => ({
          name: name!,
          tensor: tensor!,
          buffer: Number(buffer),
        })),
        grid: rest.at(-1)!,
      };
    });
const writes = ({ kernel }: Step): Set<string> =>
  new Set(
    bindingsOf(kernel)
      .filter(({ type }) => type === 'storage')
      .map(({ name }) => name),
  );
const stepsOf = (plan: Plan): readonly Step[] => [...plan.forward, ...plan.backward];
const kinds = (plan: Plan): Map<string, Tensor> =>
  new Map(stepsOf(plan).flatMap(({ bind }) => Object.values(bind).map((tensor) => [tensor.name, tensor])));

describe.each(plans)('the plan of %s', (_, plan) => {
  test('never lets two tensors that are alive at once share a buffer', () => {
    const life = new Map<string, { buffer: number; first: number; last: number }>();
    parsed(plan).forEach(({ bindings }, at) =>
      bindings.forEach(({ tensor, buffer }) => {
        const known = life.get(tensor);
        if (known) expect(known.buffer, tensor).toBe(buffer);
        life.set(tensor, { buffer, first: known?.first ?? at, last: at });
      }),
    );
    // What is saved or belongs to the caller lives for ever: a backward pass may follow a forward pass any number of
    // times.
    for (const [name, { kind }] of kinds(plan))
      if (kind !== 'transient') Object.assign(life.get(name)!, { first: 0, last: Infinity });
    const all = [...life];
    for (const [a, x] of all) {
      for (const [b, y] of all) {
        if (a < b && x.buffer === y.buffer)
          expect(x.last < y.first || y.last < x.first, `${a} and ${b} share buffer ${x.buffer}`).toBe(true);
      }
    }
  });

  test('puts a tensor into the smallest free buffer that holds it', () => {
    const steps = stepsOf(plan);
    const placed = parsed(plan).map(({ bindings }) => bindings);
    const last = new Map(placed.flatMap((bindings, at) => bindings.map(({ tensor }) => [tensor, at] as const)));
    const sizes = new Map<number, number>();
    const free = new Set<number>();
    const seen = new Set<string>();
    placed.forEach((bindings, at) => {
      for (const { name, tensor, buffer } of bindings) {
        if (seen.has(tensor)) continue;
        seen.add(tensor);
        const { bytes, kind } = steps[at]!.bind[name]!;
        const fitting = [...free].map((k) => sizes.get(k)!).filter((size) => size >= bytes);
        if (kind === 'transient' && fitting.length > 0) expect(sizes.get(buffer), tensor).toBe(Math.min(...fitting));
        free.delete(buffer);
        sizes.set(buffer, Math.max(sizes.get(buffer) ?? 0, bytes));
      }
      for (const { name, tensor, buffer } of bindings)
        if (steps[at]!.bind[name]!.kind === 'transient' && last.get(tensor) === at) free.add(buffer);
    });
  });

  test('binds no buffer both to read and to write in one step', () => {
    parsed(plan).forEach(({ label, bindings }, at) => {
      const written = writes(stepsOf(plan)[at]!);
      const out = new Set(bindings.filter(({ name }) => written.has(name)).map(({ buffer }) => buffer));
      const into = bindings.filter(({ name }) => !written.has(name)).map(({ buffer }) => buffer);
      expect(
        into.filter((buffer) => out.has(buffer)),
        label,
      ).toEqual([]);
      expect(out.size, `${label} writes two tensors to one buffer`).toBe(
        bindings.filter(({ name }) => written.has(name)).length,
      );
    });
  });

  test(
    'reads nothing that no step before it wrote; the backward pass reads of the forward pass only what is ' + 'saved',
    () => {
      const written = new Set<string>([plan.input.name]);
      plan.forward.forEach((step) => check(step, () => true));
      const forward = new Set(written);
      plan.backward.forEach((step) => check(step, ({ name, kind }) => !forward.has(name) || kind !== 'transient'));
      expect(written.has(plan.gradient.name)).toBe(true);
      function check(step: Step, allowed: (tensor: Tensor) => boolean): void {
        const out = writes(step);
        for (const [name, tensor] of Object.entries(step.bind)) {
          if (out.has(name) || tensor.kind === 'weight') continue;
          expect(written.has(tensor.name), `${step.label} reads ${tensor.name}`).toBe(true);
          expect(allowed(tensor), `${step.label} reads ${tensor.name}, which may be overwritten`).toBe(true);
        }
        out.forEach((name) => written.add(step.bind[name]!.name));
      }
    },
  );

  test('binds what each kernel declares, in buffers that are large enough, eight at most', () => {
    for (const { label, kernel, bind } of stepsOf(plan)) {
      const bindings = bindingsOf(kernel);
      const declared = bindings
        .filter(({ name }) => !['d', 'rule', 'targets'].includes(name))
        .map(({ name }) => name)
        .sort();
      expect(Object.keys(bind).sort(), label).toEqual(declared);
      expect(bindings.filter(({ type }) => type !== 'uniform').length, label).toBeLessThanOrEqual(8);
      expect(new Set(bindings.map(({ index }) => index)).size, label).toBe(bindings.length);
      for (const tensor of Object.values(bind))
        expect(plan.buffers[plan.placement.get(tensor.name)!]!.bytes).toBeGreaterThanOrEqual(tensor.bytes);
    }
  });
});

test('buffers are reused at all', () => {
  const tensors = plans.reduce(
    (sum, [, plan]) => sum + [...kinds(plan).values()].filter(({ kind }) => kind === 'transient').length,
    0,
  );
  const buffers = plans.reduce(
    (sum, [, plan]) => sum + plan.buffers.filter(({ kind }) => kind === 'transient').length,
    0,
  );
  expect(buffers).toBeLessThan(0.6 * tensors);
});

test('a name that the compiler gives to a tensor of its own is refused, since the two would share a buffer', () => {
  for (const name of ['d.pool1', 'pool1.switches', 'image.blocks', 'conv2.bits', 'fc.partial']) {
    const nodes = small.nodes.map(
      (node): GraphNode => ({
        ...node,
        ...(node.name === 'conv1' ? { name } : {}),
        inputs: node.inputs.map((input) => (input === 'conv1' ? name : input)),
      }),
    );
    expect(() => compile({ ...small, nodes }, { batch: 1, bindingBytes }), name).toThrow(
      expect.objectContaining({ code: 'model-format', message: expect.stringContaining(name) }),
    );
  }
});

test('a tensor of more elements than can be counted on is refused before anything is planned', () => {
  const nodes: GraphNode[] = [
    { op: 'conv', name: 'c', inputs: ['x'], kernel: [1, 1], pads: [2 ** 15, 2 ** 15, 2 ** 15, 2 ** 15], weight: 'w' },
  ];
  const graph: Graph = {
    name: 'wide',
    input: { name: 'x', extents: { C: 3, H: 8, W: 8 } },
    nodes,
    output: 'c',
    weights: new Map([['w', { shape: [2, 3, 1, 1], data: new Float32Array(6) }]]),
  };
  expect(() => compile(graph, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    /^c: would write \[2, 65544, 65544\], more than 2147483648 elements$/,
  );
});

test('each further picture takes what it adds, by hand', () => {
  const [one, two] = [1, 2].map((batch) => compile(small, { batch, bindingBytes }).memory) as [Memory, Memory];
  const picture = 3 * 13 * 11 * 4;
  const scores = 2 * 16; // five classes are two blocks
  // the picture, its gradient and the picture that waits; what is read back; the class, as four words
  expect(two.scratch - one.scratch).toBe(3 * picture + (scores + picture) + 16);
  expect(two.weights).toBe(one.weights);
  // and once: 256 bytes of extents for each of 10 steps; the rule; a row of four words for each of 9 rules and 5
  // classes; one word, the pixel of a score
  expect(one.scratch).toBe(3 * picture + (scores + picture) + 16 + 10 * 256 + 16 + (9 + 5) * 16 + 4 + 16);
  // switches of the pool, 4 bits for each of 4 channels; bits of the last ReLU, one word for each strip of eight pixels
  // in each of 3 blocks and 3 rows
  expect(one.saved).toBe(2 * 3 * 6 * 2 + 32 + 3 * 3 * 4);
});

test('of steps that need the same, the first is named', () => {
  const net = new Net({ C: 4, H: 8, W: 8 });
  const plan = compile(net.graph(net.conv(net.conv('image', 4, { kernel: [1, 1] }), 4, { kernel: [1, 1] })), {
    batch: 1,
    bindingBytes,
  });
  const [first, second] = plan.forward.map(({ label, kernel }) => ({ label, most: Math.max(...kernel.workgroups) }));
  expect(first!.most).toBe(second!.most);
  const limits = Object.fromEntries(PLAN_LIMITS.map((name) => [name, Infinity])) as Record<PlanLimit, number>;
  expect(() => assertWithin(plan, { ...limits, maxComputeWorkgroupsPerDimension: 0 })).toThrow(
    `${first!.label} needs ${first!.most} of maxComputeWorkgroupsPerDimension`,
  );
});
