/**
 * Steps → Plan: which tensor lies in which buffer. Buffers are reused whole, by liveness. Two tensors that one step
 * touches never share a buffer: WebGPU refuses a dispatch that binds one buffer both to read and to write, even in
 * disjoint ranges.
 */
import type { Extents } from '../graph';
import type { Slice, Step, Tensor } from '../ops/op';
import { MOST_WORKGROUPS } from '../../shaders/kernel';
import { GradlensError } from '../errors';
import type { Steps, Tap } from './differentiate';
import type { Watched } from './watch';
import { allocatedBytes, extentOffsets } from './sizes';

export interface PlannedBuffer {
  readonly bytes: number;
  readonly kind: Tensor['kind'];
  /** Of weights: what to upload. */
  readonly fill?: () => Float32Array;
  /** Of weights: to be rounded to half precision first. */
  readonly half?: true;
  readonly name: string;
}

/** Bytes on the GPU, known before any is allocated. */
export interface Memory {
  /** Of the model. */
  readonly weights: number;
  /** What passes between layers. */
  readonly activations: number;
  /** Kept from the forward for the backward pass: ReLU bits, pooling switches, scores. */
  readonly saved: number;
  /** The input, the gradient, uniforms and read-back. */
  readonly scratch: number;
}

/** A network as dispatches and buffers; data that prints: `console.log(String(model.plan))`. */
export interface Plan {
  /** Of the network. */
  readonly name: string;
  /** Items per run. */
  readonly batch: number;
  /** Dispatches from the input to the scores. */
  readonly forward: readonly Step[];
  /** Dispatches from the scores back to the input. */
  readonly backward: readonly Step[];
  /** How many there are in both directions. */
  readonly steps: number;
  /** @internal */
  readonly buffers: readonly PlannedBuffer[];
  /** @internal Index of a tensor's buffer, by the tensor's name. */
  readonly placement: ReadonlyMap<string, number>;
  /** @internal */
  readonly input: Tensor;
  /** @internal */
  readonly gradient: Tensor;
  /** @internal */
  readonly scores: Slice;
  /** @internal Tensors that are read and seeded from outside, by the names that the graph has for them. */
  readonly taps: ReadonlyMap<string, Tap>;
  /** @internal How many of the forward steps those need; the scores need them all. */
  readonly tapped: number;
  /** @internal Of one item of the input. */
  readonly inputExtents: Extents;
  /** @internal What looks at the decisions of the gradient; null where nothing does. */
  readonly watched: Watched | null;
  /** Bytes on the GPU. */
  readonly memory: Memory;
  /** One line a dispatch: label, bindings as `name=tensor@buffer`, grid. */
  toString(): string;
}

const RULE_WORDS = 4;
const RULES = 9; // three of ReLUs, for each of three heads

export function plan(
  name: string,
  batch: number,
  steps: Steps,
  { bindingBytes, ...known }: Pick<Plan, 'inputExtents' | 'watched'> & { readonly bindingBytes: number },
): Plan {
  const { forward, backward, input, gradient, scores, taps, tapped } = steps;
  const all = [...forward, ...backward];
  const { buffers, placement } = allocate(all);
  const tooLarge = buffers.find(({ bytes }) => bytes > bindingBytes);
  if (tooLarge) {
    throw new GradlensError(
      'limit',
      `${tooLarge.name} takes ${tooLarge.bytes} bytes; the device binds at most ${bindingBytes}. ` +
        `${remedyFor(tooLarge, batch, bindingBytes)}, or a device with a higher maxStorageBufferBindingSize.`,
      {
        limit: 'maxStorageBufferBindingSize',
        need: tooLarge.bytes,
        have: bindingBytes,
        layer: tooLarge.name,
      },
    );
  }
  const sum = (kind: Tensor['kind']): number =>
    buffers.filter((buffer) => buffer.kind === kind).reduce((total, { bytes }) => total + allocatedBytes(bytes), 0);
  for (const { label, kernel } of all) {
    const most = Math.max(...kernel.workgroups);
    if (most > MOST_WORKGROUPS)
      throw new GradlensError(
        'limit',
        `${label} takes ${most} workgroups along one axis; a dispatch has at most ${MOST_WORKGROUPS}. ` +
          `An input with ${Math.floor((100 * MOST_WORKGROUPS) / most)} % of the pixels, or fewer channels, would fit.`,
        { limit: 'maxComputeWorkgroupsPerDimension', need: most, have: MOST_WORKGROUPS, layer: label },
      );
  }
  // What is allocated besides: the rule, the targets and the table of both; the extents of what finds the best class;
  // the next input, waiting; the read-back of one gradient and its scores.
  const table = (RULE_WORDS * (RULES + scores.C) + Math.max(scores.H, scores.W)) * 4;
  const constants = RULE_WORDS * 4 + batch * 16 + table + 16;
  const readback = allocatedBytes(scores.storage.bytes + gradient.bytes);
  const memory: Memory = {
    weights: sum('weight'),
    activations: sum('transient'),
    saved: sum('saved'),
    scratch: sum('external') + allocatedBytes(input.bytes) + extentOffsets(all).at(-1)! + constants + readback,
  };
  return {
    name,
    batch,
    forward,
    backward,
    steps: all.length,
    buffers,
    placement,
    input,
    gradient,
    scores,
    taps,
    tapped,
    ...known,
    memory,
    toString: () => print(all, placement),
  };
}

