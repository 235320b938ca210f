/** One kernel of every generator, of small extents: what stands as WGSL in `shaders/expanded/`. */
import { activationBackward, activationForward } from '../../shaders/activation';
import {
  ascentBlur,
  ascentDirection,
  ascentNorm,
  ascentScore,
  ascentShow,
  ascentStep,
  ascentTick,
} from '../../shaders/ascent';
import { averagePoolBackward, averagePoolForward } from '../../shaders/averagePool';
import { concatBackward, concatForward, rearrange } from '../../shaders/channels';
import { constantForward } from '../../shaders/constant';
import { convDepthwise, convDepthwiseBackwardStrided } from '../../shaders/conv/depthwise';
import { convDirect } from '../../shaders/conv/direct';
import { type ConvKernel, finishBackward, finishForward } from '../../shaders/conv/finish';
import type { ConvDims } from '../../shaders/conv/shape';
import { convBackwardStrided } from '../../shaders/conv/strided';
import { convSum, convTiled } from '../../shaders/conv/tiled';
import { productDims, winogradInput, winogradOutput } from '../../shaders/conv/winograd';
import { winogradProducts } from '../../shaders/conv/winogradProducts';
import { decideBackward, watchForward, watchPool } from '../../shaders/decide';
import { elementwiseBackward, elementwiseForward } from '../../shaders/elementwise';
import type { BackwardEpilogue } from '../../shaders/epilogue';
import { formulaBackward, formulaForward } from '../../shaders/formula';
import { fullyConnectedBackward, fullyConnectedForward, fullyConnectedSum } from '../../shaders/fullyConnected/direct';
import { parallelBackward, parallelForward, parallelSum } from '../../shaders/fullyConnected/parallel';
import { extremeBackward, extremeForward } from '../../shaders/extremes';
import { groupsOf } from '../../shaders/groups';
import { imageBackward, imageForward } from '../../shaders/image';
import { type Kernel, floatBits } from '../../shaders/kernel';
import { lrnBackward, lrnForward } from '../../shaders/lrn';
import { matMul } from '../../shaders/matMul';
import { maxPoolBackward, maxPoolForward } from '../../shaders/maxPool';
import { normalizeBackward, normalizeForward, normalizeStatistics, normalizeSums } from '../../shaders/normalize';
import { permute } from '../../shaders/permute';
import { bestClass } from '../../shaders/bestClass';
import { colourMap, mapOf, scaleOf } from '../../shaders/liveMap';
import { prepare } from '../../shaders/prepare';
import { accumulate, register, vary } from '../../shaders/sampling';
import { separable } from '../../shaders/separable';
import { sideBySide } from '../../shaders/sideBySide';
import { softmaxBackward, softmaxForward } from '../../shaders/softmax';
import { cosineTransform, spectrumWeight } from '../../shaders/spectrum';
import { take } from '../../shaders/take';
import { startBackward } from '../../shaders/startBackward';
import { tapBackward, tapForward } from '../../shaders/taps';

const N = 2;
const BLOCKS = 3;
const slice = { block: 0, blocks: BLOCKS };
const forward = { x: slice, y: slice };
const backward = { dX: slice, dY: slice };
const masked: BackwardEpilogue = { accumulate: true, gate: 'bits' };

const plane = { N, H: 9, W: 11 };
const image = { ...plane, C: 3 };
const window = {
  ...plane,
  P: 5,
  Q: 6,
  R: 3,
  S: 3,
  STRIDE_Y: 2,
  STRIDE_X: 2,
  PAD_TOP: 1,
  PAD_LEFT: 1,
  DILATION_Y: 1,
  DILATION_X: 1,
};
const pool = { ...window, BLOCKS };
const watched = { ...image, BLOCKS, GROUPS: 2 };
const tolerance = { TOLERANCE: floatBits(1e-6) };
const limits = { min: 0, max: 6 };
const averagePool = { ...pool, PADDED_H: 11, PADDED_W: 13, COUNT_PADDING: 0 } as const;
const strided: ConvDims = { ...window, IN: BLOCKS, OUT: BLOCKS, GROUPS: 1 };
const even: ConvDims = { ...strided, H: 8, W: 12, P: 8, Q: 12, STRIDE_Y: 1, STRIDE_X: 1 };
const depthwise: ConvDims = { ...even, IN: 1, OUT: 1, GROUPS: BLOCKS };

