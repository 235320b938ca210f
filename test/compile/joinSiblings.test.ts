/** Steps that share a dispatch compute what they compute alone, to the last bit, whatever they share. */
import { describe, expect, test } from 'vitest';
import type { ConvVariant } from '../../src/variants/variants';
import { PLAIN } from '../../src/variants/variants';
import { compile } from '../../src/compile';
import { isSampled, nodeDrivers } from '../node';
import { RULES, errorOf, loaderOf } from '../ops/check';
import { Net, batchOf, real, whole } from '../ops/net';

const PATIENCE = 240_000;
const tile = { blocks: 2, units: 4, depth: 1, own: 1 };
const FAMILIES: readonly (readonly [string, ConvVariant])[] = [
  ['direct kernels', { family: 'direct', quads: true, unroll: 3 }],
  ['tiled kernels, which share workgroup memory', { family: 'tiled', tile, spans: 1 }],
];

/** Branches that are put together, a pool among them, then a shortcut beside what it goes around. */
function branching(draw = whole) {
  const net = new Net({ C: 3, H: 9, W: 11 }, 3, draw);
  const point = { kernel: [1, 1] } as const;
  const cross = { kernel: [3, 3], pads: [1, 1, 1, 1] } as const;
  const stem = net.relu(net.conv('image', 8, cross));
  const pool = net.add({ op: 'maxPool', inputs: [stem], ...cross, stride: [1, 1] });
  const parts = [net.conv(stem, 8, point), net.conv(net.relu(net.conv(stem, 4, point)), 12, cross)];
  const mixed = net.add({ op: 'concat', inputs: [...parts, net.conv(pool, 5, point)].map((part) => net.relu(part)) });
  const around = net.conv(mixed, 8, { kernel: [1, 1], stride: [2, 2] });
  const main = net.conv(net.relu(net.conv(mixed, 8, { ...cross, stride: [2, 2] })), 8, cross);
  const sum = net.relu(net.add({ op: 'add', inputs: [main, around] }));
  return { net, graph: net.graph(net.fullyConnected(sum, 5)) };
}

describe.each(nodeDrivers)('on %s', (driver) => {
  // lavapipe compiles workgroup memory for a minute
  const families = FAMILIES.filter(([, { family }]) => family === 'direct' || !isSampled(driver));

  test.each(families)(
    '%s give the same numbers side by side as one after the other',
    async (_, variant) => {
      const { net, graph } = branching(real);
      const images = [net.image(), net.image()];
      const [alone, together] = await Promise.all(
        [false, true].map(async (joined) => {
          const loader = await loaderOf(driver, { conv: () => variant, joined });
          using model = await loader.load(graph, { batch: 2 });
          const results = [];
          for (const relu of RULES)
            results.push(await model.inputGradient(batchOf(graph, images), { class: [1, 4], relu }));
          return { steps: model.plan.steps, results };
        }),
      );
      expect(together!.results).toEqual(alone!.results);
      expect(together!.steps).toBeLessThanOrEqual(alone!.steps - 5);
    },
    PATIENCE,
  );

  test.each(families)(
    '%s give those of the oracle',
    async (_, variant) => {
      const { net, graph } = branching();
      const loader = await loaderOf(driver, { conv: () => variant, joined: true });
      expect(await errorOf(loader, graph, [net.image(), net.image()], { classes: [0, 3], relu: 'guided' })).toBe(0);
    },
    PATIENCE,
  );
});

test('what writes into one concatenation binds it once, and what is read by several once', () => {
  const plan = compile(branching().graph, { batch: 1, bindingBytes: 2 ** 27, variants: { ...PLAIN, joined: true } });
  for (const { label, bind } of [...plan.forward, ...plan.backward]) {
    const tensors = Object.values(bind).map(({ name }) => name);
    expect(new Set(tensors).size, label).toBe(tensors.length);
  }
  expect(plan.forward.map(({ label }) => label)).toContain('maxPool3.maxPoolForward + conv4.convForward');
  // the second adds to what the first stored, in the same invocation
  expect(plan.backward.map(({ label }) => label)).toContain('conv5.convBackward + conv4.convBackward');
});
