/** Joins the indexes of a run's parts, and says what is missing, double, or of another run. */
import { readFile, stat } from 'node:fs/promises';
import { common, command } from './args';
import { EXIT, UsageError } from './failure';
import { type Line, linesIn } from './many/index';
import { keyOf } from './many/items';
import { type Manifest, differenceOf, manifestPath, readManifest, writeManifest } from './many/manifest';
import { unitsOf } from './many/units';
import { shownJson } from './shown';

export const merge = command({
  name: 'merge',
  description: 'joins the indexes of shards: every picture exactly once, all by the same model, method and version',
  examples: [["'out/saliency.*-of-8.jsonl' --out out/saliency.jsonl", 'of the eight tasks of a job array']],
  args: {
    index: { type: 'positional', required: true, description: 'indexes (.jsonl), with their manifests beside them' },
    out: { type: 'string', valueHint: 'FILE.jsonl', required: true, description: 'the index of all pictures' },
    ...common,
  },
  async run(args, session) {
    const { files } = session;
    if (!/\.jsonl$/i.test(args.out)) throw new UsageError(`--out is '${args.out}'; it should end in .jsonl`);
    const paths = (await unitsOf(args._)).units.map(({ path }) => path);
    for (const path of paths) {
      files.reads(path);
      files.reads(manifestPath(path));
    }
    const outputs = files.outputs();
    outputs.claim(args.out);
    outputs.claim(manifestPath(args.out));
    const parts = await Promise.all(paths.map(partOf));
    const problems = problemsOf(parts);
    for (const problem of problems) session.complain(new UsageError(problem));
    if (problems.length > 0) return EXIT.failed;

    const lines = parts.flatMap((part) => part.lines).sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1]);
    const joined = lines.map((line) => `${shownJson(line)}\n`).join('');
    await outputs.write(args.out, new TextEncoder().encode(joined));
    const { manifest } = parts[0]!;
    await writeManifest(outputs, args.out, { ...manifest, shard: null, pictures: lines.length });
    const failed = lines.filter(({ error }) => error !== undefined).length;
    const failures = failed > 0 ? `, ${failed} of them failed` : '';
    session.print(
      args.json,
      { out: args.out, shards: parts.length, pictures: lines.length, failed },
      `${args.out}: ${lines.length} pictures of ${parts.length} shards${failures}`,
    );
    return EXIT.ok;
  },
});

export interface Part {
  readonly path: string;
  readonly manifest: Manifest;
  readonly lines: readonly Line[];
}

async function partOf(path: string): Promise<Part> {
  if (!(await stat(path).catch(() => null))?.isFile()) throw new UsageError(`${path}: there is no such file`);
  const manifest = await readManifest(path);
  if (!manifest) throw new UsageError(`${path} has no manifest beside it (${manifestPath(path)})`);
  const text = await readFile(path, 'utf8');
  if (text !== '' && !text.endsWith('\n')) throw new UsageError(`${path} ends within a line: its run is to be resumed`);
  return { path, manifest, lines: linesIn(text, path) };
}

/** At most so many pictures are named. */
const MOST_NAMED = 10;

/** In sentences; none if the parts are one whole. */
export function problemsOf(parts: readonly Part[]): readonly string[] {
  const [first] = parts;
  if (!first) return ['there is no index'];
  const problems: string[] = [];
  for (const { path, manifest } of parts) {
    const difference = differenceOf(manifest, first.manifest);
    if (difference) problems.push(`${path} is of ${difference} than ${first.path}`);
    if (manifest.pictures === null) problems.push(`${path} is not finished: resume its run`);
  }
  problems.push(...problemsOfShards(parts));
  for (const { path, manifest, lines } of parts)
    if (manifest.pictures !== null && manifest.pictures !== lines.length)
      problems.push(`${path} has ${lines.length} lines; its run wrote ${manifest.pictures}`);

  const seen = new Map<string, string>();
  const doubles: string[] = [];
  for (const { path, lines } of parts)
    for (const line of lines) {
      const key = keyOf(line);
      const other = seen.get(key);
      if (other !== undefined) doubles.push(`${line.picture} is in ${other === path ? 'it' : other} and in ${path}`);
      seen.set(key, path);
    }
  problems.push(...doubles.slice(0, MOST_NAMED));
  if (doubles.length > MOST_NAMED) problems.push(`and ${doubles.length - MOST_NAMED} other pictures are there twice`);
  return problems;
}

/** Each part of the whole is there once. */
function problemsOfShards(parts: readonly Part[]): readonly string[] {
  const of = (part: Part): string => (part.manifest.shard ? String(part.manifest.shard.count) : 'all');
  const [first] = parts;
  const other = parts.find((part) => of(part) !== of(first!));
  if (other) return [`${other.path} is a part of ${of(other)}, ${first!.path} one of ${of(first!)}`];
  const count = first!.manifest.shard?.count ?? 1;
  return Array.from({ length: count }, (_, index) => {
    const found = parts.filter((part) => (part.manifest.shard?.index ?? 0) === index);
    if (found.length === 1) return [];
    if (found.length === 0) return [`shard ${index}/${count} is missing`];
    return [`shard ${index}/${count} is there ${found.length} times: ${found.map(({ path }) => path).join(', ')}`];
  }).flat();
}
