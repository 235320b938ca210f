/** What a host records into, from and to: looked at before anything is recorded. */
import { check } from '../check';
import { GradlensError } from '../errors';
import { type BufferPlace, type TexturePicture, isPlace, isTexture, placed, texturePicture } from '../image/pixels';
import { typed } from './guarded';
import type { Recordable } from './preparer';

/**
 * A picture that is on the GPU, or that the browser brings there as it is recorded: a frame becomes an external
 * texture, which lasts as long as the task, so it is submitted in the task that records it. A canvas of WebGPU has a
 * texture (`getCurrentTexture()`, with `TEXTURE_BINDING`); of any other make a
 * `new VideoFrame(canvas, { timestamp: 0 })`.
 */
export type RecordedPicture = GPUTexture | TexturePicture | VideoFrame | HTMLVideoElement;

/** A batch: prepared float32 `[N, C, H, W]`, or a picture for each item. */
export type RecordedInput = BufferPlace | RecordedPicture | readonly RecordedPicture[];

/** Where in a buffer, checked. */
export interface Place {
  readonly argument: string;
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/**
 * A buffer of the caller's, or a place in one.
 *
 * @throws GradlensError `validation` for what is none, and an offset that is no multiple of 4
 */
export function placeIn(argument: string, value: BufferPlace): Place {
  check(argument, value, { says: 'a GPUBuffer or { buffer, offset }', holds: isPlace });
  const { buffer, offset = 0 } = placed(value);
  check(`the offset of ${argument}`, offset, {
    says: 'a multiple of 4 from 0',
    holds: (bytes) => Number.isInteger(bytes) && (bytes as number) >= 0 && (bytes as number) % 4 === 0,
  });
  return { argument, buffer, offset };
}

/**
 * What is recorded from: a buffer, or a picture for each item.
 *
 * @throws GradlensError `validation` for what is none of these, or no encoder
 */
export function sourceOf(encoder: GPUCommandEncoder, input: RecordedInput): Place | readonly Recordable[] {
  check('encoder', encoder, {
    says: 'a GPUCommandEncoder',
    holds: (value) => typeof value === 'object' && value !== null && 'copyBufferToBuffer' in value,
  });
  check('input', input, {
    says: 'a GPUBuffer, { buffer, offset }, or for each item a GPUTexture, { texture, colorSpace }, or a video frame',
    holds: (value) => isPlace(value) || [value].flat().every((one) => isTexture(one) || isVideo(one)),
  });
  if (isPlace(input)) return placeIn('input', input);
  return [input].flat().map((one) => (isTexture(one) ? texturePicture(one) : one));
}

const isVideo = (value: unknown): value is VideoFrame | HTMLVideoElement =>
  ['VideoFrame', 'HTMLVideoElement'].includes(Object.prototype.toString.call(value).slice(8, -1));

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
