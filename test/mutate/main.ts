/** See ../mutate.mjs. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Candidate, FOLDERS, PURE_FOLDERS, sample } from './choice';
import { type Equivalent, equivalents, isEquivalent, stale } from './equivalents';
import { type Outcome, Tries, copyRepository } from './tries';

export async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      each: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      pure: { type: 'boolean', default: false },
      results: { type: 'string' },
      minutes: { type: 'string', default: '600' },
      list: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const folders = positionals.length > 0 ? positionals : values.pure ? PURE_FOLDERS : FOLDERS;
  // in the order of their ranks, so that a run that is stopped has seen something of every folder
  const chosen = sample(folders, Number(values.each), Number(values.seed)).toSorted((a, b) =>
    a.rank < b.rank ? -1 : 1,
  );
  const listed = equivalents();
  const toTry = chosen.filter((candidate) => !isEquivalent(candidate, listed));
  if (values.list) {
    toTry.forEach((candidate) => console.log(described(candidate)));
    return 0;
  }
  for (const { file, before } of stale(listed)) console.log(`no longer in ${file}: ${before}`);
  const tried = await tryAll(toTry, { file: values.results, minutes: Number(values.minutes), pure: values.pure });
  const left = toTry.length - tried.length;
  if (left > 0) console.log(`\n${left} are still to be tried`);
  return report(tried, chosen.length - toTry.length, listed);
}

type Tried = Candidate & Outcome;

/** What a run found, as it is kept between runs. */
interface Results {
  readonly tried: Tried[];
  readonly unharmed: Record<string, number | null>;
}

/** Tries what an earlier run has not, until the time is over. */
async function tryAll(
  candidates: readonly Candidate[],
  { file, minutes, pure }: { file: string | undefined; minutes: number; pure: boolean },
): Promise<readonly Tried[]> {
  const end = Date.now() + minutes * 60_000;
  const known: Results =
    file && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : { tried: [], unharmed: {} };
  const byRank = new Map(known.tried.map((tried) => [tried.rank, tried]));
  const unharmed = new Map(Object.entries(known.unharmed));
  const copy = mkdtempSync(join(tmpdir(), 'gradlens-mutate-'));
  const tries = new Tries(copy, unharmed, pure);
  try {
    copyRepository(process.cwd(), copy);
    for (const candidate of candidates) {
      if (byRank.has(candidate.rank) || Date.now() > end) continue;
      const tried = { ...candidate, ...(await tries.try(candidate)) };
      byRank.set(candidate.rank, tried);
      console.log(`${tried.verdict.padEnd(8)} ${tried.seconds.toFixed(1).padStart(6)} s  ${described(tried)}`);
      const results: Results = { tried: [...byRank.values()], unharmed: Object.fromEntries(unharmed) };
      if (file) writeFileSync(file, JSON.stringify(results, null, 1));
    }
  } finally {
    tries.stop();
    rmSync(copy, { recursive: true, force: true });
  }
  return candidates.flatMap(({ rank }) => byRank.get(rank) ?? []);
}

const described = ({ file, line, operator, before, after }: Candidate): string =>
  [`${file}:${line}  ${operator}`, `    - ${indented(before)}`, `    + ${indented(after)}`].join('\n');

const indented = (text: string): string => text.split('\n').join('\n      ');

function report(all: readonly Tried[], equivalent: number, listed: readonly Equivalent[]): number {
  const survived = all.filter(({ verdict }) => verdict === 'survived');
  console.log();
  for (const folder of new Set(all.map((tried) => tried.folder))) {
    const here = all.filter((tried) => tried.folder === folder);
    const count = (verdict: string): number => here.filter((tried) => tried.verdict === verdict).length;
    const [killed, timeouts, left] = ['killed', 'timeout', 'survived'].map(count);
    console.log(
      `${folder.padEnd(18)} ${here.length} mutants: ${killed} killed, ${timeouts} timed out, ${left} survived`,
    );
  }
  console.log(
    `\n${all.length - survived.length} of ${all.length} mutants were noticed` +
      (equivalent > 0 ? `; ${equivalent} more are known to change nothing (of ${listed.length} listed)` : ''),
  );
  return survived.length > 0 ? 1 : 0;
}
