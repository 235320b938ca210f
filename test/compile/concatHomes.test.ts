import { expect, test } from 'vitest';
import { compile } from '../../src/compile';
import type { Graph } from '../../src/graph';
import { Net, real } from '../ops/net';

const CONV = { kernel: [1, 1] } as const;

/** Whether the plan copies the parts of its concatenation, or has them written where they belong. */
const copies = (graph: Graph): boolean =>
  compile(graph, { batch: 1, bindingBytes: 2 ** 27 }).forward.some(({ label }) => label.startsWith('whole.concat'));

/**
 * Two parts of four channels each: as they are, or rectified in their layer's epilogue or by a ReLU that stands alone.
 */
function twoParts(first: 'plain' | 'fused' | 'alone', second: 'plain' | 'fused' | 'alone'): Graph {
  const net = new Net({ C: 4, H: 3, W: 5 }, 1, real);
  const others: string[] = [];
  const part = (kind: 'plain' | 'fused' | 'alone'): string => {
    const y = net.conv('image', 4, CONV);
    if (kind === 'plain') return y;
    if (kind === 'alone') others.push(net.conv(y, 8, CONV)); // another reader, who wants y as it was
    return net.relu(y);
  };
  const whole = net.add({ op: 'concat', inputs: [part(first), part(second)] }, 'whole');
  const sum = net.add({ op: 'add', inputs: [net.conv(whole, 8, CONV), ...others] });
  return net.graph(net.fullyConnected(others.length > 0 ? sum : whole, 2));
}

test.each([
  ['plain', 'plain'],
  ['fused', 'fused'],
  ['alone', 'alone'],
  ['fused', 'alone'],
] as const)('a part that is %s and one that is %s are written where they belong', (first, second) => {
  expect(copies(twoParts(first, second))).toBe(false);
});

test.each([
  ['plain', 'fused'],
  ['plain', 'alone'],
  ['alone', 'plain'],
  ['fused', 'plain'],
] as const)('a part that is %s and one that is %s have no common mask, and are copied', (first, second) => {
  expect(copies(twoParts(first, second))).toBe(true);
});

test('a part that fills no whole block may only be the last', () => {
  const parts = (...channels: readonly number[]): Graph => {
    const net = new Net({ C: 4, H: 3, W: 5 }, 1, real);
    const inputs = channels.map((C) => net.conv('image', C, CONV));
    return net.graph(net.fullyConnected(net.add({ op: 'concat', inputs }, 'whole'), 2));
  };
  expect(copies(parts(4, 8, 6))).toBe(false);
  expect(copies(parts(4, 6, 8))).toBe(true);
});

test('a part that another layer reads, or that is read twice, is copied', () => {
  const net = new Net({ C: 4, H: 3, W: 5 }, 1, real);
  const [a, b] = [net.conv('image', 4, CONV), net.conv('image', 4, CONV)];
  const once = net.add({ op: 'concat', inputs: [a, b, b] }, 'whole');
  expect(copies(net.graph(net.fullyConnected(once, 2)))).toBe(true);
});

test('the image is not written into a concatenation', () => {
  const net = new Net({ C: 4, H: 3, W: 5 }, 1, real);
  const whole = net.add({ op: 'concat', inputs: ['image', net.conv('image', 4, CONV)] }, 'whole');
  expect(copies(net.graph(net.fullyConnected(whole, 2)))).toBe(true);
});
