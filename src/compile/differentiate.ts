/**
 * Network → steps: the forward pass, then reverse mode. The gradient of a tensor is the sum of what its readers give
 * back; the first of them stores, the others add, and the last multiplies by the ReLU's mask. So `d.T` is the gradient
 * *before* T's own ReLU (and, if T's layer pools in its epilogue, before that pool), which is what the layer that
 * writes T needs, and a mask is applied once, to the sum.
 */
import { type BackwardEpilogue, type Gate } from '../../shaders/epilogue';
import { blocksOf, stripsOf } from '../../shaders/kernel';
import { startBackward } from '../../shaders/startBackward';
import { tapBackward, tapForward } from '../../shaders/taps';
import { type Extents, dependents } from '../graph';
import { opOf } from '../ops';
import { carriedPool, unpooled } from '../ops/conv';
import { imageDims } from '../ops/image';
import { maxPool, maxPoolSwitches } from '../ops/maxPool';
import { type GradientShare, type Site, type Slice, type Step, type Tensor, stepOf } from '../ops/op';
import type { Variants } from '../variants/variants';
import { elements } from '../shape';
import { type ConcatHomes, concatHomes } from './concatHomes';
import { inferExtents } from './extents';
import { type Layer, type Network, cutOf, isKept, readersOf, upstreamOf } from './network';
import { type Sums, sumsOf } from './sums';

export interface Steps {
  readonly forward: readonly Step[];
  readonly backward: readonly Step[];
  /** NCHW float32. */
  readonly input: Tensor;
  /** NCHW float32, the gradient with respect to `input`. */
  readonly gradient: Tensor;
  /** The tensor that is differentiated, in blocks. */
  readonly scores: Slice;
  /** Of the tensors that are kept, by the names that the graph has for them. */
  readonly taps: ReadonlyMap<string, Tap>;
  /** How many of the forward steps those need; the scores need them all. */
  readonly tapped: number;
}

/** A tensor inside of the network that is read from outside and seeded: NCHW float32. */
export interface Tap {
  /** Filled on the way forward. */
  readonly out: Tensor;
  /** The gradient of a loss with respect to it, which the way back begins from. */
  readonly seed: Tensor;
}

/** Where everything lies, and what is known about it. */
interface Layout {
  readonly network: Network;
  readonly batch: number;
  readonly bindingBytes: number;
  readonly variants: Variants;
  readonly extents: ReadonlyMap<string, Extents>;
  readonly readers: ReadonlyMap<string, readonly Layer[]>;
  readonly byName: ReadonlyMap<string, Layer>;
  readonly homes: ConcatHomes;
  readonly sums: Sums;
  /** Tensors (of concatenations, the whole) that a backward step reads. */
  readonly kept: ReadonlySet<string>;
  /** Where the way back begins, at the output or at what is kept, and all that this depends on: what has a gradient. */
  readonly differentiated: ReadonlySet<string>;
}

