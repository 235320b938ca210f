/**
 * The published declarations, rolled up to dist/types: what an exported signature reaches is in them, and nothing else.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { root } from './system.mjs';

/** `Disposable` is younger than the `lib` that many projects name, so the declarations bring it. */
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';

const dir = join(root, 'dist/types');
rmSync(dir, { recursive: true, force: true });
const bundle = await rollup({
  input: {
    index: join(root, 'src/index.ts'),
    element: join(root, 'src/element.ts'),
    node: join(root, 'src/node/index.ts'),
  },
  external: /^(node:|(webgpu|sharp)(\/|$))/,
  plugins: [
    dts({ tsconfig: join(root, 'tsconfig.types.json') }),
    {
      name: 'gradlens:public-types',
      renderChunk(code, { fileName }) {
        if (code.includes('@webgpu/types'))
          this.error(`${fileName} refers to @webgpu/types, which a user need not have`);
        return /\bDisposable\b/.test(code) ? DISPOSABLE + code : null;
      },
    },
  ],
});
await bundle.write({ dir, format: 'es', entryFileNames: '[name].d.ts', chunkFileNames: '[name].d.ts' });
await bundle.close();
