import { expect, test } from 'vitest';
import { mutantsOf } from './typescript';

/** Every mutant of a piece of code, as `operator: the code that results`. */
const mutants = (source: string, file = 'src/x.ts'): string[] =>
  mutantsOf(file, source).map(
    ({ operator, start, end, text }) => `${operator}: ${(source.slice(0, start) + text + source.slice(end)).trim()}`,
  );

test.each([
  ['a < b', 'comparison: a <= b'],
  ['a >= b', 'comparison: a > b'],
  ['a === b', 'equality: a !== b'],
  ['a && b', 'logic: a || b'],
  ['!a', 'negation: a'],
  ['-a', 'sign: a'],
  ['Math.min(a)', 'extremum: Math.max(a)'],
])('%s becomes %s', (source, mutant) => {
  expect(mutants(`f(${source})`)).toContain(mutant.replace(/: (.*)$/, ': f($1)'));
});

test('a constant becomes one more and one less; large ones are limits and stay', () => {
  expect(mutants('const a = 3;')).toEqual(['constant: const a = 4;', 'constant: const a = 2;']);
  expect(mutants('const a = 0;')).toEqual(['constant: const a = 1;', 'constant: const a = (-1);']);
  expect(mutants('const a = 65536 * 1.5;')).toEqual([]);
});

test('a sum loses a term or its sign; text is no sum', () => {
  expect(mutants('const a = b + c;')).toEqual(['sign: const a = b - c;', 'term: const a = b;']);
  expect(mutants("const a = b + ': ' + c;")).toEqual([]);
});

test('statements are dropped where something still compiles', () => {
  expect(mutants('if (a) return;')).toEqual(['statement: ;']);
  expect(mutants('a.push(b);')).toEqual(['statement: ;']);
  expect(mutants('const a = b;')).toEqual([]);
});

test('axes are swapped where both are known', () => {
  expect(mutants('const f = ({ H, W }) => g(H);')).toEqual(['axis: const f = ({ H, W }) => g(W);']);
  expect(mutants('const f = ({ H }) => g(H);')).toEqual([]);
  expect(mutants('const f = (d) => d.PAD_TOP * h(d.PAD_LEFT);')).toEqual([
    'axis: const f = (d) => d.PAD_LEFT * h(d.PAD_LEFT);',
    'axis: const f = (d) => d.PAD_TOP * h(d.PAD_TOP);',
  ]);
});

test('types, imports, comments, strings and messages stay', () => {
  expect(
    mutants(`
      import { a } from './b';
      /** 1 < 2 && 3 */
      interface A { readonly b: 1 | 2; c?: A[0] }
      type B = 1 extends 2 ? 3 : 4;
      const c = \`\${1 + a} of 2\`; // 1 + 2
      const d = () => { throw new Error(\`\${1 + a}\`); };
      const e = () => shapeError(1, 2);
      const f = 'a < b' as A[1];`),
  ).toEqual([]);
});

const shader = (line: string): string => `const code = wgsl\`\n${line}\n\`;`;
const wgsl = (line: string): string[] =>
  mutants(shader(line), 'shaders/x.ts').map((mutant) =>
    mutant.replace(/^(\w+): const code = wgsl`\n?([^]*)`;$/, '$1: $2').trim(),
  );

test.each([
  ['  if (h >= d.H) { return; }', ['comparison:   if (h > d.H) { return; }', 'statement:']],
  ['  sum += x[i];', ['sign:   sum -= x[i];', 'statement:']],
  ['  workgroupBarrier();', ['barrier:']],
  ['  let i = a + b[c];', ['sign:   let i = a - b[c];', 'term:   let i = a;']],
  [
    '  let v = max(a, 2.0);',
    ['extremum:   let v = min(a, 2.0);', 'constant:   let v = max(a, 3.0);', 'constant:   let v = max(a, 1.0);'],
  ],
  [
    '  let i = h * d.STRIDE_Y * d.STRIDE_X;',
    ['axis:   let i = h * d.STRIDE_X * d.STRIDE_X;', 'axis:   let i = h * d.STRIDE_Y * d.STRIDE_Y;'],
  ],
  ['  let v = a || b;', ['logic:   let v = a && b;']],
])('of WGSL: %s', (line, expected) => {
  expect(wgsl(line)).toEqual(expected);
});

test('of WGSL, declarations, attributes, types, comments and directives stay', () => {
  expect(
    wgsl(`
@group(0) @binding(1) var<storage, read> x: array<vec4f, 8>; // [N + 1]
@compute @workgroup_size(8, 8)
#if 1 < 2
  let v: array<vec4<f32>, 2>;
#endif`),
  ).toEqual([]);
});

test('holes of a template are TypeScript, and part of the line around them', () => {
  expect(wgsl('  sum += x[${a + 1}u];')).toEqual([
    'sign:   sum -= x[${a + 1}u];',
    'statement:',
    'sign:   sum += x[${a - 1}u];',
    'term:   sum += x[${a}u];',
    'constant:   sum += x[${a + 2}u];',
    'constant:   sum += x[${a + 0}u];',
  ]);
});
