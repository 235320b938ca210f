/** What `npm start` installs. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PAGE, needed } from '../../scripts/packages.mjs';
import { reachedFrom } from '../importGraph';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, object> };

test('are the packages that are asked for, and theirs, as Node finds them', () => {
  const packages = {
    '': {},
    'node_modules/a': { dependencies: { b: '1', c: '1' } },
    'node_modules/a/node_modules/c': { dependencies: { b: '1' } },
    'node_modules/b': { optionalDependencies: { d: '1', absent: '1' } },
    'node_modules/c': { dependencies: { e: '1' } },
    'node_modules/d': { peerDependencies: { f: '1', e: '1' }, peerDependenciesMeta: { e: { optional: true } } },
    'node_modules/e': {},
    'node_modules/f': {},
  };
  expect(needed(packages, ['a']).sort()).toEqual([
    'node_modules/a',
    'node_modules/a/node_modules/c',
    'node_modules/b',
    'node_modules/d',
    'node_modules/f',
  ]);
});

test('hold all that the page imports, and neither rivals nor Dawn nor tests', () => {
  const paths = needed(lock.packages, PAGE);
  const reached = ['src/demo/main.ts', 'src/demo/worker/worker.ts'].flatMap((file) => [...reachedFrom(file).keys()]);
  for (const name of reached.filter((one) => !existsSync(one) && !/^(\.|node:)/.test(one)))
    expect(paths, name).toContain(`node_modules/${/^(@[^/]+\/)?[^/]+/.exec(name)![0]}`);
  for (const name of ['webgpu', 'onnxruntime-web', '@tensorflow/tfjs-core', '@jax-js/jax', 'puppeteer', 'vitest'])
    expect(paths).not.toContain(`node_modules/${name}`);
  expect(paths.length).toBeLessThan(70);
});
