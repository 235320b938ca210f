import { formatError } from './checks';
import { parseStrictJson } from './strictJson';

/** More names than any net has classes, and of some length. */
const LIMITS = { bytes: 2 ** 26, depth: 2, values: 2 ** 20 };

/**
 * Names of classes in the order of the scores: one a line, or a JSON list. Lines at the end that are blank are none.
 * @param where begins the messages: the file's name
 * @throws GradlensError `model-format` where it is no list of texts, or too long
 */
export function readLabels(text: string, where: string): string[] {
  if (/^\s*\[/.test(text)) {
    const list = parseStrictJson(text, where, LIMITS);
    if (Array.isArray(list) && list.every((label) => typeof label === 'string')) return list;
    throw formatError(`${where}: is no JSON list of strings`);
  }
  if (text.length > LIMITS.bytes)
    throw formatError(`${where}: has ${text.length} characters; at most ${LIMITS.bytes} are read`);
  const lines = text.trimEnd().split(/\r?\n/);
  if (lines.length > LIMITS.values)
    throw formatError(`${where}: has ${lines.length} lines; at most ${LIMITS.values} are read`);
  return lines.map((line) => line.trim());
}