export function differentiate(network: Network, batch: number, bindingBytes: number, variants: Variants): Steps {
  const extents = inferExtents(network);
  const readers = readersOf(network);
  const homes = concatHomes(network, readers, extents);
  const whole = (name: string): string => (homes.has(name) ? whole(homes.get(name)!.concat) : name);
  const differentiated = upstreamOf(network, network.kept.size > 0 ? network.kept.values() : [network.output]);
  const layout: Layout = {
    differentiated,
    network,
    batch,
    bindingBytes,
    variants,
    extents,
    readers,
    homes,
    sums: sumsOf(network, { readers, homes, differentiated }),
    byName: new Map(network.layers.map((layer) => [layer.name, layer])),
    kept: new Set(network.layers.filter((layer) => opOf(layer).keepsInputs).flatMap(({ inputs }) => inputs.map(whole))),
  };
  const { input } = network;
  const taps = tapsOf(layout);
  const written = new Map<string, Tap>(); // by operators themselves
  for (const [asked, tap] of taps) {
    const layer = layout.byName.get(network.kept.get(asked)!)!;
    if (opOf(layer).writesTap && !written.has(layer.name)) written.set(layer.name, tap);
  }
  const stepsOf = (layers: readonly Layer[]): readonly Step[] =>
    layers
      .filter((layer) => !isView(layout, layer) && !layout.sums.carriers.has(layer.name))
      .flatMap((layer) => {
        const tap = written.get(layer.name);
        return opOf(layer).forward({ ...forwardSiteOf(layout, layer), ...(tap && { tap: tap.out }) });
      });
  const first = stepsOf(network.layers.filter(({ name }) => differentiated.has(name)));
  const read = [...taps].flatMap(([asked, tap]) => {
    const name = network.kept.get(asked)!;
    return written.get(name) === tap ? [] : [readStep(layout, name, tap)];
  });
  const rest = stepsOf(network.layers.filter(({ name }) => !differentiated.has(name)));
  return {
    forward: [...first, ...read, ...rest],
    tapped: first.length + read.length,
    taps,
    backward: backwardSteps(layout, taps),
    input: sliceOf(layout, input.name).storage,
    gradient: gradientOf(layout, input.name).storage,
    scores: sliceOf(layout, network.output),
  };
}

// ── where tensors lie ──

/** Storage of its own for a tensor of these extents. */
function storage(layout: Layout, name: string, { C, H, W }: Extents, kind: Tensor['kind']): Slice {
  const blocks = blocksOf(C);
  // what the caller hands in and takes out is NCHW, everything else blocks of four
  const bytes = layout.batch * (kind === 'external' ? elements({ C, H, W }) * 4 : blocks * H * W * 16);
  return { C, H, W, block: 0, blocks, storage: { name, bytes, kind } };
}

/** A tensor of its own, or its place inside the concatenation that alone reads it. */
function inPlace(layout: Layout, name: string, own: (name: string) => Slice): Slice {
  const home = layout.homes.get(name);
  if (!home) return own(name);
  const whole = inPlace(layout, home.concat, own);
  return { ...whole, C: layout.extents.get(name)!.C, block: whole.block + home.block };
}

function sliceOf(layout: Layout, name: string): Slice {
  const {
    network: { input, output },
    kept,
  } = layout;
  return inPlace(layout, name, (own) =>
    // the scores outlive the forward pass: they are read back, and soft-max begins from them
    storage(
      layout,
      own,
      layout.extents.get(own)!,
      own === input.name ? 'external' : own === output || kept.has(own) ? 'saved' : 'transient',
    ),
  );
}

function gradientOf(layout: Layout, name: string): Slice {
  return inPlace(layout, name, (own) => {
    const sum = layout.sums.shared.get(own);
    if (sum !== undefined) return gradientOf(layout, sum);
    const extents = layout.extents.get(own)!;
    const full = layout.byName.get(own)?.pooled ? unpooled(extents) : extents;
    return storage(layout, `d.${own}`, full, own === layout.network.input.name ? 'external' : 'transient');
  });
}

/** Whether a layer does nothing, since its inputs are written where it would put them. */
const isView = ({ homes }: Layout, layer: Layer): boolean =>
  layer.op === 'concat' && homes.get(layer.inputs[0]!)?.concat === layer.name;

// ── what is known of them ──

/** Of a concatenation that is a view, what cuts all of its parts. */
function cutIn(layout: Layout, name: string): ReturnType<typeof cutOf> {
  const layer = layout.byName.get(name);
  if (!layer) return 'none';
  return isView(layout, layer) ? cutIn(layout, layer.inputs[0]!) : cutOf(layer);
}

const isRectified = (layout: Layout, name: string): boolean => cutIn(layout, name) === 'relu';

function gateOf(layout: Layout, name: string): Gate {
  const cut = cutIn(layout, name);
  if (cut !== 'relu') return cut;
  if (layout.byName.get(name)!.pooled) return 'sign';
  const readers = layout.readers.get(name) ?? [];
  return !isKept(layout.network, name) && readers.length > 0 && readers.every(({ op }) => op === 'maxPool')
    ? 'sign'
    : 'bits';
}

