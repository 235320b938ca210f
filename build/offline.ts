/**
 * The service worker of the built page, with the list of what it keeps: the page and the model that ships, not the
 * benchmark.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const WORKER = 'offline.js';

/** @param model the folder of the model that the page opens with, as it is fetched */
export function worksOffline(model: string): Plugin {
  return {
    name: 'gradlens:works-offline',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'chunk', id: 'src/demo/serviceWorker.ts', fileName: WORKER });
    },
    writeBundle: {
      order: 'post', // everything is there, also what is copied
      sequential: true,
      handler({ dir = '.' }, bundle) {
        const { weights } = JSON.parse(readFileSync(join(dir, model, 'model.json'), 'utf8')) as {
          weights: { file: string };
        };
        const worker = join(dir, WORKER);
        const files = [
          ...mentionedBy('index.html', Object.keys(bundle), dir),
          `${model}/model.json`,
          `${model}/${weights.file}`,
        ].sort();
        const digest = createHash('sha256');
        for (const file of [...files, WORKER]) digest.update(file).update(readFileSync(join(dir, file)));
        const pages = Object.keys(bundle).filter((file) => file.endsWith('.html') && file !== 'index.html');
        const kept = {
          version: digest.digest('hex').slice(0, 12),
          files: digestsOf(files, dir),
          pages: digestsOf(pages, dir),
        };
        writeFileSync(worker, `const KEPT = ${JSON.stringify(kept)};\n${readFileSync(worker, 'utf8')}`);
      },
    },
  };
}

/** SHA-256 in Base64, by the addresses at which the files are asked for. */
const digestsOf = (files: readonly string[], dir: string): Record<string, string> =>
  Object.fromEntries(
    files.map((file) => [
      file === 'index.html' ? './' : file.replace(/(^|\/)index\.html$/, '$1'),
      createHash('sha256')
        .update(readFileSync(join(dir, file)))
        .digest('base64'),
    ]),
  );

/**
 * The built files that a file names, and those that they name in turn, workers' chunks among them. Hashes make the
 * names unique.
 */
function mentionedBy(first: string, built: readonly string[], dir: string): readonly string[] {
  const found = new Set([first]);
  for (const file of found) {
    if (!/\.(html|js|css)$/.test(file)) continue;
    const text = readFileSync(join(dir, file), 'utf8');
    for (const other of built)
      if (other.startsWith('assets/') && text.includes(other.slice('assets/'.length))) found.add(other);
  }
  return [...found];
}
