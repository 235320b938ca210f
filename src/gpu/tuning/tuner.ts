/**
 * Finds, for each convolution of a network, the kernel that is fastest on this device. What was found is kept, so that
 * it happens once per device and shape; software adapters are never tuned, since theirs is known and their clocks tell
 * little.
 */
import type { ConvDims } from '../../../shaders/conv/shape';
import type { Half } from '../../../shaders/tensor';
import { relativeL2 } from '../../compare';
import type { Call } from '../../calls';
import { type Plan, compile } from '../../compile';
import { GradlensError } from '../../errors';
import type { ConvVariant, Variants } from '../../variants/variants';
import type { Device } from '../device';
import { candidatesFor, variantsOf } from '../../variants/byDevice';
import { type Choices, adapterKey, shapeClass, storeChoices, storedChoices } from '../../variants/stored';
import { race } from './race';
import seed from '../../variants/shippedChoices.json';
import { LAYER, Trial, layerOf } from './trial';

/** For one model, all its shapes together. */
const BUDGET_MILLISECONDS = 1500;
/** A candidate further than this from the direct kernel (relative L2) is a driver's fault and never wins. */
const TOLERANCE = 1e-5;

/** Found on devices that were at hand, by {@link adapterKey}: ships with the package. */
const SEED = seed as Readonly<Record<string, object>> as Readonly<Record<string, Choices>>;

export interface TuningOptions {
  /** What may run a convolution, the direct kernel first; default: what suits the device. */
  readonly candidates?: (d: ConvDims) => readonly ConvVariant[];
  readonly milliseconds?: number;
  /** As the plan stores weights and activations. */
  readonly half?: Half;
}

/**
 * The variants for the convolutions that `plan` (a compilation with whatever variants) asks for. Where nothing is known
 * and time is up, the device's own choice stands.
 *
 * @throws the signal's reason; GradlensError `device-lost`
 */
export async function tuned(
  device: Device,
  plan: (variants: Variants) => Plan,
  call: Call,
  options: TuningOptions = {},
): Promise<Variants> {
  const { signal, onProgress } = call;
  const { candidates = candidatesFor(device.environment), milliseconds = BUDGET_MILLISECONDS, half } = options;
  const { tuningStore: store } = device;
  const fallback = variantsOf(device);
  const classOf = (d: ConvDims): string => (half ? `${shapeClass(d)} in half precision` : shapeClass(d));
  const shapes = convolutionsOf(plan, fallback, classOf);
  const { adapter, features } = device.environment;
  const key = adapterKey(adapter, features);
  const known: Choices = { ...SEED[key], ...(await storedChoices(store, key)) };
  const found: Record<string, ConvVariant> = {};
  const end = performance.now() + milliseconds;
  let done = 0;
  for (const [name, d] of shapes) {
    signal.throwIfAborted();
    onProgress?.({ phase: 'tune', done, total: shapes.size });
    // the first shapes compile what the others find compiled, so they may take twice their share
    const left = end - performance.now();
    const share = Math.min(left, (2 * left) / (shapes.size - done++));
    if (known[name] !== undefined || left <= 0) continue;
    const winner = await fastestOf({ device, call: { signal } }, d, candidates(d), {
      milliseconds: share,
      ...(half ? { half } : {}),
    });
    if (winner) found[name] = winner;
  }
  if (Object.keys(found).length > 0) await storeChoices(store, key, found);

  const choices: Choices = { ...known, ...found };
  return {
    ...fallback,
    conv(d) {
      // a stored choice counts only as long as it is a candidate
      const chosen = JSON.stringify(choices[classOf(d)]);
      return candidates(d).find((candidate) => JSON.stringify(candidate) === chosen) ?? fallback.conv(d);
    },
  };
}

/** The convolutions that `plan` asks for, the first of each class. */
export function convolutionsOf(
  plan: (variants: Variants) => unknown,
  variants: Variants,
  classOf: (d: ConvDims) => string,
): Map<string, ConvDims> {
  const shapes = new Map<string, ConvDims>();
  plan({
    ...variants,
    conv(d) {
      if (!shapes.has(classOf(d))) shapes.set(classOf(d), d);
      return variants.conv(d);
    },
  });
  return shapes;
}

async function fastestOf(
  { device, call }: { readonly device: Device; readonly call: Call },
  d: ConvDims,
  variants: readonly ConvVariant[],
  { milliseconds, half }: Pick<TuningOptions, 'half'> & { readonly milliseconds: number },
): Promise<ConvVariant | null> {
  const graph = layerOf(d);
  if (!graph || variants.length < 2) return null;
  const bindingBytes = device.environment.limits.maxStorageBufferBindingSize;
  const opened: { variant: ConvVariant; candidate: Trial }[] = [];
  const begin = performance.now();
  try {
    let expected: Float32Array | null = null;
    for (const variant of variants) {
      if (performance.now() - begin > milliseconds) return null;
      const trial = await Trial.create(
        device,
        compile(graph, {
          batch: d.N,
          bindingBytes,
          variants: { ...variantsOf(device), conv: () => variant },
          target: LAYER,
          ...(half ? { half } : {}),
        }),
        call,
      ).catch((error: unknown) => {
        call.signal.throwIfAborted();
        if (error instanceof GradlensError) return null; // too much for this device
        throw error;
      });
      if (!trial) continue;
      opened.push({ variant, candidate: trial });
      const result = await trial.result();
      expected ??= result;
      if (relativeL2(result, expected) > TOLERANCE) opened.pop()!.candidate.dispose();
    }
    const index = await race(
      opened.map(({ candidate }) => candidate),
      milliseconds - (performance.now() - begin),
      () => performance.now(),
    );
    return index === null ? null : opened[index]!.variant;
  } finally {
    opened.forEach(({ candidate }) => candidate.dispose());
  }
}
