/** gradlens in Node: the same engine on Dawn (npm `webgpu`), and pictures through `sharp`. */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { Engine } from '../engine';
import { GradlensError } from '../errors';
import { type FetchBytes, fetchOverHttp } from '../load';
import { type NodeAdapterOptions, requestNodeAdapter } from './dawn';

export type { NodeAdapterOptions } from './dawn';
export { readImage } from './image';

/** `fetch`, and files by their `file:` address. */
const fetchFilesToo: FetchBytes = async (address, options) => {
  if (address.protocol !== 'file:') return fetchOverHttp(address, options);
  try {
    return await readFile(address);
  } catch (cause) {
    throw new GradlensError('network', `${decodeURIComponent(address.pathname)} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, { address: address.href }, { cause });
  }
};

/** The address of a file, for `engine.load`. */
export const fileAddress = (path: string): URL => pathToFileURL(path);

/**
 * An engine on a device of its own: a GPU if there is one, else a software driver. After `dispose()` the process can end by itself.
 *
 * @throws GradlensError `no-webgpu` without the package `webgpu`, `no-adapter` without a driver, `software-adapter`
 */
export async function createNodeEngine(options: NodeAdapterOptions = {}): Promise<Engine> {
  return Engine.onAdapter(await requestNodeAdapter(options), { ...options, fetchBytes: fetchFilesToo });
}
