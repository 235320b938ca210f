/** Sums that cost no dispatch: what residual nets are made of, and what looks like it and is not. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { Net, RULES, engineOn, errorOf } from './check';

const SAME = { kernel: [3, 3], pads: [1, 1, 1, 1] } as const;
const POINT = { kernel: [1, 1] } as const;

const sum = (net: Net, ...inputs: readonly string[]): string => net.add({ op: 'add', inputs });

/** Nets by what they show; each returns what is fully connected to the scores. */
const NETS: Readonly<Record<string, (net: Net, x: string) => string>> = {
  'a block and its way around': (net, x) => net.relu(sum(net, net.conv(net.relu(net.conv(x, 4, SAME)), 8, POINT), x)),
  'a way around with a convolution and a stride': (net, x) => {
    const stride = [2, 2] as const;
    const main = net.conv(net.relu(net.conv(x, 5, { ...SAME, stride })), 12, POINT);
    return net.relu(sum(net, main, net.conv(x, 12, { ...POINT, stride })));
  },
  'blocks in a row without a ReLU between them': (net, x) => {
    const y = sum(net, x, net.conv(net.relu(net.conv(x, 12, SAME)), 8, POINT));
    const z = sum(net, y, net.conv(net.relu(net.conv(y, 12, POINT)), 8, SAME));
    return net.relu(sum(net, net.conv(net.conv(z, 8, SAME), 8, POINT), z));
  },
  'a convolution and its own input': (net, x) => sum(net, net.conv(x, 8, SAME), x),
  'a second term that was there before the block': (net, x) => {
    const early = net.conv(x, 8, SAME);
    const y = sum(net, x, net.conv(net.relu(net.conv(x, 8, POINT)), 8, POINT));
    return sum(net, net.relu(y), early);
  },
  'an early term of a later sum of the same row': (net, x) => {
    const early = net.conv(net.relu(net.conv(x, 8, SAME)), 8, POINT);
    const y = sum(net, net.conv(net.conv(x, 8, POINT), 8, SAME), x);
    return sum(net, early, y);
  },
  'a term that something later reads, too': (net, x) => {
    const y = sum(net, net.conv(x, 8, SAME), x);
    return sum(net, net.conv(x, 8, POINT), net.relu(y));
  },
  'terms that are rectified, both': (net, x) =>
    net.relu(sum(net, net.relu(net.conv(x, 8, SAME)), net.relu(net.conv(x, 8, POINT)))),
  'a term twice, and three terms': (net, x) => {
    const y = net.conv(x, 8, SAME);
    return sum(net, sum(net, x, x), y, net.conv(y, 8, POINT));
  },
  'a sum inside of a concatenation': (net, x) => {
    const y = sum(net, net.conv(net.conv(x, 4, POINT), 8, SAME), x);
    return net.add({ op: 'concat', inputs: [net.conv(x, 4, POINT), y] });
  },
  'a sum of two concatenations': (net, x) => {
    const both = (): string => net.add({ op: 'concat', inputs: [net.conv(x, 4, POINT), net.conv(x, 8, SAME)] });
    return sum(net, both(), both());
  },
  'a term that is pooled as it is stored': (net, x) => {
    const y = net.relu(net.conv(x, 8, SAME));
    const pooled = net.add({ op: 'maxPool', inputs: [y], kernel: [2, 2], stride: [2, 2] });
    return net.relu(sum(net, net.conv(pooled, 8, SAME), pooled));
  },
};

function netOf(name: string, channels = 8): { readonly net: Net; readonly output: string } {
  const net = new Net({ C: 3, H: 6, W: 10 }, 5);
  const x = net.relu(net.conv('image', channels, SAME));
  return { net, output: net.fullyConnected(NETS[name]!(net, x), 5) };
}

describe.each(nodeDrivers)('on %s', (driver) => {
  test.each(Object.keys(NETS))('%s: scores and gradient equal the oracle to the last bit', async (name) => {
    const { net, output } = netOf(name);
    const images = [net.image(), net.image()];
    for (const relu of RULES)
      expect(await errorOf(await engineOn(driver), net.graph(output), images, { classes: [4, 1], relu })).toBe(0);
  });
});

test.each([
  ['a block and its way around', 0],
  ['a way around with a convolution and a stride', 0],
  ['blocks in a row without a ReLU between them', 0],
  // a convolution cannot write where it reads; and an early term's gradient must still be whole when it is read
  ['a convolution and its own input', 1],
  ['an early term of a later sum of the same row', 2],
  ['a term that something later reads, too', 2],
])('%s: %i dispatches are for sums alone', (name, dispatches) => {
  const { net, output } = netOf(name);
  const { forward, backward } = compile(net.graph(output), { batch: 1, bindingBytes: 2 ** 27 });
  const sums = [...forward, ...backward].filter(({ kernel }) => kernel.name.startsWith('sum'));
  expect(sums.map(({ label }) => label)).toHaveLength(dispatches);
});
