/** Names of classes, in the forms that people have them in. */
import { formatError } from './checks';
import { parseStrictJson } from './strictJson';

/** More names than any net has classes, and of some length; a list in `id2label` lies a level deeper. */
const LIMITS = { bytes: 2 ** 26, depth: 8, values: 2 ** 20 };

/**
 * Names of classes in the order of the scores, of one of these forms:
 *
 * - one a line; lines at the end that are blank are none
 * - a JSON list of names, or of pairs that begin with a synset's id
 * - a JSON object: class number → name, as Hugging Face's `id2label`, or → `[synset, name]`, as Keras' class index; or
 *   name → class number, as torchvision's `class_to_idx`; or one that has such an object (`config.json`)
 *
 * A synset's id before a name (`n01440764 tench`) is left out.
 *
 * @param where begins the messages: the file's name
 * @throws GradlensError `model-format` where it is none of them, or too long
 */
export function readLabels(text: string, where: string): string[] {
  const plain = text.replace(/^\uFEFF/, '');
  if (/^\s*[[{]/.test(plain)) {
    const labels = labelsIn(parseStrictJson(plain, where, LIMITS));
    if (labels) return labels;
    throw formatError(
      `${where}: is no list of names: a JSON list of texts, or an object of class number to name, or of name to ` +
        'class number, from 0 without gaps, would be right',
    );
  }
  if (plain.length > LIMITS.bytes)
    throw formatError(`${where}: has ${plain.length} characters; at most ${LIMITS.bytes} are read`);
  const lines = plain.trimEnd().split(/\r\n|\r|\n/);
  if (lines.length > LIMITS.values)
    throw formatError(`${where}: has ${lines.length} lines; at most ${LIMITS.values} are read`);
  return withoutSynsets(lines.map((line) => line.trim()));
}

/** The names in a value of JSON; undefined if there are none. */
export function labelsIn(json: unknown): string[] | undefined {
  if (Array.isArray(json)) {
    const names = json.map(nameIn);
    return names.every((name) => name !== undefined) ? withoutSynsets(names) : undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const entries = Object.entries(json);
  const inside = ['id2label', 'label2id', 'class_to_idx', 'names', 'labels', 'classes'].find((key) =>
    Object.hasOwn(json, key),
  );
  if (inside !== undefined) return labelsIn((json as Record<string, unknown>)[inside]);
  const numbered = entries.every(([key]) => /^\d+$/.test(key))
    ? entries.map(([key, name]) => [Number(key), nameIn(name)] as const)
    : entries.map(([name, index]) => [Number(index), name] as const);
  return inOrder(numbered);
}

/** A name, or of a pair `[synset, name]` the name. */
function nameIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const name: unknown = value[value.length > 1 && typeof value[0] === 'string' && SYNSET.test(value[0]) ? 1 : 0];
  return typeof name === 'string' ? name : undefined;
}

/** Undefined unless the numbers are 0, 1, 2, …, each once. */
function inOrder(numbered: readonly (readonly [index: number, name: string | undefined])[]): string[] | undefined {
  const names: (string | undefined)[] = numbered.map(() => undefined);
  for (const [index, name] of numbered) {
    if (!Number.isInteger(index) || index < 0 || index >= names.length || names[index] !== undefined) return undefined;
    names[index] = name;
  }
  return names.length > 0 && names.every((name) => name !== undefined) ? withoutSynsets(names) : undefined;
}

/** WordNet's number of a noun, as ImageNet's folders are called. */
const SYNSET = /^n\d{8}$/;

/** Left out where every name has one, and something behind it. */
function withoutSynsets(names: readonly string[]): string[] {
  const parts = names.map((name) => /^(n\d{8})[\s:,_-]+(\S.*)$/.exec(name)?.[2]);
  return parts.every((part) => part !== undefined) ? parts : [...names];
}

/**
 * The names in a text of a file's metadata, in the order of their numbers: JSON, a dictionary or list as Python prints
 * it, lines, or names with commas between. Undefined where it holds none.
 */
export function labelsInText(text: string): string[] | undefined {
  if (text.trim() === '' || text.length > LIMITS.bytes) return undefined;
  if (/^\s*[[{]/.test(text)) {
    const json = valueIn(text);
    return json === undefined ? undefined : labelsIn(json);
  }
  const names = text.trim().split(text.includes('\n') ? /\r?\n/ : ',');
  return names.length > 1 ? withoutSynsets(names.map((name) => name.trim())) : undefined;
}

function valueIn(text: string): unknown {
  try {
    return parseStrictJson(text, 'metadata', LIMITS);
  } catch {
    return pythonIn(text);
  }
}

/** A dictionary or list of texts and whole numbers as Python prints it: `{0: 'tench', 1: "driver's licence"}`. */
function pythonIn(text: string): unknown {
  const tokens = [
    ...text.matchAll(/\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?)|([[\](){},:]))/gsy),
  ];
  if (tokens.reduce((length, [token]) => length + token.length, 0) !== text.trimEnd().length) return undefined;
  const plain = tokens.map(([, single, double, number, mark]) => {
    if (mark !== undefined) return mark === '(' ? '[' : mark === ')' ? ']' : mark;
    return number ?? JSON.stringify(unescaped((single ?? double)!));
  });
  // JSON has texts before colons, and no comma at the end
  const json = plain
    .filter((token, i) => token !== ',' || !/^[\]}]$/.test(plain[i + 1] ?? ''))
    .map((token, i, all) => (all[i + 1] === ':' && /^-?\d/.test(token) ? `"${token}"` : token))
    .join('');
  try {
    return parseStrictJson(json, 'metadata', LIMITS);
  } catch {
    return undefined;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

const unescaped = (text: string): string =>
  text.replaceAll(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gis, (_, byte, unit, other: string) => {
    const code = (byte ?? unit) as string | undefined;
    return code === undefined ? (ESCAPES[other] ?? other) : String.fromCharCode(Number.parseInt(code, 16));
  });
