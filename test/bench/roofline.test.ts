import { expect, test } from 'vitest';
import { NETWORKS, flopsOf } from '../../bench/networks';
import { floorMs, workOf } from '../../bench/roofline';

const tiny = NETWORKS.tiny();
const probe = { fmaGflops: 10, copyGBs: 2, dispatchMicroseconds: 0, readBackMs: 0 };

test('the work is that of the network, both ways, in every batch', () => {
  for (const what of ['forward', 'gradient', 'class-model'] as const) {
    expect(workOf(tiny, 3, what).reduce((sum, { flops }) => sum + flops, 0)).toBe(flopsOf(tiny, what, 3));
  }
});

test('one convolution by hand: 3 → 16 channels of 32², weights 16·3·3·3', () => {
  expect(workOf(tiny, 2, 'forward')[0]).toEqual({
    flops: 2 * 2 * 27 * 16 * 1024,
    bytes: 4 * (432 + 2 * (3 + 16) * 1024),
  });
  expect(workOf(tiny, 2, 'forward', 'f16')[0]!.bytes).toBe(2 * (432 + 2 * (3 + 16) * 1024));
});

test('each layer is bound by arithmetic or by memory, and the times add up', () => {
  expect(
    floorMs(
      [
        { flops: 10e6, bytes: 1e6 },
        { flops: 10e6, bytes: 8e6 },
      ],
      probe,
    ),
  ).toBeCloseTo(1 + 4, 12);
});
