/**
 * Who imports whom, read from the sources. From it follow which project a test file belongs to (test/projects.ts),
 * which tests try a mutant (test/mutate/), and whether imports point one way (test/imports.test.ts).
 *
 * Paths are relative to the repository, with forward slashes; a package stands by its name.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';

/** `values` leaves out what only brings types and so is gone at run time; `first` also what is imported later. */
export type Imports = 'all' | 'values' | 'first';

const IMPORTS: Record<Imports, RegExp> = {
  all: /^\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'|^import\s+'([^']+)'/gm,
  first: /^\s*(?:import|export)\s+(?!type\b)[^'"`;]*?from\s+'([^']+)'|^import\s+'([^']+)'/gm,
  values: /^\s*(?:import|export)\s+(?!type\b)[^'"`;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'|^import\s+'([^']+)'/gm,
};

const known = new Map<string, readonly string[]>();

/** What a file imports, statically or later. */
export function importsOf(file: string, which: Imports = 'values'): readonly string[] {
  const key = `${which} ${file}`;
  const found =
    known.get(key) ??
    [...readFileSync(file, 'utf8').matchAll(IMPORTS[which])].map(([, ...names]) =>
      resolved(file, names.find((name) => name !== undefined)!),
    );
  known.set(key, found);
  return found;
}

function resolved(file: string, name: string): string {
  if (!name.startsWith('.')) return name;
  const path = posix.join(posix.dirname(file), name);
  return [path, `${path}.ts`, `${path}/index.ts`].find(isFile) ?? path;
}

const files = new Map<string, boolean>();
function isFile(path: string): boolean {
  const found = files.get(path) ?? statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  files.set(path, found);
  return found;
}
const hasImports = (path: string): boolean => /\.(ts|mjs)$/.test(path) && isFile(path);

/** Everything that a file reaches through imports, itself first, by the number of steps. */
export function reachedFrom(file: string, which: Imports = 'values'): ReadonlyMap<string, number> {
  const reached = new Map([[file, 0]]);
  for (const [path, steps] of reached) {
    if (!hasImports(path)) continue;
    for (const next of importsOf(path, which)) if (!reached.has(next)) reached.set(next, steps + 1);
  }
  return reached;
}

/** Files below a folder whose name matches. */
export function filesBelow(folder: string, pattern: RegExp): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((path) => pattern.test(path))
    .sort();
}

/** Modules of the product: no declarations, no tests. */
export const sources = (): readonly string[] =>
  ['src', 'shaders'].flatMap((folder) => filesBelow(folder, /(?<!\.d)\.ts$/));

export const testFiles = (): readonly string[] => filesBelow('test', /\.test\.ts$/);
