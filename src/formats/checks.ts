import { GradlensError } from '../errors';
import { notFinite } from '../finite';

/** More elements than any tensor of a ConvNet has; below it every byte count is an exact integer. */
const MOST_ELEMENTS = 2 ** 32;

/** A manifest has no weights in it: ten thousand nodes take 4 MB. */
export const MOST_MANIFEST_BYTES = 2 ** 24;

/** Larger ones are refused before they are read. VGG-19, the largest of the classic nets, has 575 MB. */
export const MOST_FILE_BYTES = 2 ** 30;

/** How much of a file at this address is read. */
export const mostBytesAt = ({ pathname }: URL): number =>
  pathname.endsWith('.json') ? MOST_MANIFEST_BYTES : MOST_FILE_BYTES;

/** A file that breaks its format's rules. */
export function formatError(
  message: string,
  detail: Readonly<Record<string, unknown>> = {},
  options?: ErrorOptions,
): GradlensError {
  return new GradlensError('model-format', message, detail, options);
}

/**
 * A value from a file, fit for a message: strings quoted, and all of it short and shallow however large the original
 * is.
 */
export function quote(value: unknown, depth = 2): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth === 0) return '…';
  const items = Array.isArray(value)
    ? value.slice(0, 8).map((item) => quote(item, depth - 1))
    : Object.entries(value)
        .slice(0, 4)
        .map(([key, item]) => `${quote(key)}: ${quote(item, depth - 1)}`);
  if (items.length < Object.keys(value).length) items.push('…');
  return Array.isArray(value) ? `[${items.join(', ')}]` : `{ ${items.join(', ')} }`;
}

/**
 * The product of a shape's extents, by checked multiplication; 1 for a scalar's `[]`.
 * @throws GradlensError `model-format` where an extent is no whole number or the product passes 2³².
 */
export function elementCount(shape: readonly number[], where: string): number {
  let count = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0)
      throw formatError(`${where}: has the extent ${quote(extent)}; extents are whole numbers from 0`);
    count *= extent;
    if (count > MOST_ELEMENTS)
      throw formatError(`${where}: shape ${quote(shape)} has more than ${MOST_ELEMENTS} elements`);
  }
  return count;
}

/**
 * Refuses NaN and infinity among weights: `max` and ReLU may hide them, so no later check would find them all.
 * @throws GradlensError `model-format` naming the tensor, the element and its value.
 */
export function requireFinite(name: string, data: Float32Array): void {
  const index = notFinite(data);
  if (index >= 0)
    throw formatError(`weight ${quote(name)}: element ${index} is ${data[index]}; weights are finite in float32`, {
      weight: name,
      index,
    });
}
