import { describe, expect, test } from 'vitest';
import { requestNodeAdapter } from '../src/node/dawn';
import { chromiumPage } from './chromium';
import { nodeDevice, nodeDrivers } from './node';

/** Self-contained: the page gets it as text. */
async function addOnDevice(device: GPUDevice, a: number, b: number): Promise<number> {
  const code = `
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(1) fn main() { x[0] = x[0] + x[1]; }`;
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }) },
  });
  const x = device.createBuffer({
    size: 8,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const read = device.createBuffer({ size: 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(x, 0, new Float32Array([a, b]));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: x } }],
    }),
  );
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(x, 0, read, 0, 8);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const sum = new Float32Array(read.getMappedRange())[0]!;
  device.destroy();
  return sum;
}

describe('Chromium', () => {
  test('adds two numbers on its WebGPU device', async () => {
    const { page, errors, close } = await chromiumPage();
    const sum = await page.evaluate(async (source) => {
      const adapter = await navigator.gpu.requestAdapter();
      // oxlint-disable-next-line no-eval -- the function crosses into the page as text
      const add = (0, eval)(`(${source})`) as typeof addOnDevice;
      return add(await adapter!.requestDevice(), 2, 40);
    }, addOnDevice.toString());
    expect(sum).toBe(42);
    expect(errors).toEqual([]);
    await close();
  });

  test('an error that a page logs is seen', async () => {
    const { page, errors, close } = await chromiumPage();
    await page.evaluate(() => console.error('something is wrong'));
    expect(errors).toEqual(['something is wrong']);
    await close();
  });
});

describe('Node', () => {
  test('has a driver', () => expect(nodeDrivers).not.toEqual([]));

  test.each(nodeDrivers)('adds two numbers on %s', async (driver) => {
    const { device } = await nodeDevice(driver);
    expect(await addOnDevice(device, 2, 40)).toBe(42);
  });

  test('all drivers work at the same time in one process', async () => {
    const devices = await Promise.all(nodeDrivers.map((driver) => nodeDevice(driver)));
    const names = devices.map(({ adapter }) => adapter.info.description);
    expect(new Set(names).size).toBe(nodeDrivers.length);
    const sums = await Promise.all(devices.map(({ device }, i) => addOnDevice(device, i, 40)));
    expect(sums).toEqual(devices.map((_, i) => i + 40));
  });

  test('a driver that does not exist is refused by name', async () => {
    await expect(requestNodeAdapter({ icd: '/nowhere/icd.json' })).rejects.toMatchObject({
      code: 'no-adapter',
      message: expect.stringContaining('/nowhere/icd.json'),
    });
  });

  test('software is announced, or refused where it was not allowed', async () => {
    const notices: string[] = [];
    const adapter = await requestNodeAdapter({ onNotice: (message) => notices.push(message) });
    if (!adapter.info.isFallbackAdapter) return expect(notices).toEqual([]);
    expect(notices).toEqual([expect.stringContaining(adapter.info.description)]);
    await expect(requestNodeAdapter({ allowSoftware: false })).rejects.toMatchObject({ code: 'software-adapter' });
  });
});
