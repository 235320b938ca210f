#!/usr/bin/env node
/** The command line. In a checkout that has not been built yet, builds it first. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (!existsSync(join(root, 'dist/lib/cli.js'))) {
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  if (!existsSync(vite)) {
    console.error('gradlens: not built, and its packages are not installed: run npm ci first');
    process.exit(2);
  }
  console.error('gradlens: building dist/lib first (a few seconds)');
  // what it prints goes to stderr: stdout is for results
  const { status } = spawnSync(process.execPath, [vite, 'build', '--mode', 'lib', '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(2);
}
await import(new URL('../dist/lib/cli.js', import.meta.url).href);
