import { describe, expect, test } from 'vitest';
import { countsNow, installCounters, resetPeak } from '../../bench/counters';
import { nodeDevice } from '../node';

describe('what is asked of WebGPU is counted', async () => {
  const { device } = await nodeDevice();
  installCounters();
  const STORAGE = 0x80;

  test('bytes, alive and at most; a buffer is given back once', () => {
    const before = countsNow().liveBytes;
    resetPeak();
    const [a] = [1000, 2000].map((size) => device.createBuffer({ size, usage: STORAGE }));
    a!.destroy();
    a!.destroy();
    expect(countsNow().liveBytes - before).toBe(2000);
    expect(countsNow().peakBytes - before).toBe(3000);
    resetPeak();
    expect(countsNow().peakBytes - before).toBe(2000);
  });

  test('dispatches, passes and submits', () => {
    const pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code: '@compute @workgroup_size(1) fn main() {}' }) },
    });
    const before = countsNow();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.dispatchWorkgroups(1);
    pass.dispatchWorkgroups(2);
    pass.end();
    device.queue.submit([encoder.finish()]);
    const after = countsNow();
    expect([
      after.dispatches - before.dispatches,
      after.passes - before.passes,
      after.submits - before.submits,
    ]).toEqual([2, 1, 1]);
  });

  test('a device that is destroyed takes its buffers along', () => {
    const left = countsNow().liveBytes;
    expect(left).toBeGreaterThanOrEqual(2000);
    device.destroy();
    expect(countsNow().liveBytes).toBe(left - 2000);
  });
});