const finish = finishForward({ bias: true, relu: true, bits: true, pooled: false }, { y: slice });
const pooled = finishForward({ bias: true, relu: true, bits: false, pooled: true }, { y: slice });
const conv = (name: string, dims = even, last = finish): ConvKernel => ({ name, dims, x: slice, finish: last });
const poolBackward = maxPoolBackward(pool, backward, true, { accumulate: false, gate: 'sign' });
const averageBackward = averagePoolBackward(averagePool, backward, { accumulate: false, gate: 'none' });

const tile = { blocks: 2, units: 4, depth: 1, own: 1 };

const lrn = {
  ...image,
  BLOCKS,
  BELOW: 2,
  ABOVE: 2,
  ALPHA: floatBits(1e-4),
  BETA: floatBits(0.75),
  K: floatBits(1),
};
const elementwise = { ...plane, BLOCKS };
const part = { ...plane, PART: 6, WHOLE: 11, OFFSET: 5 };
const separableDims = { ...plane, O: 12, P: 4, Q: 5, FILL: 0 };
const channelsOfPixel = groupsOf(N, { C: 11, H: 9, W: 11 }, ['C']);
const pixelsOfChannel = groupsOf(N, { C: 11, H: 9, W: 11 }, ['H', 'W']);
const centred = { centred: true, scaled: true };
const normal = { ...channelsOfPixel, EPSILON: floatBits(1e-5) };
const product = { N, BLOCKS, ROWS: 9, COLUMNS: 7, INNER: 11, SUMMED: 1 };
const full = { N, H: 3, W: 3, IN: 9 * BLOCKS, OUT: 4 };
const rows = { FIRST: 0, ROWS: full.IN, SPAN: full.IN, FIRST_SPAN: 0, SPANS: 1 };
const halfOfRows = { ...rows, SPAN: 14, SPANS: 2 };
const rectified = { relu: true, bits: true };
const cells = { ...image, STRIDE_Y: 2, STRIDE_X: 2, PAD_TOP: 1, PAD_LEFT: 1, DEPTH: 12, BLOCKS, P: 6, Q: 7 };
const samples = { ...image, SAMPLES: 10 };
const picture = {
  PICTURE_W: 40,
  FROM_X: 0,
  FROM_Y: 0,
  FROM_W: 40,
  FROM_H: 30,
  C: 3,
  H: 9,
  W: 11,
  TO_X: 0,
  TO_Y: 0,
  TO_W: 11,
  TO_H: 9,
  BGR: 0,
  LINEAR: 0,
  ITEM: 0,
} as const;

