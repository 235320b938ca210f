/** What a plan and those who allocate its buffers agree on. */

/** Each dispatch has its extents at such an offset of the uniform buffer: the largest alignment that WebGPU may ask. */
export const UNIFORM_STRIDE = 256;

/** Bytes of the buffer that holds `bytes`. */
export const allocatedBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 4) * 4);
