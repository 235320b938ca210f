/**
 * Which tiled kernels a GPU may run a convolution with, the most promising first. By arithmetic alone: what each is
 * good for on a given GPU is for the tuner to measure.
 */
import { type ConvDims, ROW, flopsOf, unitsOf } from '../../shaders/conv/shape';
import { type Tile, type TiledVariant, invocationsOf, partialLength, stepsOf } from '../../shaders/conv/tiled';
import { type WinogradVariant, productDims, suitsWinograd } from '../../shaders/conv/winograd';
import type { Environment } from '../environment';

/**
 * By output channels × pixels; `own` of two makes an invocation's 8 × 8 sums, of one 4 × 8. All run at WebGPU's default
 * limits. `24×128` and the 16s are for few channels: 16, 24, 48, 144. The first layer of a network has one block of
 * input channels: there a tile is one block deep. With teams a workgroup has 256 invocations whatever its tile, so that
 * layers of different shapes can share a dispatch.
 */
export const TILES = {
  '128×64': { blocks: 32, units: 8, depth: 4, own: 2 },
  '64×128': { blocks: 16, units: 16, depth: 4, own: 2 },
  '64×64': { blocks: 16, units: 8, depth: 4, own: 2 },
  '64×64 of 4×8': { blocks: 16, units: 8, depth: 4, own: 1 },
  '64×64, one block deep': { blocks: 16, units: 8, depth: 1, own: 2 },
  '128×32': { blocks: 32, units: 4, depth: 4, own: 2 },
  '64×32': { blocks: 16, units: 4, depth: 4, own: 2 },
  '32×64': { blocks: 8, units: 8, depth: 4, own: 1 },
  '32×32': { blocks: 8, units: 4, depth: 4, own: 1 },
  '24×128': { blocks: 6, units: 16, depth: 4, own: 3 },
  '16×128': { blocks: 4, units: 16, depth: 4, own: 1 },
  '16×64': { blocks: 4, units: 8, depth: 4, own: 1 },
  '32×32 by 8 teams': { blocks: 8, units: 4, depth: 1, own: 1, teams: 8 },
  '16×32 by 16 teams': { blocks: 4, units: 4, depth: 1, own: 1, teams: 16 },
} as const satisfies Readonly<Record<string, Tile>>;

interface Machine {
  /** Shader cores (multiprocessors) of a usual one; what an adapter has, WebGPU does not tell. */
  readonly cores: number;
  readonly tiles: readonly Tile[];
  readonly winograd: {
    /** Channels, in and out, from which its saving outweighs what it moves. */
    readonly channels: number;
    /** Whether that was measured: else it runs only where the tuner saw it win. */
    readonly measured: boolean;
    /** Of its products, the most promising first. */
    readonly tiles: readonly Tile[];
  };
}

const MODERATE = [
  TILES['64×64'],
  TILES['64×64 of 4×8'],
  TILES['64×64, one block deep'],
  TILES['32×64'],
  TILES['32×32'],
  TILES['24×128'],
  TILES['16×128'],
  TILES['16×64'],
  TILES['32×32 by 8 teams'],
  TILES['16×32 by 16 teams'],
];
const UNMEASURED = { measured: false, tiles: [TILES['64×64'], TILES['64×32']] };
const UNKNOWN: Machine = { cores: 64, tiles: MODERATE, winograd: { channels: 128, ...UNMEASURED } };
const MACHINES: Readonly<Record<string, Machine>> = {
  // an H200's sweep: bench/README.md
  nvidia: {
    cores: 132,
    tiles: [TILES['64×128'], TILES['128×64'], TILES['128×32'], TILES['64×32'], ...MODERATE],
    winograd: { channels: 64, measured: true, tiles: [TILES['64×32'], TILES['64×64'], TILES['64×128']] },
  },
  apple: { cores: 16, tiles: MODERATE, winograd: { channels: 256, ...UNMEASURED } },
  intel: { cores: 24, tiles: MODERATE, winograd: { channels: 256, ...UNMEASURED } },
};

