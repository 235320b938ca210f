import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { filesBelow } from './importGraph';

/** Biome's `lineWidth`, which it leaves comments, strings and the titles of tests to keep by themselves. */
const WIDTH = 120;

test(`no line of code is longer than ${WIDTH} characters`, () => {
  const files = ['bench', 'bin', 'build', 'samples', 'scripts', 'shaders', 'src', 'test', 'weights'].flatMap((folder) =>
    filesBelow(folder, /\.(ts|mjs|js)$/),
  );
  expect(files.length).toBeGreaterThan(500);
  const long = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, i) => (Array.from(line).length > WIDTH ? [`${file}:${i + 1}`] : [])),
  );
  expect(long).toEqual([]);
});
