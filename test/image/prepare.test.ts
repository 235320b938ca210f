import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { Graph, InputSpec } from '../../src/graph';
import { counted, deviceOf, engineOn, small } from '../engine/support';
import { nodeDrivers } from '../node';
import { Net } from '../ops/check';
import { relativeL2 } from '../oracle/compare';
import { type Picture, preparedBy } from '../oracle/prepare';
import { type StoredFormat, linearOf, shownBy, storedAs, storedFormats } from './stored';
import { seededRandom } from '../oracle/random';

const { TEXTURE_BINDING, COPY_DST } = GPUTextureUsage;
/** A filter's weights are as exact as float32 says where in the picture they lie: to an ulp of 60 pixels. */
const ROUNDING = 60 * 2 ** -23;
const HALF_A_LEVEL = 0.5 / 255 / 0.224;

const random = (width: number, height: number, seed = 1): Picture & { data: Uint8Array<ArrayBuffer> } => {
  const { integer } = seededRandom(seed);
  // one pixel in four is see-through, in part
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height * 4 }, (_, i) =>
      i % 4 === 3 && i % 16 !== 3 ? 255 : integer(0, 255),
    ),
  };
};

/** The picture in a texture of the caller's, its channels as the format has them. */
function textureOf(
  device: GPUDevice,
  { data, width, height }: ReturnType<typeof random>,
  format: GPUTextureFormat = 'rgba8unorm',
): GPUTexture {
  const texture = device.createTexture({
    size: [width, height],
    format,
    usage: TEXTURE_BINDING | COPY_DST,
    mipLevelCount: 2,
  });
  const bytes = format === 'bgra8unorm' ? data.map((_, i) => data[[2, 1, 0, 3][i % 4]! + (i & ~3)]!) : data;
  device.queue.writeTexture({ texture }, bytes, { bytesPerRow: width * 4 }, [width, height]);
  return texture;
}

/** A texture of random colours in this format, and the numbers that it holds. */
function storedTexture(device: GPUDevice, format: StoredFormat): { texture: GPUTexture; values: Float64Array } {
  const [width, height] = [12, 9];
  const { bytes, values } = storedAs(format, width * height);
  const texture = device.createTexture({
    size: [width, height],
    format,
    usage: TEXTURE_BINDING | COPY_DST,
    mipLevelCount: 2,
  });
  device.queue.writeTexture({ texture }, bytes, { bytesPerRow: bytes.byteLength / height }, [width, height]);
  return { texture, values };
}

