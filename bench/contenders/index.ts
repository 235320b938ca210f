/** Who takes part. A contender's code is fetched when it is chosen. */
import type { Contender } from './contender';
import { gradlens } from './gradlens';
import { jax } from './jax';
import type { ContenderName } from './names';
import { onnxRuntime } from './onnxRuntime';
import { tensorflow } from './tfjs';

export const CONTENDERS: Readonly<Record<ContenderName, (gpu: GPU) => Contender>> = {
  gradlens: (gpu) => gradlens(gpu),
  'tfjs-webgpu': () => tensorflow('webgpu'),
  'tfjs-webgpu-tiled': () => tensorflow('webgpu', { tiled: true }),
  'tfjs-webgl': () => tensorflow('webgl'),
  'tfjs-wasm': () => tensorflow('wasm'),
  'jax-webgpu': () => jax(),
  'ort-webgpu': () => onnxRuntime('webgpu'),
  'ort-wasm': () => onnxRuntime('wasm'),
};
