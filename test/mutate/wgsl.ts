/**
 * Mutants of WGSL inside a template. The holes `${…}` count as names, so that a line with holes is one line; what
 * stands in them is TypeScript (./typescript.ts). Found by patterns, since the text between holes is no whole program:
 * they rely on the layout of the shaders, with spaces around operators and one statement a line.
 */
import { COMPARISONS, EQUALITIES, EXTREMA, LARGEST_CONSTANT, LOGIC, type Mutant, SIGNS, otherAxis } from './mutant';

/** @param text A template's text, holes included. Positions of the mutants count from its begin. */
export function wgslMutants(text: string): Mutant[] {
  const code = withoutHoles(text).replace(PASSIVE, (part) => ' '.repeat(part.length));
  const words = new Set(code.match(/\w+/g));
  const all: Mutant[] = [];
  const swap = (operator: Mutant['operator'], pattern: RegExp, table: Readonly<Record<string, string>>): void => {
    for (const { index, 1: found } of code.matchAll(pattern)) {
      const start = code.indexOf(found!, index);
      all.push({ operator, start, end: start + found!.length, text: table[found!]! });
    }
  };
  swap('comparison', / (<=?|>=?) /g, COMPARISONS);
  swap('equality', / ([!=]=) /g, EQUALITIES);
  swap('sign', / ([+-]=?) /g, SIGNS);
  swap('logic', / (&&|\|\|) /g, LOGIC);
  swap('extremum', /(?<![\w.])(min|max)\(/g, EXTREMA);

  for (const { index, 0: found, 1: digits, 2: suffix } of code.matchAll(/(?<![\w.])(\d+)(\.0|[ui])?(?![\w.])/g)) {
    const value = Number(digits);
    if (value > LARGEST_CONSTANT) continue;
    for (const other of value > 0 ? [value + 1, value - 1] : [1]) {
      all.push({ operator: 'constant', start: index, end: index + found.length, text: `${other}${suffix ?? ''}` });
    }
  }
  for (const { index, 0: name } of code.matchAll(/(?<![\w.])[A-Z]\w*|(?<=\bd\.)\w+/g)) {
    const other = otherAxis(name);
    if (other && words.has(other)) all.push({ operator: 'axis', start: index, end: index + name.length, text: other });
  }
  // a term of a sum, if it is one factor
  for (const { index, 0: found } of code.matchAll(/ [+-] [\w.]+(\[[^[\]\n]*\]|\([^()\n]*\))?(?=[;,)\]]| [+-] )/g)) {
    all.push({ operator: 'term', start: index, end: index + found.length, text: '' });
  }
  for (const { index, 0: line, 1: statement } of code.matchAll(
    /^[ \t]*(\w[^;{}\n]*;|if \([^\n]*\) \{[^{}\n]*\})[ \t]*$/gm,
  )) {
    if (/^\s*(@|(let|var|const|return|override|enable|struct|alias)\b)/.test(text.slice(index))) continue;
    const operator = /^(workgroup|storage)Barrier/.test(statement!) ? 'barrier' : 'statement';
    all.push({ operator, start: index, end: index + line.length, text: '' });
  }
  return all;
}

/** What is no statement and computes nothing. */
const PASSIVE = new RegExp(
  [
    /\/\/[^\n]*/, // comments
    /\/\*[^]*?\*\//,
    /@\w+(\([^()\n]*\))?/, // attributes
    /\b(array|var|ptr|atomic|bitcast|vec\d|mat\dx\d)<(?:[^<>\n;={}]|<[^<>\n;={}]*>)*>/, // types with parameters
    /^#[^\n]*/, // lines of the preprocessor
  ]
    .map(({ source }) => source)
    .join('|'),
  'gm',
);

/** The text with every `${…}` written over by letters, at the same length. */
function withoutHoles(text: string): string {
  let depth = 0;
  let code = '';
  for (let i = 0; i < text.length; i++) {
    if (depth === 0 && text.startsWith('${', i)) {
      depth = 1;
      code += '__';
      i++;
      continue;
    }
    if (depth > 0 && text[i] === '{') depth++;
    if (depth > 0 && text[i] === '}') {
      depth--;
      code += '_';
      continue;
    }
    code += depth > 0 && text[i] !== '\n' ? '_' : text[i];
  }
  return code;
}
