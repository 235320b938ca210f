/**
 * The WGSL that generators write stands in `shaders/expanded/`, one example of each, to be read and reviewed.
 * `npx vitest run test/shaders -u` writes it anew.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bindingsOf, unroll } from '../../shaders/kernel';
import { wgsl } from '../../shaders/wgsl';
import { EXAMPLES } from './examples';

const FOLDER = new URL('../../shaders/expanded/', import.meta.url);

describe.each(Object.entries(EXAMPLES))('%s', (name, kernel) => {
  test('is what stands in its file', async () => {
    await expect(kernel.code).toMatchFileSnapshot(new URL(`${name}.wgsl`, FOLDER).pathname);
  });

  test('declares bindings in order, each of which it reads or writes', () => {
    const declared = [...kernel.code.matchAll(/@binding\((\d+)\) var(?:<.*>)? (\w+):/g)];
    expect(declared.map(([, index, binding]) => ({ index: Number(index), name: binding }))).toEqual(
      bindingsOf(kernel).map(({ index, name: binding }) => ({ index, name: binding })),
    );
    for (const { name: binding } of bindingsOf(kernel))
      expect(kernel.code.match(new RegExp(`\\b${binding}\\b`, 'g'))!.length, binding).toBeGreaterThan(1);
  });

  test('accesses what may be stored in half precision by functions alone', () => {
    for (const { name: tensor, ...declared } of kernel.declared) {
      if (!('anyPrecision' in declared)) continue;
      const outside = kernel.code.replace(new RegExp(`fn (load|store)_${tensor}(_at)?\\([^}]*}`, 'g'), '');
      expect(outside).not.toMatch(new RegExp(`\\b${tensor}\\[`));
    }
  });

  test('is laid out: one statement a line, no empty line too many', () => {
    expect(kernel.code).not.toMatch(/\n\n\n|\{\n\n|\n\n\s*\}|[ \t]\n/);
    for (const line of kernel.code.split('\n')) {
      expect(line.replace(/for \(.*?\) \{|\{ .* \}|\/\/.*/, '').split(';').length, line).toBeLessThanOrEqual(2);
    }
  });
});

test('every file is of a kernel', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(
    Object.keys(EXAMPLES)
      .map((name) => `${name}.wgsl`)
      .sort(),
  );
});

test('a line is unrolled over its ranges, the last one fastest', () => {
  expect(unroll({ b: 2, j: 2 }, 'a{b}_{j} += x{j+1};').split('\n')).toEqual([
    'a0_0 += x1;',
    'a0_1 += x2;',
    'a1_0 += x1;',
    'a1_1 += x2;',
  ]);
  expect(unroll({ k: 2 }, 'v{k}', ' + ')).toBe('v0 + v1');
});

test('a directive leaves no empty line behind', () => {
  const code = (flag: boolean): string => wgsl`a
#if ${flag}
b
#else
c
#endif
d`;
  expect([code(true), code(false)]).toEqual(['a\nb\nd', 'a\nc\nd']);
});
