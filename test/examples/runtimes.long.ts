/** The example for Node under Bun and Deno, each installed for this test. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Packed, lend, pack } from '../package/pack';

const RUNTIMES = [
  ['bun@1.4.5', 'bun', []],
  ['deno@2.9.6', 'deno', ['run', '--allow-all', '--node-modules-dir=manual']],
] as const;

let packed: Packed;
beforeAll(() => {
  packed = pack();
  lend(packed, 'webgpu', 'sharp');
}, 600_000);

test.each(RUNTIMES)('%s writes the map of a picture', (name, program, args) => {
  const folder = join(packed.host, program);
  mkdirSync(join(folder, 'pictures'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const shell = process.platform === 'win32';
  const installed = spawnSync('npm', ['install', '--no-save', '--no-package-lock', name], { cwd: folder, shell });
  expect(installed.status).toBe(0);
  cpSync('examples/node-folder/main.mjs', join(folder, 'main.mjs'));
  cpSync('samples/imagenette/church.jpg', join(folder, 'pictures/church.jpg'));
  const { status, stdout, stderr } = spawnSync(
    join(folder, 'node_modules/.bin', program),
    [...args, 'main.mjs', 'pictures', 'maps'],
    { cwd: folder, encoding: 'utf8', shell },
  );
  expect(`${status} ${status === 0 ? '' : stderr}`).toBe('0 ');
  expect(stdout).toContain('church.jpg: church');
  expect(existsSync(join(folder, 'maps/church.png'))).toBe(true);
});
