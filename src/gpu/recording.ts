/** What a host records into, from and to: looked at before anything is recorded. */
import { check } from '../check';
import { GradlensError } from '../errors';
import { typed } from './guarded';

/** A buffer, or a place in one: `offset` in bytes, a multiple of 4; default 0. */
export type BufferPlace = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset?: number };

export interface Recording {
  readonly input: BufferPlace | GPUTexture | readonly GPUTexture[];
  readonly output: BufferPlace;
}

/** Where in a buffer, checked. */
export interface Place {
  readonly argument: string;
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/** Whether something is a buffer is told by what it can do: in Node there need not be a global of that name. */
const can = (value: unknown, method: string): boolean => typeof value === 'object' && value !== null && method in value;
const isPlace = (value: unknown): value is BufferPlace =>
  can(value, 'mapAsync') || (can(value, 'buffer') && can((value as { buffer: unknown }).buffer, 'mapAsync'));

/**
 * A buffer of the caller's, or a place in one.
 *
 * @throws GradlensError `validation` for what is none, and an offset that is no multiple of 4
 */
export function placeIn(argument: string, value: BufferPlace): Place {
  check(argument, value, { says: 'a GPUBuffer or { buffer, offset }', holds: isPlace });
  const { buffer, offset = 0 } = 'mapAsync' in value ? { buffer: value } : value;
  check(`the offset of ${argument}`, offset, {
    says: 'a multiple of 4 from 0',
    holds: (bytes) => Number.isInteger(bytes) && (bytes as number) >= 0 && (bytes as number) % 4 === 0,
  });
  return { argument, buffer, offset };
}

/**
 * What is recorded from: a buffer, or a texture for each item.
 *
 * @throws GradlensError `validation` for what is none of these, or no encoder
 */
export function sourceOf(encoder: GPUCommandEncoder, input: Recording['input']): Place | readonly GPUTexture[] {
  check('encoder', encoder, { says: 'a GPUCommandEncoder', holds: (value) => can(value, 'copyBufferToBuffer') });
  check('input', input, {
    says: 'a GPUBuffer, { buffer, offset }, or a GPUTexture for each item',
    holds: (value) => isPlace(value) || [value].flat().every((one) => can(one, 'createView')),
  });
  return isPlace(input) ? placeIn('input', input) : [input].flat();
}

/**
 * Checks a buffer of the caller's before anything is recorded.
 *
 * @throws GradlensError `shape` if it is too small, `validation` without the usage
 */
export function assertBuffer(
  { argument, buffer, offset }: Place,
  need: { readonly bytes: number; readonly usage: 'COPY_SRC' | 'COPY_DST' },
  why: string,
): void {
  if (buffer.size < offset + need.bytes) {
    const from = offset > 0 ? `, ${buffer.size - offset} of them from ${offset} on` : '';
    throw new GradlensError('shape', `the ${argument} buffer has ${buffer.size} bytes${from}, ${why} ${need.bytes}`);
  }
  if (!(buffer.usage & GPUBufferUsage[need.usage]))
    throw new GradlensError('validation', `the ${argument} buffer lacks the usage ${need.usage}`, {
      argument,
      usage: buffer.usage,
    });
}

/** Records; what the encoder throws is typed. */
export function recorded(what: string, calls: () => void): void {
  try {
    calls();
  } catch (cause) {
    throw typed(what, cause);
  }
}