type Adapter = Environment['adapter'];
const machineOf = ({ vendor }: Adapter): Machine => MACHINES[vendor.toLowerCase()] ?? UNKNOWN;
export const coresOf = (adapter: Adapter): number => machineOf(adapter).cores;

/**
 * More than this many times the products that are needed, and a tile does not fit the layer. The direct kernel, which
 * runs then, reached a tenth of a tiled one's rate in a batch of one and less than half in a batch of eight
 * (SqueezeNet on an H200).
 */
const MOST_WASTE = 2;
/**
 * Workgroups without which a core idles; and invocations, until there are so many of which a sum is cut into spans.
 */
const BUSY_WORKGROUPS = 2;
const BUSY_INVOCATIONS = 256;
const MOST_SPANS = 16;
/** A shorter span is not worth its partial sums. */
const SHORTEST_SPAN = 4;
/** FLOP of a core in a microsecond, at best; and microseconds of a dispatch that has next to nothing to do. */
const CORE_FLOPS = 4e5;
const DISPATCH = 5;
/** Work that is over before a GPU is filled: the direct kernel, which needs nothing of it, does as well. */
const TINY_FLOPS = 4e6;
/**
 * Work from which Winograd's three dispatches, untuned, are taken to cost less than the multiplications that they save.
 */
const WINOGRAD_FLOPS = 5e8;
const MOST_TILED = 7;

/**
 * Lavapipe does Winograd's products by the direct family, as 1×1 filters of up to four output blocks at a time, in 0.4
 * to 0.75 of the time of the direct sum, transforms included; SwiftShader takes 1.5 times as long (bench/README.md).
 * Not where there are few tiles, which fill no vector, few channels, over whose transforms little is saved, or so
 * little work that three kernels are compiled for nothing.
 */
const LAVAPIPE = { tiles: 16, blocks: 4, flops: 1e7, unroll: 4 };
/** Bytes of what is transformed, or of its products. */
const MOST_TRANSFORMED = 2 ** 25;

function winogradOnLavapipe(d: ConvDims, quads: boolean): WinogradVariant | null {
  const { W, GROUPS } = productDims(d);
  const suits =
    suitsWinograd(d) &&
    W >= LAVAPIPE.tiles &&
    Math.min(d.IN, d.OUT) >= LAVAPIPE.blocks &&
    flopsOf(d) >= LAVAPIPE.flops &&
    GROUPS * Math.max(d.IN, d.OUT) * W * 16 <= MOST_TRANSFORMED;
  return suits ? { family: 'winograd', products: { family: 'direct', quads, unroll: LAVAPIPE.unroll } } : null;
}

/** The most promising of each family first. */
export interface Machinery {
  readonly tiled: readonly TiledVariant[];
  readonly winograd: readonly WinogradVariant[];
  /** What runs untuned; null: none of them. */
  readonly untuned: TiledVariant | WinogradVariant | null;
}

export function machineryFor(
  d: ConvDims,
  { adapter, features, limits }: Pick<Environment, 'adapter' | 'features' | 'limits'>,
): Machinery {
  if (adapter.isFallbackAdapter || flopsOf(d) < TINY_FLOPS) {
    const untuned = adapter.vendor === 'mesa' ? winogradOnLavapipe(d, features.includes('subgroups')) : null;
    return { tiled: [], winograd: [], untuned };
  }
  const machine = machineOf(adapter);
  const bindable = (elements: number): boolean => elements * 4 <= limits.maxStorageBufferBindingSize;
  const tiled = machine.tiles
    .flatMap((tile) =>
      spansFor(d, tile, machine).map((spans) => ({
        variant: { family: 'tiled', tile, spans } as const,
        rate: rateOf(d, tile, spans, machine),
      })),
    )
    .filter(({ variant: { spans }, rate }) => rate > 0 && (spans === 1 || bindable(partialLength(d, ROW, spans))))
    .map(({ variant, rate }) => ({ variant, time: timeOf(d, variant, rate * machine.cores * CORE_FLOPS) }))
    .sort((a, b) => a.time - b.time)
    .slice(0, MOST_TILED)
    .map(({ variant }) => variant);

  const products = productDims(d);
  const { channels, tiles, measured } = machine.winograd;
  const winograd =
    suitsWinograd(d) &&
    4 * Math.min(d.IN, d.OUT) >= channels &&
    bindable(products.GROUPS * Math.max(products.IN, products.OUT) * products.W * 4)
      ? tiles.map((tile): WinogradVariant => ({ family: 'winograd', tile }))
      : [];
  return {
    tiled,
    winograd,
    untuned: (measured && flopsOf(d) >= WINOGRAD_FLOPS ? winograd[0] : undefined) ?? tiled[0] ?? null,
  };
}

