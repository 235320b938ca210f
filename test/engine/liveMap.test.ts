/** Maps that are made on the GPU, against `renderMap` on the CPU. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { InputSpec } from '../../src/graph';
import type { Pixels } from '../../src/image/pixels';
import { placementOf } from '../../src/image/placement';
import { renderMap } from '../../src/image/render';
import { saliency } from '../../src/methods/saliency';
import type { Model } from '../../src/model';
import type { MapRecording } from '../../src/model/recordings';
import { nodeDrivers } from '../node';
import { seededRandom } from '../oracle/random';
import { counted, deviceOf, engineOn, small } from './support';

const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
const { TEXTURE_BINDING, STORAGE_BINDING, COPY_SRC: FROM, COPY_DST: TO } = GPUTextureUsage;
const [W, H] = [11, 13];

const INPUT: InputSpec = {
  width: W,
  height: H,
  channels: 3,
  order: 'RGB',
  resize: 'crop',
  scale: 1 / 128,
  mean: [1, 1, 1],
  std: [1, 1, 1],
};

function photo(width: number, height: number, seed = 1): Pixels & { data: Uint8ClampedArray<ArrayBuffer> } {
  const { integer } = seededRandom(seed);
  const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? 255 : integer(0, 255)));
  return { data, width, height };
}

function textureOf(device: GPUDevice, { data, width, height }: ReturnType<typeof photo>): GPUTexture {
  const texture = device.createTexture({ size: [width, height], format: 'rgba8unorm', usage: TEXTURE_BINDING | TO });
  device.queue.writeTexture({ texture }, data, { bytesPerRow: width * 4 }, [width, height]);
  return texture;
}

const bufferOf = (device: GPUDevice, size: number): GPUBuffer =>
  device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });

const screenOf = (
  device: GPUDevice,
  width: number,
  height: number,
  format: GPUTextureFormat = 'rgba8unorm',
): GPUTexture => device.createTexture({ size: [width, height], format, usage: STORAGE_BINDING | FROM });

async function bytesOf(device: GPUDevice, source: GPUBuffer | GPUTexture): Promise<ArrayBuffer> {
  const row = 'mapState' in source ? 0 : Math.ceil((source.width * 4) / 256) * 256;
  const size = 'mapState' in source ? source.size : row * source.height;
  const read = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  if ('mapState' in source) encoder.copyBufferToBuffer(source, 0, read, 0, size);
  else
    encoder.copyTextureToBuffer({ texture: source }, { buffer: read, bytesPerRow: row }, [source.width, source.height]);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const all = read.getMappedRange().slice(0);
  read.destroy();
  if ('mapState' in source) return all;
  const rows = Array.from({ length: source.height }, (_, y) => [...new Uint8Array(all, y * row, source.width * 4)]);
  return Uint8Array.from(rows.flat()).buffer;
}

function record({ device }: Engine, model: Model, options: MapRecording): void {
  const encoder = device.createCommandEncoder();
  model.encodeMap(encoder, options);
  device.queue.submit([encoder.finish()]);
}

/** Bytes that are more than a neighbouring colour of 1024, and the GPU's rounding, apart; and the mean difference. */
function expectSame(found: ArrayBuffer, right: Uint8ClampedArray, what?: string): void {
  const bytes = new Uint8Array(found);
  expect(bytes.length).toBe(right.length);
  const apart = Array.from(bytes, (value, i) => Math.abs(value - right[i]!));
  const wrong = apart.flatMap((by, i) => (by > 3 ? [`byte ${i} is ${bytes[i]}, not ${right[i]}`] : []));
  expect(wrong.slice(0, 12), what).toEqual([]);
  expect(apart.reduce((a, b) => a + b, 0) / right.length, what).toBeLessThan(0.25);
}

