/** Who may take part, in the order of the tables: by name only, so that options can be read without anybody's code. */
export const contenderNames = [
  'gradlens',
  'tfjs-webgpu',
  'tfjs-webgpu-tiled',
  'tfjs-webgl',
  'tfjs-wasm',
  'jax-webgpu',
  'ort-webgpu',
  'ort-wasm',
] as const;

export type ContenderName = (typeof contenderNames)[number];
