/**
 * `npm run build`: page and benchmark, package, types and documentation into dist/. `--rivals`: the benchmark's rivals,
 * too, 60 MB in files of which some hosts take none above 25 MiB.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from './arguments.mjs';
import { root, run } from './system.mjs';

const { values } = parseArgs({ options: { rivals: { type: 'boolean', default: false } } });
if (!existsSync(join(root, 'node_modules/rollup-plugin-dts'))) {
  console.error('The packages that a build needs are not installed. This command installs them: npm ci');
  process.exit(1);
}
const env = values.rivals ? { GRADLENS_RIVALS: 'yes' } : {};
const vite = join(root, 'node_modules/vite/bin/vite.js');
const isBuilt =
  run(process.execPath, [vite, 'build'], { env }) &&
  run('npm', ['run', '--silent', 'build:lib']) &&
  run('npm', ['run', '--silent', 'build:types']) &&
  run('npm', ['run', '--silent', 'docs']);
process.exitCode = isBuilt ? 0 : 1;