describe.each(nodeDrivers)('on %s', (driver) => {
  test('numbers are those of `saliency`, by every rule, from buffers and textures', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small, { input: INPUT });
    const picture = photo(30, 20);
    const input = textureOf(device, picture);
    const output = bufferOf(device, W * H * 4 + 8);
    for (const channels of ['max-abs', 'sum-abs', 'sum'] as const) {
      const right = await saliency(model, picture, { class: 'top1', channels });
      record(engine, model, { input, class: 'top1', channels, output: { buffer: output, offset: 8 } });
      const found = new Float32Array(await bytesOf(device, output)).subarray(2);
      found.forEach((value, i) => expect(value).toBeCloseTo(right.data[i]!, 4));
    }
  });

  test('pictures are those of `renderMap`: colours, scales, extents, overlays', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small, { input: INPUT });
    const picture = photo(30, 20);
    const input = textureOf(device, picture);
    const placement = placementOf(picture, INPUT);
    const map = await saliency(model, picture, { class: 2 });
    const signed = await saliency(model, picture, { class: 2, channels: 'sum' });
    const screen = screenOf(device, 30, 20);
    const shows = async (options: Omit<MapRecording, 'input' | 'output' | 'class'>, right: Pixels): Promise<void> => {
      record(engine, model, { input, class: 2, output: screen, ...options });
      expectSame(await bytesOf(device, screen), right.data as Uint8ClampedArray, JSON.stringify(options));
    };
    const whole = { width: 30, height: 20, placement };
    await shows({}, renderMap(map, whole));
    await shows(
      { colours: 'cividis', scale: { percentile: 90 } },
      renderMap(map, { ...whole, colours: 'cividis', percentile: 90 }),
    );
    await shows({ scale: 'maximum', restart: true }, renderMap(map, { ...whole, percentile: 100 }));
    await shows({ channels: 'sum' }, renderMap(signed, whole));
    const over = renderMap(map, { placement, overlay: { picture } });
    await shows({ overlay: true }, over);
    const view = { texture: screen.createView(), format: 'rgba8unorm', width: 30, height: 20 } as const;
    record(engine, model, { input, class: 2, output: view, overlay: { alpha: 0.5 } });
    const faint = renderMap(map, { placement, overlay: { picture, alpha: 0.5 } });
    expectSame(await bytesOf(device, screen), faint.data);
    const fading = renderMap(map, { ...whole, fading: { alpha: 0.6 } });
    await shows({ fading: { alpha: 0.6 } }, fading);
    const multiplied = fading.data.map((byte, i) => (i % 4 === 3 ? byte : (byte * fading.data[i | 3]!) / 255));
    await shows({ fading: { alpha: 0.6, premultiplied: true } }, { ...whole, data: multiplied });
    const light = (byte: number): number =>
      255 * (byte <= 0.04045 * 255 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
    record(engine, model, { input, class: 2, output: { texture: screen, colorSpace: 'linear' }, overlay: true });
    expectSame(
      await bytesOf(device, screen),
      over.data.map((byte, i) => (i % 4 === 3 ? byte : light(byte))),
      'linear light',
    );
    record(engine, model, { input, class: 2, output: { texture: screen, flipY: true }, overlay: true });
    const rows = Array.from({ length: 20 }, (_, y) => [...over.data.subarray(120 * y, 120 * (y + 1))]);
    expectSame(await bytesOf(device, screen), Uint8ClampedArray.from(rows.reverse().flat()), 'upside down');
    const small_ = bufferOf(device, 15 * 10 * 4 + 4);
    const output = { buffer: small_, offset: 4, width: 15, height: 10 };
    record(engine, model, { input, class: 2, output, colours: 'gray' });
    const half = placementOf({ width: 15, height: 10 }, INPUT);
    const right = renderMap(map, { width: 15, height: 10, placement: half, colours: 'gray' });
    expectSame((await bytesOf(device, small_)).slice(4), right.data);
  });

  test('a batch lies behind one another, in the extents of the map', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small, { input: INPUT, batch: 2 });
    using alone = await engine.load(small, { input: INPUT });
    const pictures = [photo(30, 20, 1), photo(14, 25, 2)];
    const output = bufferOf(device, 2 * W * H * 4);
    const input = pictures.map((picture) => textureOf(device, picture));
    record(engine, model, { input, class: [1, 4], output, colours: 'viridis', scale: { percentile: 97 } });
    const found = await bytesOf(device, output);
    for (const [n, picture] of pictures.entries()) {
      const map = await saliency(alone, picture, { class: [1, 4][n]! });
      const right = renderMap(map, { percentile: 97 });
      expectSame(found.slice(n * W * H * 4, (n + 1) * W * H * 4), right.data, `item ${n}`);
    }
    const screen = screenOf(device, W, H);
    expect(() => record(engine, model, { input, class: 0, output: screen })).toThrow(/one map, the batch is 2/);
  });

  test('smoothing and the running maximum remember, and restart forgets', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small);
    const [size, output] = [3 * W * H * 4, bufferOf(device, W * H * 4)];
    const inputs = [1, 2].map((seed) => {
      const buffer = bufferOf(device, size);
      const { uniform } = seededRandom(seed);
      device.queue.writeBuffer(
        buffer,
        0,
        Float32Array.from({ length: size / 4 }, () => uniform() - 0.5),
      );
      return buffer;
    });
    const mapOf = async (input: GPUBuffer, options: Partial<MapRecording>): Promise<Float32Array> => {
      record(engine, model, { input, class: 1, output, ...options });
      return new Float32Array(await bytesOf(device, output));
    };
    const [first, second] = [await mapOf(inputs[0]!, {}), await mapOf(inputs[1]!, {})];
    const smoothing = 0.75;
    expect(await mapOf(inputs[0]!, { smoothing, restart: true })).toEqual(first);
    const mixed = await mapOf(inputs[1]!, { smoothing });
    mixed.forEach((value, i) => expect(value).toBeCloseTo(0.25 * second[i]! + 0.75 * first[i]!, 5));
    expect(mixed).not.toEqual(second);
  });

  test('in parts it has the bits of the whole', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small, { input: INPUT });
    const input = textureOf(device, photo(30, 20));
    const screen = screenOf(device, 30, 20);
    const options = { input, class: 'top1', output: screen, overlay: true } as const;
    record(engine, model, options);
    const whole = await bytesOf(device, screen);
    const again = screenOf(device, 30, 20);
    for (let from = 0; from < model.plan.steps; from += 2)
      record(engine, model, { ...options, output: again, steps: { from, to: Math.min(from + 2, model.plan.steps) } });
    expect(new Uint8Array(await bytesOf(device, again))).toEqual(new Uint8Array(whole));
  });
});