const hasBits = (gate: Gate): boolean => gate === 'bits' || gate === 'clip';

function bitsOf(layout: Layout, name: string): Tensor | null {
  const home = layout.homes.get(name);
  if (home) return bitsOf(layout, home.concat);
  if (!hasBits(gateOf(layout, name))) return null;
  const { C, H, W } = layout.extents.get(name)!;
  return { name: `${name}.bits`, bytes: layout.batch * blocksOf(C) * H * stripsOf(W) * 4, kind: 'saved' };
}

function siteOf(layout: Layout, layer: Layer): Site<Layer> {
  return {
    node: layer,
    batch: layout.batch,
    inputs: layer.inputs.map((name) => sliceOf(layout, name)),
    output: sliceOf(layout, layer.name),
    bits: bitsOf(layout, layer.name),
    rectified: layer.inputs.map((name) => isRectified(layout, name)),
    weights: layout.network.weights,
    bindingBytes: layout.bindingBytes,
    variants: layout.variants,
  };
}

/** On the way forward a convolution may stand in for the sum that alone reads it. */
function forwardSiteOf(layout: Layout, layer: Layer): Site<Layer> {
  const site = siteOf(layout, layer);
  const carried = layout.sums.carried.get(layer.name);
  if (!carried) return site;
  const { sum, other } = carried;
  const { node, output, bits } = siteOf(layout, sum);
  return {
    ...site,
    node: { ...layer, ...(node.relu ? { relu: true } : {}) },
    output,
    bits,
    addend: sliceOf(layout, other),
  };
}

// ── what is read and seeded from outside ──

/** Two names of one tensor have a buffer each. */
function tapsOf({ network, batch, extents }: Layout): ReadonlyMap<string, Tap> {
  return new Map(
    [...network.kept].map(([asked, name]) => {
      const bytes = batch * elements(extents.get(name)!) * 4;
      return [
        asked,
        {
          out: { name: `${asked}.out`, bytes, kind: 'external' },
          seed: { name: `${asked}.seed`, bytes, kind: 'external' },
        },
      ] as const;
    }),
  );
}

function readStep(layout: Layout, name: string, { out }: Tap): Step {
  const x = sliceOf(layout, name);
  return stepOf(name, 'tapForward', tapForward(tapDims(layout, x), { x }), { x, tap: out });
}

const tapDims = ({ batch }: Layout, { C, H, W }: Extents) => ({ N: batch, C, H, W });

// ── the way back ──

