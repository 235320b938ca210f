/**
 * The published declarations, rolled up to dist/types: what an exported signature reaches is in them, and nothing else.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { root } from './system.mjs';

/** `Disposable` is younger than the `lib` that many projects name, so the declarations bring it. */
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';

const dir = join(root, 'dist/types');
rmSync(dir, { recursive: true, force: true });
const bundle = await rolldown({
  cwd: root,
  input: { index: 'src/index.ts', node: 'src/node/index.ts' },
  external: /^(node:|(webgpu|sharp)(\/|$))/,
  plugins: [
    dts({ dtsOnly: true, tsconfig: 'tsconfig.types.json' }),
    {
      name: 'gradlens:public-types',
      renderChunk(code, { fileName }) {
        if (code.includes('@webgpu/types'))
          this.error(`${fileName} refers to @webgpu/types, which a user need not have`);
        return /\bDisposable\b/.test(code) ? DISPOSABLE + code : null;
      },
    },
  ],
  checks: { bundlerTimings: false, pluginTimings: false },
});
await bundle.write({ dir, format: 'es', chunkFileNames: '[name].d.ts' });
