/** ReLU6 and its like in the epilogue of a convolution. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { Net, RULES, engineOn, errorOf } from './check';

const SAME = { kernel: [3, 3], pads: [1, 1, 1, 1] } as const;
const POINT = { kernel: [1, 1] } as const;

const clip = (net: Net, x: string, min = 0, max = 6): string => net.add({ op: 'clip', inputs: [x], min, max });
const pool = (net: Net, x: string, size: 2 | 3): string =>
  net.add({ op: 'maxPool', inputs: [x], kernel: [size, size], stride: [2, 2] });

/** Each returns what is fully connected to the scores. */
const NETS: Readonly<Record<string, (net: Net, x: string) => string>> = {
  'of a plain, a depthwise and a grouped convolution': (net, x) => {
    const wide = clip(net, net.conv(x, 8, POINT));
    const apart = clip(net, net.conv(wide, 8, { ...SAME, stride: [2, 2], groups: 8 }), -3, 5);
    return clip(net, net.conv(apart, 8, { ...POINT, groups: 2 }));
  },
  'whose channels fill no blocks, with two readers': (net, x) => {
    const y = clip(net, net.conv(x, 5, SAME));
    return net.add({ op: 'add', inputs: [net.conv(y, 6, POINT), net.conv(y, 6, SAME)] });
  },
  'beside each other in a concatenation': (net, x) => {
    const both = net.add({ op: 'concat', inputs: [clip(net, net.conv(x, 4, POINT)), clip(net, net.conv(x, 6, SAME))] });
    return net.conv(both, 5, SAME);
  },
  'beside a ReLU in a concatenation, which then is a copy': (net, x) => {
    const both = net.add({ op: 'concat', inputs: [clip(net, net.conv(x, 4, POINT)), net.relu(net.conv(x, 6, SAME))] });
    return net.conv(both, 5, SAME);
  },
  'before pools, whose ties lie at the limits': (net, x) =>
    pool(net, clip(net, net.conv(pool(net, clip(net, net.conv(x, 8, SAME)), 2), 4, SAME)), 3),
  'by limits above zero, which stands alone': (net, x) => clip(net, net.conv(x, 5, SAME), 1, 4),
  'of a rectified convolution, and a ReLU of a clipped one': (net, x) =>
    net.relu(clip(net, net.conv(clip(net, net.relu(net.conv(x, 5, SAME)), 0, 3), 5, SAME), -2, 2)),
};

function netOf(name: string): { readonly net: Net; readonly output: string } {
  const net = new Net({ C: 3, H: 8, W: 12 }, 7);
  return { net, output: net.fullyConnected(NETS[name]!(net, net.conv('image', 4, POINT)), 5) };
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
  ['of a plain, a depthwise and a grouped convolution', 0],
  ['before pools, whose ties lie at the limits', 0],
  ['by limits above zero, which stands alone', 2],
])('a clip %s takes %i dispatches', (name, dispatches) => {
  const { net, output } = netOf(name);
  const { forward, backward } = compile(net.graph(output), { batch: 1, bindingBytes: 2 ** 27 });
  const clips = [...forward, ...backward].filter(({ kernel }) => kernel.name.startsWith('clip'));
  expect(clips.map(({ label }) => label)).toHaveLength(dispatches);
});