/** What of a buffer that is too large would fit: activations grow with the batch and with the pixels. */
function remedyFor({ bytes, kind }: PlannedBuffer, batch: number, most: number): string {
  if (kind === 'weight') return 'That would take a layer with fewer weights';
  const items = Math.floor((batch * most) / bytes);
  return items > 0
    ? `A batch of ${items} would fit`
    : `An input with ${Math.floor((100 * batch * most) / bytes)} % of the pixels would fit`;
}

function allocate(steps: readonly Step[]): { buffers: PlannedBuffer[]; placement: Map<string, number> } {
  const uses = new Map<string, { tensor: Tensor; last: number }>();
  steps.forEach((step, at) =>
    Object.values(step.bind).forEach((tensor) => uses.set(tensor.name, { tensor, last: at })),
  );

  const buffers: { bytes: number; kind: Tensor['kind']; name: string; fill?: () => Float32Array; half?: true }[] = [];
  const placement = new Map<string, number>();
  let free: number[] = [];
  steps.forEach((step, at) => {
    const tensors = [...new Map(Object.values(step.bind).map((tensor) => [tensor.name, tensor])).values()];
    for (const tensor of tensors) {
      if (placement.has(tensor.name)) continue;
      let index = -1;
      if (tensor.kind === 'transient') {
        // the smallest that holds it, else the largest, which grows
        const fitting = free
          .filter((k) => buffers[k]!.bytes >= tensor.bytes)
          .sort((a, b) => buffers[a]!.bytes - buffers[b]!.bytes);
        index = fitting[0] ?? [...free].sort((a, b) => buffers[b]!.bytes - buffers[a]!.bytes)[0] ?? -1;
      }
      if (index < 0) {
        index =
          buffers.push({
            bytes: tensor.bytes,
            kind: tensor.kind,
            name: tensor.name,
            ...(tensor.fill ? { fill: tensor.fill } : {}),
            ...(tensor.fill && tensor.half ? { half: true } : {}),
          }) - 1;
      } else {
        free = free.filter((k) => k !== index);
        buffers[index]!.bytes = Math.max(buffers[index]!.bytes, tensor.bytes);
      }
      placement.set(tensor.name, index);
    }
    for (const tensor of tensors) {
      if (tensor.kind === 'transient' && uses.get(tensor.name)!.last === at) free.push(placement.get(tensor.name)!);
    }
  });
  return { buffers, placement };
}

function print(steps: readonly Step[], placement: ReadonlyMap<string, number>): string {
  return steps
    .map(({ label, bind, kernel }) => {
      const bindings = Object.entries(bind).map(
        ([name, tensor]) => `${name}=${tensor.name}@${placement.get(tensor.name)}`,
      );
      return `${label.padEnd(40)} ${bindings.join('  ')}  ${kernel.workgroups.join('×')}`;
    })
    .join('\n');
}
