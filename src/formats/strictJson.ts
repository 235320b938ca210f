import { formatError, quote } from './checks';

/** What a JSON text may hold before it is parsed, so that a few bytes each cannot become millions of objects. */
export interface JsonLimits {
  readonly bytes: number;
  readonly depth: number;
  /** Counted by opening brackets, colons and commas: each value costs one or two. */
  readonly values: number;
}

/**
 * The JSON in a file, as {@link parseStrictJson} has it. A byte order mark before it is passed over.
 *
 * @throws GradlensError `model-format`, naming `where`: not UTF-8, or as parseStrictJson
 */
export function readStrictJson(bytes: Uint8Array, where: string, limits: JsonLimits): unknown {
  checkBytes(bytes.length, where, limits);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw formatError(`${where}: is not UTF-8`, {}, { cause });
  }
  return parseStrictJson(text, where, limits);
}

function checkBytes(bytes: number, where: string, limits: JsonLimits): void {
  if (bytes > limits.bytes) throw formatError(`${where}: has ${bytes} bytes; at most ${limits.bytes} are read`);
}

/**
 * `JSON.parse`, except that a key given twice is refused (JSON.parse keeps the last, and says nothing) and that size is
 * bounded first. Keys such as `__proto__` are ordinary own keys of the result; read it with `Object.entries` or
 * `Object.hasOwn`.
 *
 * @throws GradlensError `model-format`, naming `where`.
 */
export function parseStrictJson(text: string, where: string, limits: JsonLimits): unknown {
  checkBytes(text.length, where, limits); // of one byte each, at least
  scan(text, where, limits);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw formatError(`${where}: is not JSON: ${(cause as Error).message}`, {}, { cause });
  }
}

/** Looks at strings, brackets, colons and commas only; whatever else is wrong, JSON.parse will say. */
function scan(text: string, where: string, limits: JsonLimits): void {
  const marks = /["{}[\]:,]/g; // a regular expression finds the next one ten times as fast as a loop does
  const keys: Set<string>[] = []; // those seen so far, of each open bracket
  let values = 1;
  let string = ''; // the last string, still quoted and escaped
  while (marks.test(text)) {
    const mark = text[marks.lastIndex - 1]!;
    if (mark === '"') {
      const start = marks.lastIndex - 1;
      marks.lastIndex = endOfString(text, start);
      string = text.slice(start, marks.lastIndex);
    } else if (mark === '{' || mark === '[') {
      if (keys.push(new Set()) > limits.depth) throw formatError(`${where}: nests deeper than ${limits.depth}`);
    } else if (mark === '}' || mark === ']') {
      keys.pop();
    } else if (mark === ':') {
      const key = unescapeKey(string, where);
      if (keys.at(-1)?.has(key))
        throw formatError(`${where}: has the key ${quote(key)} twice; keys are unique`, { key });
      keys.at(-1)?.add(key);
    }
    if ('{[:,'.includes(mark) && ++values > limits.values)
      throw formatError(`${where}: holds more than ${limits.values} values`);
  }
}

/** One past the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  const marks = /["\\]/g;
  marks.lastIndex = start + 1;
  while (marks.test(text)) {
    if (text[marks.lastIndex - 1] === '"') return marks.lastIndex;
    marks.lastIndex++; // past what the backslash escapes
  }
  return text.length;
}

/** Two spellings of one key, `"a"` and `"\u0061"`, are one key. */
function unescapeKey(string: string, where: string): string {
  try {
    return JSON.parse(string) as string;
  } catch (cause) {
    throw formatError(`${where}: ${quote(string)} is not a JSON string`, {}, { cause });
  }
}