test('from the first frame on nothing is allocated, and once ready nothing compiled; all is given back', async () => {
  const { device, counts } = counted(await deviceOf(nodeDrivers[0]!));
  using engine = await Engine.create({ device });
  const { live } = engine.memory();
  const model = await engine.load(small, { input: INPUT });
  const input = textureOf(device, photo(30, 20));
  const options = { input, class: 'top1', output: screenOf(device, 30, 20), smoothing: 0.5, overlay: true } as const;
  await model.ready(options);
  const calls = (): string[] => {
    counts.clear();
    const encoder = device.createCommandEncoder();
    model.encodeMap(encoder, options);
    encoder.finish();
    return [...counts.keys()].filter((name) => !/ErrorScope|createCommandEncoder|createBindGroup$/.test(name));
  };
  expect(calls()).toEqual(['createBuffer']);
  expect(calls()).toEqual([]);
  model.dispose();
  expect(engine.memory().live).toBe(live);
});

test('what cannot be drawn to, or is out of range, is refused', async () => {
  using engine = await engineOn(nodeDrivers[0]!);
  const { device } = engine;
  using model = await engine.load(small, { input: INPUT });
  const input = textureOf(device, photo(30, 20));
  const screen = screenOf(device, 30, 20);
  const right: MapRecording = { input, class: 0, output: screen };
  const view = screen.createView();
  const refusals: readonly (readonly [options: object, message: RegExp])[] = [
    [{ output: textureOf(device, photo(4, 4)) }, /lacks the usage STORAGE_BINDING/],
    [{ output: screenOf(device, 4, 4, 'rgba8snorm') }, /format of output is 'rgba8snorm'; 'rgba8unorm', /],
    [{ output: { texture: view } }, /a view does not tell its format and extents/],
    [{ output: 3 }, /output is 3; a GPUBuffer, /],
    [{ output: bufferOf(device, 16) }, /the output buffer has 16 bytes, the map takes 572/],
    [{ output: bufferOf(device, 16), colours: 'gray' }, /the picture takes 572/],
    [{ channels: 'max' }, /channels is 'max'/],
    [{ smoothing: 1 }, /smoothing is 1; a number from 0 to below 1/],
    [{ scale: -1 }, /scale is -1/],
    [{ scale: { percentile: 101 } }, /percentile is 101/],
    [{ colours: 'jet' }, /colours is 'jet'/],
    [{ overlay: { alpha: 2 } }, /overlay.alpha is 2/],
    [{ fading: { alpha: -1 } }, /fading.alpha is -1/],
    [{ output: { texture: screen, colorSpace: 'p3' } }, /output.colorSpace is 'p3'; 'srgb' or 'linear'/],
    [{ output: { texture: screen, flipY: 1 } }, /output.flipY is 1; true or false/],
    [{ class: [0, 1] }, /a map is of one class, these are 2/],
    [{ input: bufferOf(device, 3 * W * H * 4), overlay: true }, /no picture to lay the map over/],
  ];
  for (const [options, message] of refusals)
    expect(() => record(engine, model, { ...right, ...options }), String(message)).toThrow(message);
});
