/**
 * gradlens in Node: the same engine on Dawn (npm `webgpu`), and pictures through `sharp`.
 *
 * @packageDocumentation
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Engine } from '../engine';
import { cacheFolder } from './cache';
import { type NodeAdapterOptions, provideGlobals, requestNodeAdapter } from './dawn';
import { fetchInNode } from './files';
import { fileStore } from './tuningFile';

export { cacheFolder } from './cache';
export { requestNodeAdapter } from './dawn';
export type { NodeAdapterOptions, SoftwareDriver } from './dawn';
export { fetchInNode } from './files';
export { readImage } from './image';

/**
 * The address of a file, for `engine.load`.
 *
 * @example
 * ```ts
 * import { fileAddress } from 'gradlens/node';
 *
 * const { href } = fileAddress('samples/ladybug.jpg');
 * ```
 */
export const fileAddress = (path: string): URL => pathToFileURL(path);

/** The host's own device, and where it has it from. */
export interface NodeDevice {
  /** Borrowed: never destroyed. */
  readonly device: GPUDevice;
  /** For `engine.environment`. */
  readonly adapter?: GPUAdapter;
}

/**
 * An engine that reads files: on a device of its own (a GPU if there is one, else a software driver), or on the host's,
 * which is never destroyed. After `dispose()` the process can end by itself.
 *
 * @throws GradlensError `no-webgpu` without the package `webgpu`, `no-adapter` without a driver, `software-adapter`
 * @example
 * ```ts
 * import { createNodeEngine } from 'gradlens/node';
 *
 * const engine = await createNodeEngine();
 * const model = await engine.load('everyday-64-robust');
 * engine.dispose();
 * ```
 */
export async function createNodeEngine(options: NodeAdapterOptions | NodeDevice = {}): Promise<Engine> {
  if ('device' in options) {
    await provideGlobals();
    return Engine.create({ ...options, fetchBytes: fetchInNode });
  }
  return Engine.onAdapter(await requestNodeAdapter(options), {
    ...options,
    fetchBytes: fetchInNode,
    tuningStore: fileStore(join(cacheFolder(), 'tuning.json')),
  });
}