/** By the name of their file. */
export const EXAMPLES: Readonly<Record<string, Kernel>> = {
  imageForward: imageForward(cells),
  imageBackward: imageBackward(cells),
  mapOf: mapOf({ N: 1, C: 3, H: 13, W: 11 }, { channels: 'max-abs', smoothing: 0.5 }),
  scaleOf: scaleOf({ N: 1, C: 3, H: 13, W: 11 }, { percentile: 99, keeps: 0 }),
  colourMap: colourMap(
    {
      ...{ N: 1, H: 13, W: 11, OUT_H: 20, OUT_W: 30 },
      ...{ FROM_X: 0, FROM_Y: 0, FROM_W: 30, FROM_H: 20, TO_X: 0, TO_Y: 0, TO_W: 11, TO_H: 13 },
    },
    {
      to: 'rgba8unorm',
      centred: false,
      steps: 1024,
      linear: true,
      flipY: false,
      opacity: { alpha: 0.5, premultiplied: false },
      overlay: { in: 'texture', width: 30, height: 20, linear: false },
    },
  ),
  bestClass: bestClass({ N: 2, C: 10 }, { x: { block: 0, blocks: 3 } }),
  prepare: prepare(picture, { factor: [1, 1, 1], offset: [0, 0, 0] }),

  convDirect: convDirect(conv('convForward'), { family: 'direct', quads: false, unroll: 1 }, 'forward'),
  convDirectQuads: convDirect(
    conv('convPoolForward', even, pooled),
    { family: 'direct', quads: true, unroll: 6 },
    'forward',
  ),
  convDirectNarrow: convDirect(
    conv('convForward', { ...even, H: 4, W: 4, P: 4, Q: 4 }),
    { family: 'direct', quads: true, unroll: 3 },
    'forward',
  ),
  convDirectBackward: convDirect(
    conv('convBackward', even, finishBackward(masked, slice)),
    { family: 'direct', quads: false, unroll: 1 },
    'flipped',
  ),
  convDepthwise: convDepthwise(conv('convForward', depthwise)),
  convDepthwiseBackwardStrided: convDepthwiseBackwardStrided({ ...strided, GROUPS: BLOCKS }, backward, masked),
  convBackwardStrided: convBackwardStrided(strided, backward, masked),
  convTransposeStrided: convBackwardStrided(strided, backward, { accumulate: false, gate: 'none' }, true),
  convTiled: convTiled(conv('convForward'), { family: 'tiled', tile, spans: 1 }),
  convTiledInSpans: convTiled(conv('convForward'), { family: 'tiled', tile, spans: 3 }),
  convSum: convSum(conv('convForwardSum'), 3),
  winogradInput: winogradInput(conv('winogradInput')),
  winogradProducts: winogradProducts(productDims(even), tile),
  winogradOutput: winogradOutput(conv('convForwardWinogradOutput')),
  winogradInputTurned: winogradInput(conv('winogradInput'), true),
  winogradOutputTurned: winogradOutput(conv('convBackwardWinogradOutput', even, finishBackward(masked, slice)), true),

  fullyConnectedForward: fullyConnectedForward(full, forward, rows, { family: 'direct', quads: false }, rectified),
  fullyConnectedSum: fullyConnectedSum(full, forward, 2, rectified),
  fullyConnectedBackward: fullyConnectedBackward(full, backward, rows, { family: 'direct', quads: false }, masked),
  parallelForward: parallelForward(full, forward, halfOfRows, rectified),
  parallelSum: parallelSum(full, forward, 2, rectified),
  parallelBackward: parallelBackward(full, backward, rows, masked),

  maxPoolForward: maxPoolForward(pool, forward, true),
  maxPoolBackward: poolBackward,
  decideForward: watchForward(watched, forward, limits),
  decideBackward: decideBackward({ ...watched, ...tolerance }, { ...forward, ...backward }, limits, masked),
  watchForward: watchForward(watched, { x: slice }, null),
  watchPool: watchPool({ ...pool, ...watched, ...tolerance }, { x: slice, dY: slice }, false),
  averagePoolForward: averagePoolForward(averagePool, forward),
  averagePoolBackward: averageBackward,
  lrnForward: lrnForward(lrn, forward),
  lrnBackward: lrnBackward(lrn, { ...backward, x: slice }, masked),

  elementwiseForward: elementwiseForward(
    elementwise,
    { inputs: [slice, slice], y: slice },
    { product: false, affine: 'none', relu: true, bits: true },
  ),
  elementwiseBackward: elementwiseBackward(elementwise, backward, 'channels', masked),
  activationForward: activationForward('leakyRelu', { ...elementwise, C: 11 }, { slope: 0.1 }, forward),
  activationBackward: activationBackward('swish', { ...elementwise, C: 11 }, {}, { ...backward, x: slice }, masked),
  formulaForward: formulaForward('maximum', { ...elementwise, C: 11 }, { x0: slice, x1: slice, y: slice }),
  formulaBackward: formulaBackward(
    'divide',
    1,
    { ...elementwise, C: 11 },
    { ...backward, x0: slice, x1: slice },
    masked,
  ),
  concatForward: concatForward(part, forward),
  concatBackward: concatBackward(part, backward, masked),
  tapForward: tapForward(image, { x: slice }),
  tapBackward: tapBackward(image, { dX: slice }, masked),
  constantForward: constantForward({ ...plane, BLOCKS }, { y: slice }),
  permuteBackward: permute(
    { ...image, PLANE: 99 },
    [
      { extent: 9, stride: 11 },
      { extent: 33, stride: 1 },
    ],
    { from: slice, to: slice },
    masked,
  ),
  rearrange: rearrange({ ...image, SC: 1, SH: 33, SW: 3, PLANE: 99 }, { from: slice, to: slice }, null),
  separable: separable(separableDims, { from: slice, to: slice }, true, null),

  matMulForward: matMul(
    product,
    { left: slice, right: slice, to: slice },
    { left: { transposed: false, single: false }, right: { transposed: true, single: true }, sum: false },
    null,
  ),
  matMulBackward: matMul(
    { ...product, SUMMED: BLOCKS },
    { left: slice, right: slice, to: slice },
    { left: { transposed: false, single: false }, right: { transposed: false, single: false }, sum: true },
    masked,
  ),
  take: take({ ...image, FROM_H: 4, FROM_W: 5 }, { from: slice, to: slice }, null),
  maxForward: extremeForward(channelsOfPixel, forward, 'max'),
  maxBackward: extremeBackward(channelsOfPixel, backward, 'max', masked),
  normalizeStatistics: normalizeStatistics(normal, forward, true),
  normalizeForward: normalizeForward(normal, forward, centred),
  normalizeSums: normalizeSums(normal, { ...backward, x: slice }, centred),
  normalizeBackward: normalizeBackward(normal, { ...backward, x: slice }, centred, masked),

  softmaxForward: softmaxForward(channelsOfPixel, forward, { logarithm: false, tapped: true }),
  softmaxForwardShared: softmaxForward(pixelsOfChannel, forward, { logarithm: false, tapped: false }),
  softmaxBackward: softmaxBackward(channelsOfPixel, { ...backward, x: slice }, false, masked),

  startBackward: startBackward({ ...image, BLOCKS: 1 }, { accumulate: false, gate: 'none' }),

  ascentShow: ascentShow(image, { jitter: 2, rotate: 0, zoom: 0, seed: 1 }),
  ascentTick: ascentTick(),
  ascentDirection: ascentDirection(image, { l2: 1e-3, totalVariation: 1e-2, jitter: 2, rotate: 0, zoom: 0, seed: 1 }),
  ascentShowTurned: ascentShow(image, { jitter: 2, rotate: 8, zoom: 0.1, seed: 1 }),
  ascentDirectionTurned: ascentDirection(image, { l2: 0, totalVariation: 0, jitter: 2, rotate: 8, zoom: 0.1, seed: 1 }),
  cosineTransform: cosineTransform(image, 'W', false),
  cosineTransformBack: cosineTransform(image, 'H', true),
  spectrumWeight: spectrumWeight(image, 1),
  ascentNorm: ascentNorm(image),
  ascentScore: ascentScore({ N, BLOCKS, PLANE: 1 }),
  ascentStep: ascentStep(image, { step: 1, momentum: 0.9, normalise: true }),
  ascentBlur: ascentBlur(image, 'W', 1),
  vary: vary(samples, { kind: 'noise', sigma: 0.1, seed: 1 }),
  accumulate: accumulate(samples, 'squares'),
  register: register(samples, 'max-abs'),
  sideBySide: sideBySide([
    { kernel: poolBackward, bind: { dY: 'd.maxPool', switches: 'maxPool.switches', dX: 'd.a' } },
    { kernel: averageBackward, bind: { dY: 'd.averagePool', dX: 'd.b' } },
  ]).kernel,
};