const unitCount = (d: ConvDims): number => {
  const { UNIT_ROWS, UNIT_COLUMNS } = unitsOf(d, ROW);
  return d.N * UNIT_ROWS * UNIT_COLUMNS;
};
const workgroupsOf = (d: ConvDims, tile: Tile): number =>
  Math.ceil(unitCount(d) / tile.units) * Math.ceil(d.OUT / tile.blocks) * d.GROUPS;
const wantedWorkgroups = (tile: Tile, { cores }: Machine): number =>
  cores * Math.max(BUSY_WORKGROUPS, BUSY_INVOCATIONS / invocationsOf(tile));

/** Two if spans are added up; and half of one where the workgroups are such that others often share it. */
const dispatchesOf = ({ tile, spans }: TiledVariant): number =>
  (tile.teams === undefined ? 1 : 0.5) + (spans > 1 ? 1 : 0);

/** Microseconds, as far as they decide between kernels. */
const timeOf = (d: ConvDims, variant: TiledVariant, rate: number): number =>
  flopsOf(d) / rate + DISPATCH * dispatchesOf(variant);

/** No spans; and, where that leaves cores idle, as many as fill them. */
function spansFor(d: ConvDims, tile: Tile, machine: Machine): readonly number[] {
  if (tile.teams !== undefined) return [1];
  const { STEPS } = stepsOf(d, tile, 1);
  const wanted = Math.ceil(wantedWorkgroups(tile, machine) / workgroupsOf(d, tile));
  const { spans } = stepsOf(d, tile, Math.max(1, Math.min(wanted, MOST_SPANS, Math.floor(STEPS / SHORTEST_SPAN))));
  return spans > 1 ? [1, spans] : [1];
}

/**
 * What share of a GPU's rate to expect (constants fitted to an H200's sweep, where its first choice takes 2 % longer
 * than the best): by reuse of what is loaded, cores that are busy, and products that are needed. 0: does not fit.
 */
function rateOf(d: ConvDims, tile: Tile, spans: number, machine: Machine): number {
  const { teams = 1 } = tile;
  const units = unitCount(d);
  const rounded = (extent: number, step: number): number => (Math.ceil(extent / step) * step) / extent;
  if (tile.depth === 1 && d.IN > 1 && teams === 1) return 0;
  const waste = rounded(d.OUT, tile.blocks) * rounded(units, tile.units) * rounded(d.IN, tile.depth);
  if (waste > MOST_WASTE) return 0;
  const [channels, pixels] = [tile.blocks * 4, tile.units * 8];
  const reuse = (channels * pixels) / (channels + pixels);
  const registers = tile.own === 1 ? 0.9 : 1;
  const working = Math.min(1, stepsOf(d, { ...tile, teams: 1 }, 1).STEPS / teams);
  const perCore = teams > 1 ? 1 : BUSY_WORKGROUPS;
  const busy = Math.min(1, (workgroupsOf(d, tile) * spans) / (machine.cores * perCore)) * working;
  return (registers * (reuse / (reuse + 16)) * busy * (spans > 1 ? 0.8 : 1)) / waste;
}
