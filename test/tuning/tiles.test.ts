import { describe, expect, test } from 'vitest';
import type { ConvDims } from '../../shaders/conv/shape';
import { invocationsOf, isWhole, workgroupBytes } from '../../shaders/conv/tiled';
import { TILES, machineryFor } from '../../src/variants/tiles';
import { candidatesFor, variantsFor } from '../../src/variants/byDevice';

const known = (vendor: string, isFallbackAdapter = false, architecture = '') => ({
  features: [],
  adapter: { vendor, architecture, device: '', description: '', isFallbackAdapter },
  limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
});

/** C→O channels at a square plane, R×R with padding. */
const layer = (C: number, O: number, side: number, R = 3, N = 1): ConvDims => ({
  N,
  H: side,
  W: side,
  P: side,
  Q: side,
  R,
  S: R,
  STRIDE_Y: 1,
  STRIDE_X: 1,
  PAD_TOP: (R - 1) / 2,
  PAD_LEFT: (R - 1) / 2,
  DILATION_Y: 1,
  DILATION_X: 1,
  IN: Math.ceil(C / 4),
  OUT: Math.ceil(O / 4),
  GROUPS: 1,
});
const LAYERS = [
  layer(64, 64, 224),
  layer(128, 128, 112),
  layer(256, 256, 56),
  layer(512, 512, 28),
  layer(512, 512, 14),
  layer(192, 384, 13),
  layer(64, 192, 27, 5),
  layer(64, 16, 55, 1),
  layer(512, 1000, 13, 1),
];

describe('tiles', () => {
  test.each(Object.entries(TILES))('%s runs at default limits', (_, tile) => {
    expect(isWhole(tile)).toBe(true);
    expect(invocationsOf(tile)).toBeLessThanOrEqual(256);
    expect(workgroupBytes(tile)).toBeLessThanOrEqual(16384);
  });

  test.each(['nvidia', 'apple', 'intel', 'amd', ''])(
    'a GPU of vendor "%s" tries at most a dozen kernels, the plain one first',
    (vendor) => {
      for (const d of LAYERS) {
        const candidates = candidatesFor(known(vendor))(d);
        expect(candidates.length).toBeLessThanOrEqual(12);
        expect(candidates[0]).toEqual({ family: 'direct', quads: false, unroll: 1 });
        expect(new Set(candidates.map((variant) => JSON.stringify(variant))).size).toBe(candidates.length);
      }
    },
  );

  test('small sums are cut among teams, long ones of few pixels into spans, large ones not at all', () => {
    const conv = (d: ConvDims, vendor = 'nvidia') => variantsFor(known(vendor)).conv(d);
    expect(conv(layer(384, 256, 13), 'apple')).toMatchObject({ spans: 1, tile: TILES['32×32 by 8 teams'] });
    expect(conv(layer(512, 512, 7))).toMatchObject({
      family: 'tiled',
      spans: expect.toSatisfy((spans: number) => spans >= 4),
    });
    expect(conv(layer(128, 32, 24, 1))).toMatchObject({ spans: 1, tile: TILES['16×32 by 16 teams'] });
    expect(conv(layer(32, 64, 224))).toMatchObject({ family: 'tiled', spans: 1, tile: TILES['64×128'] });
    expect(conv(layer(3, 64, 224))).toMatchObject({
      family: 'tiled',
      spans: 1,
      tile: TILES['64×64, one block deep'],
    });
  });

  test('two spans are enough where a GPU is half busy', () => {
    const { tiled } = machineryFor(layer(64, 64, 56), known('apple'));
    expect(tiled.map(({ spans }) => spans)).toContain(2);
  });

  test('tiles of one block of depth are for images only, unless teams share the depth', () => {
    for (const vendor of ['nvidia', 'apple', 'intel', 'amd'])
      for (const d of [...LAYERS, layer(3, 64, 224), layer(16, 64, 56)]) {
        const { tiled } = machineryFor(d, known(vendor));
        const flat = tiled.filter(({ tile: { depth, teams } }) => depth === 1 && teams === undefined);
        expect(flat.length > 0, `${vendor}, ${d.IN} blocks`).toBe(d.IN === 1);
      }
  });

  test('Winograd runs untuned where it was measured to win and there is work enough, and only there', () => {
    const family = (vendor: string, side = 56) => variantsFor(known(vendor)).conv(layer(256, 256, side)).family;
    expect(family('nvidia')).toBe('winograd');
    expect(family('nvidia', 13)).toBe('tiled');
    expect(family('apple')).toBe('tiled');
  });

  test('lavapipe has Winograd by the direct family, where there is enough of everything', () => {
    const variant = (d: ConvDims, vendor = 'mesa') => variantsFor(known(vendor, true)).conv(d);
    const products = { family: 'direct', quads: false, unroll: 4 };
    expect(variant(layer(256, 256, 56))).toEqual({ family: 'winograd', products });
    expect(variant(layer(512, 512, 8))).toEqual({ family: 'winograd', products });
    expect(variant(layer(512, 512, 4, 3, 4))).toEqual({ family: 'winograd', products });
    for (const [why, d] of Object.entries({
      'a few tiles': layer(512, 512, 6),
      'few channels': layer(12, 512, 56),
      'little work': layer(16, 16, 32),
      'another window': layer(256, 256, 56, 5),
      'much to transform': layer(256, 256, 56, 3, 8),
    }))
      expect(variant(d).family, why).toBe('direct');
    expect(variant(layer(256, 256, 56), 'google').family).toBe('direct');
  });

  test('SwiftShader takes more output blocks of a 1×1 at a time than others, and no more taps', () => {
    const unroll = (R: number, architecture: string) => {
      const variant = variantsFor(known('google', true, architecture)).conv(layer(64, 64, 28, R));
      return variant.family === 'direct' ? variant.unroll : undefined;
    };
    expect([unroll(1, 'swiftshader'), unroll(3, 'swiftshader'), unroll(1, '')]).toEqual([4, 3, 3]);
  });

  test('tiny layers, those narrower than any tile, and software adapters keep the direct kernel', () => {
    const family = (d: ConvDims, fallback = false) => variantsFor(known('nvidia', fallback)).conv(d).family;
    expect(family(layer(16, 16, 7))).toBe('direct');
    expect(family(layer(64, 3, 224))).toBe('direct');
    expect(family(layer(256, 256, 56), true)).toBe('direct');
  });

  test('Winograd is tried for wide 3×3 layers, whose transforms a binding holds', () => {
    const tries = (d: ConvDims) => machineryFor(d, known('nvidia')).winograd.length > 0;
    expect(tries(layer(256, 256, 56))).toBe(true);
    expect(tries(layer(32, 64, 112))).toBe(false);
    expect(tries(layer(256, 256, 56, 5))).toBe(false);
    expect(tries(layer(128, 128, 112, 3, 16))).toBe(false);
  });
});
