/** Where models come from in Node: files, and addresses whose files are kept in a folder of the user's. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GradlensError } from '../errors';
import { mostBytesAt } from '../formats/checks';
import { type FetchBytes, isKept } from '../load';

/**
 * Downloads as in browsers, but into {@link cacheFolder}; and files by their `file:` address.
 *
 * @throws GradlensError `network` for what cannot be read; `model-format` for a file that is too large, or that a model
 *   names although
 *   it lies outside of the model's folder
 * @example
 * ```ts
 * import { fetchInNode, fileAddress } from 'gradlens/node';
 *
 * const bytes = await fetchInNode(fileAddress('samples/ladybug.jpg'), {});
 * ```
 */
export const fetchInNode: FetchBytes = async (address, options) => {
  const { download, faultOf } = await import('../download');
  if (address.protocol !== 'file:') {
    const { folderCache } = await import('./cache');
    return download(address, options, isKept(address) ? folderCache() : undefined);
  }
  const path = fileURLToPath(address);
  try {
    if (options.within) await assertInside(path, fileURLToPath(options.within));
    const { size } = await stat(path);
    if (size > mostBytesAt(address))
      throw new GradlensError('model-format', `${path} has ${size} bytes; at most ${mostBytesAt(address)} are read`);
    const bytes = await readFile(path, options.signal ? { signal: options.signal } : {});
    const fault = await faultOf(bytes, options.expected ?? {});
    if (fault) throw new GradlensError('model-format', `${path} ${fault}`);
    return bytes;
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (cause instanceof GradlensError) throw cause;
    throw new GradlensError(
      'network',
      `${path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      { address: address.href },
      { cause },
    );
  }
};

/** A model from elsewhere must not have us read, through a link, what is none of its own. */
async function assertInside(path: string, folder: string): Promise<void> {
  const [file, root] = await Promise.all([realpath(path), realpath(folder)]);
  if (!file.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new GradlensError(
      'model-format',
      `${path} lies outside of the model's folder once links are followed (${file}); copy it there`,
      { path, file, folder: root },
    );
  }
}
