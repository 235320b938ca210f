/** What a host records into, from and to: looked at before anything is recorded. */
import { check } from '../check';
import { GradlensError } from '../errors';
import { typed } from './guarded';

type Input = GPUBuffer | GPUTexture | readonly GPUTexture[];

export interface Recording {
  readonly input: Input;
  readonly output: GPUBuffer;
}

/** Whether something is a buffer is told by what it can do: in Node there need not be a global of that name. */
const can = (value: unknown, method: string): boolean => typeof value === 'object' && value !== null && method in value;

/**
 * What is recorded from: a buffer, or a texture for each item.
 *
 * @throws GradlensError `validation` for what is none of these, or no encoder, or no buffer to record to
 */
export function inputOf(encoder: GPUCommandEncoder, { input, output }: Recording): GPUBuffer | readonly GPUTexture[] {
  check('encoder', encoder, { says: 'a GPUCommandEncoder', holds: (value) => can(value, 'copyBufferToBuffer') });
  check('input', input, {
    says: 'a GPUBuffer, or a GPUTexture for each item',
    holds: (value) => can(value, 'mapAsync') || [value].flat().every((one) => can(one, 'createView')),
  });
  check('output', output, { says: 'a GPUBuffer', holds: (value) => can(value, 'mapAsync') });
  return 'mapAsync' in input ? input : [input].flat();
}

/**
 * Checks a buffer of the caller's before anything is recorded.
 *
 * @throws GradlensError `shape` if it is too small, `validation` without the usage
 */
export function assertBuffer(
  argument: string,
  buffer: GPUBuffer,
  need: { readonly bytes: number; readonly usage: 'COPY_SRC' | 'COPY_DST' },
  why: string,
): void {
  if (buffer.size < need.bytes)
    throw new GradlensError('shape', `the ${argument} buffer has ${buffer.size} bytes, ${why} ${need.bytes}`);
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
