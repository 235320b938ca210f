/** What a plan and those who allocate its buffers agree on. */

/** Offsets into a uniform buffer are multiples of this: the largest alignment that WebGPU may ask. */
const UNIFORM_ALIGNMENT = 256;

interface WithExtents {
  readonly kernel: { readonly dims: Readonly<Record<string, number>> };
}

/** Bytes of the uniform `d` of a dispatch. */
export const extentBytes = ({ kernel: { dims } }: WithExtents): number => Object.keys(dims).length * 4;

/** Where in a uniform buffer the extents of each dispatch begin; and, at the end, how long it is. */
export const extentOffsets = (steps: readonly WithExtents[]): readonly number[] =>
  steps.reduce(
    (offsets, step) => [
      ...offsets,
      offsets.at(-1)! + Math.ceil(extentBytes(step) / UNIFORM_ALIGNMENT) * UNIFORM_ALIGNMENT,
    ],
    [0],
  );

/** Bytes of the buffer that holds `bytes`. */
export const allocatedBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 4) * 4);
