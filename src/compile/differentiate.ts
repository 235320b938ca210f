/**
 * Network → steps: the forward pass, then reverse mode. The gradient of a tensor is the sum of what its readers give back; the first
 * of them stores, the others add, and the last multiplies by the ReLU's mask. So `d.T` is the gradient *before* T's own ReLU, which
 * is what the layer that writes T needs, and a mask is applied once, to the sum.
 */
import { blocksOf, stripsOf } from '../../shaders/kernel';
import type { Gate } from '../../shaders/relu';
import { seed } from '../../shaders/seed';
import type { Extents } from '../graph';
import { opOf } from '../ops';
import type { Layer, Site, Slice, Step, Tensor } from '../ops/op';
import { elements } from '../shape';
import { inferExtents } from './extents';
import { type Network, readersOf } from './network';

export interface Steps {
  readonly forward: readonly Step[];
  readonly backward: readonly Step[];
  /** NCHW float32. */
  readonly input: Tensor;
  /** NCHW float32, the gradient with respect to `input`. */
  readonly gradient: Tensor;
  /** The tensor that is differentiated, in blocks. */
  readonly scores: Slice;
}

export function differentiate(network: Network, batch: number, bindingBytes: number): Steps {
  const { input, layers, output, weights } = network;
  const extents = inferExtents(network);
  const readers = readersOf(network);
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const homes = concatHomes(network, readers, extents);

  const external = (name: string, { C, H, W }: Extents): Slice => ({
    C, H, W, block: 0, blocks: blocksOf(C), storage: { name, bytes: batch * elements({ C, H, W }) * 4, kind: 'external' },
  });
  const inputSlice = external(input.name, input.extents);
  const gradientSlice = external(`d.${input.name}`, input.extents);

  /** Where a tensor (or, with prefix `d.`, its gradient) lies: in storage of its own or inside the concatenation that alone reads it. */
  const sliceOf = (name: string, prefix: '' | 'd.'): Slice => {
    if (name === input.name) return prefix === '' ? inputSlice : gradientSlice;
    const { C, H, W } = extents.get(name)!;
    const home = homes.get(name);
    if (home) {
      const whole = sliceOf(home.concat, prefix);
      return { ...whole, C, H, W, block: whole.block + home.block };
    }
    const blocks = blocksOf(C);
    // The scores outlive the forward pass: they are read back, and soft-max begins from them.
    const kind = name === output && prefix === '' ? 'saved' : 'transient';
    return { C, H, W, block: 0, blocks, storage: { name: `${prefix}${name}`, bytes: batch * blocks * H * W * 16, kind } };
  };

  const rectified = (name: string): boolean => {
    const layer = byName.get(name);
    if (!layer) return false;
    if (layer.op === 'concat') return layer.inputs.every((part) => homes.get(part)?.concat === name && rectified(part));
    return layer.relu === true || layer.op === 'relu';
  };
  const gateOf = (name: string): Gate => {
    if (!rectified(name)) return 'none';
    const all = readers.get(name) ?? [];
    return name !== output && all.length > 0 && all.every(({ op }) => op === 'maxPool') ? 'sign' : 'bits';
  };
  const bitsOf = (name: string): Tensor | null => {
    const home = homes.get(name);
    if (home) return bitsOf(home.concat);
    if (gateOf(name) !== 'bits') return null;
    const { C, H, W } = extents.get(name)!;
    return { name: `${name}.bits`, bytes: batch * blocksOf(C) * H * stripsOf(W) * 4, kind: 'saved' };
  };
  const siteOf = (layer: Layer): Site<Layer> => ({
    node: layer,
    batch,
    inputs: layer.inputs.map((name) => sliceOf(name, '')),
    output: sliceOf(layer.name, ''),
    bits: bitsOf(layer.name),
    rectified: layer.inputs.map(rectified),
    weights,
    bindingBytes,
  });
  const isView = (layer: Layer): boolean => layer.op === 'concat' && homes.get(layer.inputs[0]!)?.concat === layer.name;

  const shares = new Map(layers.map(({ name }) => [name, (readers.get(name)?.length ?? 0) + (name === output ? 1 : 0)]));
  const given = new Map<string, number>();
  /** The epilogue of the next share of a tensor's gradient. */
  const nextEpilogue = (name: string) => {
    const before = given.get(name) ?? 0;
    given.set(name, before + 1);
    const last = before + 1 === shares.get(name);
    const gate: Gate = last ? gateOf(name) : 'none';
    return { epilogue: { accumulate: before > 0, gate }, bits: gate === 'bits' ? bitsOf(name) : null };
  };

  const scores = sliceOf(output, '');
  const seedStep = (): Step => {
    const { epilogue, bits } = nextEpilogue(output);
    return {
      label: `${output}.seed`,
      kernel: seed({ N: batch, C: scores.C, H: scores.H, W: scores.W, BLOCKS: scores.blocks }, epilogue),
      bind: { x: scores.storage, dX: sliceOf(output, 'd.').storage, ...(bits ? { bits } : {}) },
    };
  };

  const forward = layers.filter((layer) => !isView(layer)).flatMap((layer) => opOf(layer).forward(siteOf(layer)));
  const backward = [seedStep()];
  for (const layer of [...layers].reverse()) {
    if (isView(layer)) continue;
    const dY = sliceOf(layer.name, 'd.');
    layer.inputs.forEach((name, k) => {
      const next = name === input.name ? { epilogue: { accumulate: false, gate: 'none' as const }, bits: null } : nextEpilogue(name);
      backward.push(...opOf(layer).backward(siteOf(layer), { k, dY, dX: sliceOf(name, 'd.'), ...next }));
    });
  }
  return { forward, backward, input: inputSlice.storage, gradient: gradientSlice.storage, scores };
}

/**
 * Concatenations that cost nothing: each part is written where it belongs in the whole. Possible if every part begins at a whole
 * block, the concatenation alone reads it, and either all or none are rectified (they share one mask).
 */
function concatHomes(
  { layers, output, input }: Network,
  readers: ReadonlyMap<string, readonly Layer[]>,
  extents: ReadonlyMap<string, Extents>,
): ReadonlyMap<string, { readonly concat: string; readonly block: number }> {
  const homes = new Map<string, { concat: string; block: number }>();
  const rectified = new Map<string, boolean>();
  for (const layer of layers) {
    rectified.set(layer.name, layer.relu === true || layer.op === 'relu');
    if (layer.op !== 'concat') continue;
    const parts = layer.inputs.map((name) => ({ name, C: extents.get(name)!.C }));
    const fits = parts.every(({ name, C }, k) =>
      name !== input.name && name !== output && readers.get(name)!.length === 1 && (C % 4 === 0 || k === parts.length - 1) &&
      rectified.get(name) === rectified.get(parts[0]!.name));
    if (!fits) continue;
    rectified.set(layer.name, rectified.get(parts[0]!.name)!);
    let block = 0;
    for (const { name, C } of parts) {
      homes.set(name, { concat: layer.name, block });
      block += blocksOf(C);
    }
  }
  return homes;
}