function backwardSteps(layout: Layout, taps: ReadonlyMap<string, Tap>): readonly Step[] {
  const {
    network: { input, kept, layers, output },
    batch,
    readers,
    differentiated,
  } = layout;
  const seedsOf = (name: string): number =>
    taps.size > 0 ? [...kept.values()].filter((tensor) => tensor === name).length : Number(name === output);
  const given = new Map<string, number>();
  const isAsked = dependents(input.name, layers);

  /**
   * What the next giver of a tensor's gradient does, and where it stores it. `storesOnce`: it can store it somewhere
   * else.
   */
  const nextShare = (name: string, storesOnce: boolean): Omit<GradientShare, 'k' | 'dY'> => {
    const before = given.get(name) ?? 0;
    given.set(name, before + 1);
    const giving = readers.get(name)?.filter((reader) => differentiated.has(reader.name)) ?? [];
    const count = giving.length + seedsOf(name);
    const layer = layout.byName.get(name)!;
    const only = storesOnce && count === 1;
    if (layer.op === 'image' && only) {
      return {
        dX: inStorage(sliceOf(layout, name), gradientOf(layout, input.name)),
        epilogue: { accumulate: false, gate: 'none', image: imageDims(layer, batch, input.extents) },
        kept: {},
      };
    }
    if (layer.pooled) {
      const dX = sliceOf(layout, name);
      if (only)
        return {
          dX: inStorage(dX, gradientOf(layout, name)),
          epilogue: unpoolEpilogue(layout, layer),
          kept: { switches: switchesOf(layout, layer) },
        };
      return { dX: pooledGradient(layout, name), epilogue: { accumulate: before > 0, gate: 'none' }, kept: {} };
    }
    const gate = before + 1 === count ? gateOf(layout, name) : 'none';
    const bits = hasBits(gate) ? bitsOf(layout, name) : null;
    return { dX: gradientOf(layout, name), epilogue: { accumulate: before > 0, gate }, kept: bits ? { bits } : {} };
  };

  const steps: Step[] = [];
  const once = new Set<string>();
  for (const [asked, { seed }] of taps) {
    const name = kept.get(asked)!;
    const { dX, epilogue, kept: needs } = nextShare(name, false);
    const kernel = tapBackward(tapDims(layout, dX), { dX }, epilogue);
    steps.push(stepOf(asked, 'tapBackward', kernel, { seed, dX, ...needs }));
  }
  if (taps.size === 0) steps.push(startStep(layout, nextShare(output, false)));
  for (const layer of [...layers].reverse()) {
    if (!differentiated.has(layer.name) || !isAsked.has(layer.name) || isView(layout, layer)) continue;
    if (layer.pooled && !once.has(layer.name)) steps.push(unpoolStep(layout, layer));
    if (layer.op === 'image' && once.has(layer.name)) continue;
    const dY = gradientOf(layout, layer.name);
    layer.inputs.forEach((name, k) => {
      if (!isAsked.has(name)) return;
      const op = opOf(layer);
      const share: Omit<GradientShare, 'k' | 'dY'> =
        name === input.name
          ? { dX: gradientOf(layout, name), epilogue: { accumulate: false, gate: 'none' }, kept: {} }
          : nextShare(name, op.storesOnce?.(layer) ?? false);
      if (share.epilogue.unpool || share.epilogue.image) once.add(name);
      // it lies where the sum's gradient does
      if (layer.op === 'add' && layout.sums.shared.get(name) === layer.name) return;
      steps.push(...op.backward(siteOf(layout, layer), { k, dY, ...share }));
    });
  }
  return steps;
}

/** Where the gradient of a score begins, which is chosen as it runs. */
function startStep(layout: Layout, { dX, epilogue, kept }: Omit<GradientShare, 'k' | 'dY'>): Step {
  const { output } = layout.network;
  const { C, H, W, blocks } = dX;
  return {
    label: `${output}.startBackward`,
    kernel: startBackward({ N: layout.batch, C, H, W, BLOCKS: blocks }, epilogue),
    bind: { x: sliceOf(layout, output).storage, dX: dX.storage, ...kept },
  };
}

/** `slice` as the kernel counts it, in the storage of `other`, where its epilogue puts it. */
const inStorage = (slice: Slice, other: Slice): Slice => ({ ...slice, storage: other.storage });

const unpoolEpilogue = (layout: Layout, layer: Layer): BackwardEpilogue => ({
  accumulate: false,
  gate: gateOf(layout, layer.name),
  unpool: true,
});

const pooledGradient = (layout: Layout, name: string): Slice =>
  storage(layout, `d.${name}.pooled`, layout.extents.get(name)!, 'transient');

function switchesOf(layout: Layout, { name }: Layer): Tensor {
  const y = sliceOf(layout, name);
  return maxPoolSwitches(carriedPool(name), layout.batch, unpooled(y), y);
}

/**
 * Where the gradient of a pooled tensor had several givers: what the pool that its layer carries does on the way back.
 */
function unpoolStep(layout: Layout, layer: Layer): Step {
  const { name } = layer;
  const y = sliceOf(layout, name);
  const site = {
    ...siteOf(layout, layer),
    node: carriedPool(name),
    inputs: [unpooled(y)],
    output: y,
    rectified: [isRectified(layout, name)],
  };
  const [step] = maxPool.backward(site, {
    k: 0,
    dY: pooledGradient(layout, name),
    dX: gradientOf(layout, name),
    epilogue: { accumulate: false, gate: gateOf(layout, name) },
    kept: {},
  });
  return step!;
}