async function valuesIn(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const { COPY_DST: TO, MAP_READ } = GPUBufferUsage;
  const read = device.createBuffer({ size: buffer.size, usage: TO | MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, read, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  return new Float32Array(read.getMappedRange().slice(0));
}

const colour = (resize: InputSpec['resize'], order: InputSpec['order'] = 'RGB'): InputSpec => ({
  width: 11,
  height: 13,
  channels: 3,
  order,
  resize,
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
});
const grey: Graph = (() => {
  const net = new Net({ C: 1, H: 7, W: 9 });
  return net.graph(net.fullyConnected('image', 2));
})();

const cases: [string, Graph, InputSpec, Picture['width'], Picture['height']][] = [
  ['squashed, much larger', small, colour('squash'), 60, 47],
  ['squashed, smaller', small, colour('squash', 'BGR'), 5, 4],
  ['cropped', small, colour('crop'), 37, 20],
  ['cropped, one pixel high', small, colour('crop', 'BGR'), 30, 1],
  ['padded', small, colour('pad'), 50, 21],
  [
    'grey',
    grey,
    { width: 9, height: 7, channels: 1, order: 'RGB', resize: 'squash', scale: 1, mean: [128], std: [64] },
    21,
    33,
  ],
];

describe.each(nodeDrivers)('on %s', (driver) => {
  test.each(cases)(
    'a picture that is %s is prepared as the oracle does it, from bytes and from textures',
    async (_, graph, input, width, height) => {
      using engine = await engineOn(driver);
      using model = await engine.load(graph, { input });
      const picture = random(width, height);
      const expected = preparedBy(input, picture);
      const fromBytes = await model.prepared(picture);
      expect(relativeL2(fromBytes, expected)).toBeLessThan(ROUNDING);
      for (const format of ['rgba8unorm', 'bgra8unorm'] as const) {
        const fromTexture = await model.prepared(textureOf(engine.device, picture, format));
        expect(relativeL2(fromTexture, expected), format).toBeLessThan(ROUNDING);
        expect(relativeL2(fromTexture, fromBytes), format).toBeLessThan(ROUNDING);
      }
    },
  );

  test.each(storedFormats)('a texture of %s, as sRGB and as linear light, itself and by a view', async (format) => {
    using engine = await engineOn(driver);
    const input = colour('squash');
    using model = await engine.load(small, { input });
    const { texture, values } = storedTexture(engine.device, format);
    const isSrgb = format.endsWith('-srgb');
    // drivers decode sRGB to half a level
    const isRight = (found: Float32Array, right: Float64Array): boolean =>
      isSrgb
        ? found.every((value, i) => Math.abs(value - right[i]!) < HALF_A_LEVEL)
        : relativeL2(found, right) < ROUNDING;
    const { width, height } = texture;
    const shown = preparedBy(input, { width, height, data: shownBy(values, false) });
    const lit = preparedBy(input, { width, height, data: shownBy(values, !isSrgb) });
    const view = { texture: texture.createView({ mipLevelCount: 1 }), format, width, height } as const;
    const cases = [
      { picture: texture, right: shown },
      { picture: view, right: shown },
      { picture: { texture, colorSpace: 'linear' }, right: lit },
      { picture: { ...view, colorSpace: 'linear' }, right: lit },
    ] as const;
    for (const [k, { picture, right }] of cases.entries())
      expect(isRight(await model.prepared(picture), right), `case ${k}`).toBe(true);
    if (!isSrgb) expect(relativeL2(lit, shown)).toBeGreaterThan(0.05);
  });

  test('linear light of a photo gives its map: a recording equals the call, and that of bytes', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small, { input: colour('crop') });
    const picture = random(30, 20);
    picture.data.forEach((_, i) => i % 4 === 3 && (picture.data[i] = 255));
    const texture = device.createTexture({ size: [30, 20], format: 'rgba32float', usage: TEXTURE_BINDING | COPY_DST });
    device.queue.writeTexture({ texture }, linearOf(picture.data), { bytesPerRow: 30 * 16 }, [30, 20]);
    const lit = { texture, colorSpace: 'linear' } as const;
    const right = await model.inputGradient(picture, { class: 1 });
    const found = await model.inputGradient(lit, { class: 1 });
    expect(relativeL2(found.gradient, right.gradient)).toBeLessThan(1e-5);
    const bytes = 3 * 13 * 11 * 4;
    const output = device.createBuffer({ size: bytes, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    model.encodeGradient(encoder, { input: lit, output, class: 1 });
    device.queue.submit([encoder.finish()]);
    expect(await valuesIn(device, output)).toEqual(found.gradient);
  });

  test('buffers hold prepared batches, or one item each, from an offset on', async () => {
    using engine = await engineOn(driver);
    const { device } = engine;
    using model = await engine.load(small, { batch: 2 });
    const data = Float32Array.from({ length: 2 * 3 * 13 * 11 }, (_, i) => Math.sin(i));
    const item = data.byteLength / 2;
    const buffer = device.createBuffer({
      size: data.byteLength + 8,
      usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 8, data);
    const right = await model.inputGradient({ data, shape: [2, 3, 13, 11] }, { class: [1, 3] });
    const whole = await model.inputGradient({ buffer, offset: 8 }, { class: [1, 3] });
    expect(whole).toEqual(right);
    const parts = [
      { data: data.slice(0, data.length / 2), shape: [3, 13, 11] },
      { buffer, offset: 8 + item },
    ];
    expect(await model.inputGradient(parts, { class: [1, 3] })).toEqual(right);
    expect(await model.prepared({ buffer, offset: 8 + item })).toEqual(data.slice(data.length / 2));
    const message = 'the image buffer has 3440 bytes, 3428 of them from 12 on, [2, 3, 13, 11] float32 takes 3432';
    await expect(model.scores({ buffer, offset: 12 })).rejects.toMatchObject({ code: 'shape', message });
    const unreadable = device.createBuffer({ size: data.byteLength, usage: GPUBufferUsage.COPY_DST });
    await expect(model.scores(unreadable)).rejects.toThrow('the image buffer lacks the usage COPY_SRC');
    await expect(model.scores([buffer, buffer, buffer])).rejects.toThrow('more pictures than the batch of 2');
  });

  test('a batch of textures of different sizes, and bytes among them', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small, { input: colour('crop'), batch: 3 });
    const pictures = [random(30, 20, 1), random(14, 25, 2), random(8, 8, 3)] as const;
    const mixed = [textureOf(engine.device, pictures[0]), pictures[1], textureOf(engine.device, pictures[2])];
    const [fromBytes, from] = [
      await model.inputGradient(pictures, { class: [0, 1, 2] }),
      await model.inputGradient(mixed, { class: [0, 1, 2] }),
    ];
    expect(relativeL2(from.scores, fromBytes.scores)).toBeLessThan(1e-5);
    expect(relativeL2(from.gradient, fromBytes.gradient)).toBeLessThan(1e-5);
  });

  test(
    "gradients of textures are recorded into the host's encoder, one for every item, and equal those of " + 'calls',
    async () => {
      using engine = await engineOn(driver);
      const { device } = engine;
      using model = await engine.load(small, { input: colour('squash'), batch: 2 });
      const [bytes, { COPY_SRC, COPY_DST, MAP_READ }] = [2 * 3 * 13 * 11 * 4, GPUBufferUsage];
      const output = device.createBuffer({ size: bytes, usage: COPY_SRC | COPY_DST });
      const read = device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
      const rounds = [
        [random(30, 20, 1), random(14, 25, 2)],
        [random(30, 20, 3), random(30, 20, 4)],
      ].map((pictures) => pictures.map((picture) => textureOf(device, picture)));
      for (const textures of rounds) {
        const encoder = device.createCommandEncoder();
        model.encodeGradient(encoder, { input: textures, output, class: [1, 4] });
        encoder.copyBufferToBuffer(output, 0, read, 0, bytes);
        device.queue.submit([encoder.finish()]);
        await read.mapAsync(GPUMapMode.READ);
        expect(new Float32Array(read.getMappedRange().slice(0))).toEqual(
          (await model.inputGradient(textures, { class: [1, 4] })).gradient,
        );
        read.unmap();
      }
    },
  );

  test('what holds pictures is given back with the model', async () => {
    using engine = await engineOn(driver);
    const { live } = engine.memory();
    const model = await engine.load(small, { input: colour('squash') });
    const texture = textureOf(engine.device, random(30, 20));
    await model.scores(random(9, 9));
    await model.scores(texture);
    model.encodeGradient(engine.device.createCommandEncoder(), {
      input: texture,
      output: engine.device.createBuffer({ size: 3 * 13 * 11 * 4, usage: GPUBufferUsage.COPY_DST }),
      class: 0,
    });
    expect(engine.memory().live).toBeGreaterThan(live);
    model.dispose();
    expect(engine.memory().live).toBe(live);
  });
});

test(
  'a texture is recorded without a submit, a write or an await, and its size is kept from the first time ' + 'on',
  async () => {
    const { device, counts } = counted(await deviceOf(nodeDrivers[0]!));
    using engine = await Engine.create({ device });
    using model = await engine.load(small, { input: colour('squash') });
    const texture = textureOf(device, random(30, 20));
    const output = device.createBuffer({ size: 3 * 13 * 11 * 4, usage: GPUBufferUsage.COPY_DST });
    const record = (): string[] => {
      counts.clear();
      model.encodeGradient(device.createCommandEncoder(), { input: texture, output, class: 2 });
      return [...counts.keys()].sort();
    };
    record(); // compiles
    // error scopes are closed before it returns: errors are typed, and none is the host's
    expect(record()).toEqual(['createBindGroup', 'createCommandEncoder', 'popErrorScope', 'pushErrorScope']);
    expect(counts.get('pushErrorScope')).toBe(counts.get('popErrorScope'));
  },
);

test('what cannot be read as a picture is refused, with what would be right', async () => {
  using engine = await engineOn(nodeDrivers[0]!);
  const { device } = engine;
  using model = await engine.load(small, { input: colour('squash') });
  using bare = await engine.load(small);
  const make = (more: Partial<GPUTextureDescriptor>): GPUTexture =>
    device.createTexture({ size: [8, 8], format: 'rgba8unorm', usage: TEXTURE_BINDING | COPY_DST, ...more });
  const [encoder, output] = [
    device.createCommandEncoder(),
    device.createBuffer({ size: 3 * 13 * 11 * 4, usage: GPUBufferUsage.COPY_DST }),
  ];
  for (const [texture, code, message] of [
    [
      make({ size: [8, 8, 2] }),
      'shape',
      'the texture is 2d, 8×8×2, of 1 sample(s); 2d, of one layer and one sample, would be right',
    ],
    [make({ dimension: '3d' }), 'shape', 'the texture is 3d'],
    [make({ sampleCount: 4, usage: TEXTURE_BINDING | GPUTextureUsage.RENDER_ATTACHMENT }), 'shape', 'of 4 sample(s)'],
    [
      make({ format: 'r8unorm' }),
      'validation',
      'the texture is r8unorm; a picture is read from rgba8unorm, rgba8unorm-srgb, bgra8unorm',
    ],
    [make({ usage: COPY_DST }), 'validation', 'TEXTURE_BINDING'],
    [{ texture: make({}), colorSpace: 'p3' as never }, 'validation', "colorSpace is 'p3'; 'srgb' or 'linear'"],
    [make({}).createView() as never, 'validation', 'a view does not tell its format and extents; { texture, format'],
    [{ texture: make({}).createView(), format: 'rgba8unorm' }, 'validation', 'a view does not tell its extents'],
    [
      { texture: make({}).createView(), format: 'r8unorm', width: 8, height: 8 },
      'validation',
      'the view is r8unorm; a picture is read from rgba8unorm',
    ],
    [
      { texture: make({}).createView(), format: 'rgba8unorm', width: 8, height: 0.5 },
      'validation',
      'height is 0.5; a whole number from 1',
    ],
  ] as const) {
    const error = expect.objectContaining({ code, message: expect.stringContaining(message) });
    await expect(model.scores(texture)).rejects.toEqual(error);
    expect(() => model.encodeGradient(encoder, { input: texture, output, class: 0 })).toThrow(error);
  }
  const good = make({});
  await expect(bare.scores(good)).rejects.toMatchObject({
    code: 'shape',
    message: expect.stringContaining('does not say how pictures are prepared'),
  });
  expect(() => model.encodeGradient(encoder, { input: [good, good], output, class: 0 })).toThrow(
    expect.objectContaining({ code: 'shape', message: '2 picture(s) for a batch of 1' }),
  );
  await expect(model.scores([good, good])).rejects.toMatchObject({ code: 'shape' });
  good.destroy();
  await expect(model.scores(good)).rejects.toMatchObject({ code: 'validation' });
});
