/** Who takes part. A contender's code is fetched when it is chosen. */
import type { Contender } from './contender';
import { gradlens } from './gradlens';
import { jax } from './jax';
import { tensorflow } from './tfjs';

export const CONTENDERS = {
  gradlens: (gpu: GPU): Contender => gradlens(gpu),
  'tfjs-webgpu': (): Contender => tensorflow('webgpu'),
  'tfjs-webgpu-tiled': (): Contender => tensorflow('webgpu', { tiled: true }),
  'tfjs-webgl': (): Contender => tensorflow('webgl'),
  'tfjs-wasm': (): Contender => tensorflow('wasm'),
  'jax-webgpu': (): Contender => jax(),
} as const;

export type ContenderName = keyof typeof CONTENDERS;

export const contenderNames = Object.keys(CONTENDERS) as ContenderName[];
