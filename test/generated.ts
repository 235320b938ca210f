/**
 * What is written from the records of operators and methods: the operators' registry, the nodes in model.schema.json,
 * and README's lists. `npm run generate` writes all; generated.test.ts compares them.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { type Curve, CURVES } from '../shaders/curves';
import { operators } from '../src/formats/onnx/operators';
import { METHODS } from '../src/methods/named';
import type { Node, Operator } from '../src/ops/op';

type Record = Operator<Node>;
const isRecord = (value: unknown): value is Record =>
  typeof value === 'object' && value !== null && 'op' in value && 'arity' in value && 'fields' in value;
const isFamily = (value: unknown): value is { readonly [op: string]: Record } =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).length > 0 &&
  Object.values(value).every(isRecord);

/** No records of files' operators: the registry and what reads it, the way in, and what is watched. */
const ELSE = new Set(['registry.ts', 'index.ts', 'image.ts', 'watched.ts']);

/** What each file of src/ops exports that is a record, or several by name. */
const modules = await Promise.all(
  readdirSync('src/ops')
    .filter((file) => !ELSE.has(file))
    .sort()
    .map(async (file) => {
      const stem = file.replace('.ts', '');
      const exports = Object.entries((await import(`../src/ops/${stem}.ts`)) as object);
      const records = exports.filter(([, value]) => isRecord(value)) as [string, Record][];
      const families = exports.filter(([, value]) => isFamily(value)) as [string, { [op: string]: Record }][];
      return { stem, records, families };
    }),
);
const withRecords = modules.filter(({ records, families }) => records.length + families.length > 0);
const named = modules.flatMap(({ records, families }) => [
  ...records,
  ...families.flatMap(([, family]) => Object.entries(family)),
]);
const records = named.map(([, record]) => record).sort((a, b) => (a.op < b.op ? -1 : 1));

/** Every record with the name under which its file exports it. */
export const exported: readonly (readonly [name: string, record: Record])[] = named;

function registry(): string {
  const names = ({ records, families }: (typeof modules)[number]): string[] =>
    [...records, ...families].map(([name]) => name).sort();
  const imports = withRecords.map((module) => `import { ${names(module).join(', ')} } from './${module.stem}';`);
  const entries = withRecords.flatMap(({ records, families }) => [
    ...records.map(([name]) => name).sort(),
    ...families.map(([name]) => `...${name}`),
  ]);
  return `/** All operators. Written by \`npm run generate\` from the records in this folder: edit those. */
${imports.join('\n')}

export const ops = {
${entries.map((entry) => `  ${entry},`).join('\n')}
};
`;
}

function modelSchema(): string {
  const schema = JSON.parse(readFileSync('src/formats/model.schema.json', 'utf8')) as {
    properties: { nodes: { items: { description: string; oneOf: object[] } } };
  };
  const ops = records.map(({ op }) => op);
  schema.properties.nodes.items = {
    description: `a node whose op is ${ops.slice(0, -1).join(', ')} or ${ops.at(-1)}`,
    oneOf: records.map(nodeSchema),
  };
  return `${printed(schema)}\n`;
}

function nodeSchema({ op, title, arity, fields }: Record): object {
  const all = Object.entries<object>(fields);
  const says = (CURVES as { readonly [op: string]: Curve })[op]?.says;
  return {
    description: says ? `${title}: ${says}` : title,
    type: 'object',
    properties: {
      op: { const: op },
      name: { $ref: '#/$defs/name' },
      inputs: inputsSchema(arity),
      ...Object.fromEntries(all.map(([name, field]) => [name, 'optional' in field ? field.optional : field])),
    },
    required: ['op', 'name', 'inputs', ...all.filter(([, field]) => !('optional' in field)).map(([name]) => name)],
    additionalProperties: false,
  };
}

function inputsSchema({ fewest, most }: Record['arity']): object {
  const numbers = ['no', 'one', 'two', 'three', 'four', 'five'];
  const few = `${numbers[fewest]} tensor name${fewest === 1 ? '' : 's'}`;
  const many = most === Infinity ? `${few} or more` : `${numbers[fewest]} to ${numbers[most]} tensor names`;
  return {
    description: `a list of ${most === fewest ? few : many}`,
    type: 'array',
    items: { $ref: '#/$defs/name' },
    minItems: fewest,
    ...(most === Infinity ? {} : { maxItems: most }),
  };
}

/** JSON in which what fits on a line stands on one. */
function printed(value: unknown, indent = ''): string {
  const short = JSON.stringify(value, null, 1).replace(/\s*\n\s*/g, ' ');
  if (typeof value !== 'object' || value === null || indent.length + short.length <= 110) return short;
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => inner + printed(item, inner))
    : Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${printed(item, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

/** README names all operators, ours and those of ONNX, and all methods. */
function readme(): string {
  const titles = records.map(({ title }) => title).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const paragraphs = [
    `${titles.join(', ').replace(/^./, (letter) => letter.toUpperCase())}.`,
    `ONNX's operators of opset 1 to 25: ${[...operators.keys()].sort().join(', ')}.`,
  ].map((text) => wrapped(text, 140));
  const text = between(readFileSync('README.md', 'utf8'), 'operators', `\n${paragraphs.join('\n\n')}\n`);
  return between(text, 'methods', `\n\n${methodTable()}\n\n`);
}

/** The text with something else between the two marks of that name. */
function between(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  return `${text.split(begin)[0]}${begin}${content}${end}${text.split(end)[1]}`;
}

function methodTable(): string {
  const rows = METHODS.map(({ name, title, source, year, meaning, options }) => [
    `${title}, \`${name}\``,
    `${source} ${year}`,
    meaning.replaceAll('|', '\\|'),
    Object.keys(options)
      .map((option) => `\`${option}\``)
      .join(', '),
  ]);
  return table(['method', 'by', 'a value of its map', 'options'], rows);
}

/** With the cells of a column as wide as the widest, as the formatter lays tables out. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, k) => Math.max(title.length, ...rows.map((row) => row[k]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, k) => cell.padEnd(widths[k]!)).join(' | ')} |`;
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n');
}

const wrapped = (text: string, width: number): string =>
  text
    .split(' ')
    .reduce<string[]>(
      ([line = '', ...lines], word) =>
        line.length + word.length + 1 > width ? [word, line, ...lines] : [line ? `${line} ${word}` : word, ...lines],
      [],
    )
    .reverse()
    .join('\n');

/** The text of each file that is written, by its path in the repository. */
export const generated = (): ReadonlyMap<string, string> =>
  new Map([
    ['src/ops/registry.ts', registry()],
    ['src/formats/model.schema.json', modelSchema()],
    ['README.md', readme()],
  ]);
