/**
 * The published types: dist/types, by tsc. Our sources import each other without file endings, which Node's own module
 * rules refuse in declarations; so the endings are added here.
 */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run } from './system.mjs';

const types = join(root, 'dist/types');
rmSync(types, { recursive: true, force: true });
if (!run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.types.json']))
  process.exit(1);

for (const name of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
  const path = join(types, name);
  if (!path.endsWith('.d.ts')) continue;
  const text = readFileSync(path, 'utf8');
  if (text.includes('@webgpu/types')) throw new Error(`${name} refers to @webgpu/types, which a user need not have`);
  const withEndings = text.replace(
    /((?:from|import) ?\(?['"])(\.{1,2}\/[^'"]*|\.{1,2})(?=['"])/g,
    (match, before, specifier) => {
      if (/\.[cm]?js$/.test(specifier)) return match;
      const target = join(dirname(path), specifier);
      if (existsSync(`${target}.d.ts`)) return `${before}${specifier}.js`;
      return `${before}${specifier}${existsSync(join(target, 'index.d.ts')) ? '/index.js' : ''}`;
    },
  );
  if (withEndings !== text) writeFileSync(path, withEndings);
}
