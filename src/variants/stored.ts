/** What a tuner found out, and where it is kept. */
import type { ConvDims } from '../../shaders/conv/shape';
import type { ConvVariant } from './variants';

/** Part of every key: changing a generator of kernels makes what was measured with the old one void. */
const GENERATOR = 5;

/**
 * Convolutions of the same class get the same kernel: what is fastest depends on these, and hardly on anything else.
 */
export function shapeClass(d: ConvDims): string {
  const pixels = Math.ceil(Math.log2(d.N * d.P * d.Q));
  const { R, S, IN, OUT, GROUPS, STRIDE_Y, STRIDE_X, DILATION_Y, DILATION_X } = d;
  const step =
    STRIDE_Y * STRIDE_X * DILATION_Y * DILATION_X === 1
      ? ''
      : ` stride ${STRIDE_Y}×${STRIDE_X} dilation ${DILATION_Y}×${DILATION_X}`;
  return `${R}×${S} of ${IN * 4}→${OUT * 4}${GROUPS > 1 ? ` in ${GROUPS} groups` : ''} at 2^${pixels} pixels${step}`;
}

/** Where choices outlive the page or the process. A store that fails is a store that is empty. */
export interface TuningStore {
  /** Null if there is nothing. */
  read(key: string): Promise<string | null>;
  /** Replaces what there was. */
  write(key: string, value: string): Promise<void>;
}

/** By shape class. */
export type Choices = Readonly<Record<string, ConvVariant>>;

/** What identifies an adapter: everything that it tells of itself, and the generator. */
export function adapterKey(
  adapter: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>,
  features: readonly string[],
): string {
  return [GENERATOR, adapter.vendor, adapter.architecture, adapter.device, adapter.description, ...features].join('|');
}

/**
 * The choices stored under `key`; none if there are none, or none that this version can read.
 */
export async function storedChoices(store: TuningStore, key: string): Promise<Choices> {
  try {
    const text = await store.read(key);
    const value: unknown = text === null ? null : JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Choices) : {};
  } catch {
    return {};
  }
}

/** Keeps `choices` beside what others may have stored meanwhile. */
export async function storeChoices(store: TuningStore, key: string, choices: Choices): Promise<void> {
  try {
    await store.write(key, JSON.stringify({ ...(await storedChoices(store, key)), ...choices }));
  } catch {
    // tuning again next time is all that is lost
  }
}

/** For as long as the engine lives. */
export function memoryStore(): TuningStore {
  const values = new Map<string, string>();
  return {
    read: async (key) => values.get(key) ?? null,
    write: async (key, value) => {
      values.set(key, value);
    },
  };
}
