/** What the two commands share: flags in; reports, files and the exit code out. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../bin/system.mjs';

const HELP = `
  --net paper,alexnet,vgg16,squeezenet,small,tiny   --batch 1,8   --what forward,gradient
  --contenders gradlens,tfjs-webgpu,tfjs-webgpu-tiled,tfjs-webgl,tfjs-wasm,jax-webgpu | all
  --runs 30 --seconds 2   a contender is done after so many runs or seconds, whichever comes first (5 runs at least)
  --warm-up 20            seconds after which warming up ends, settled or not
  --probe 0               leaves out what the adapter itself can do
  --json FILE             where the report goes; default: bench/results/<date>-<adapter>.json; '-': stdout, and no files
  --compare OLD.json      says what got faster or slower; exit code 1 if gradlens did get slower
  --table                 puts this report into bench/README.md, as runs without --net and --batch do
  --adapter NAME          `;

const COMMAND_FLAGS = ['json', 'compare', 'adapter', 'table', 'help'];

/** The flags, as pairs for parseOptions, and those that are for the command. Ends the process for --help and for wrong flags. */
export function readFlags(adapterHelp) {
  const names = ['net', 'batch', 'what', 'contenders', 'runs', 'seconds', 'warm-up', 'probe', 'json', 'compare', 'adapter'];
  try {
    const { values } = parseArgs({ options: { ...Object.fromEntries(names.map((name) => [name, { type: 'string' }])), table: { type: 'boolean' }, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(HELP.slice(1) + adapterHelp);
      process.exit(0);
    }
    return { values, entries: Object.entries(values).filter(([name]) => !COMMAND_FLAGS.includes(name)) };
  } catch (error) {
    fail(`${error.message}\n\n${HELP.slice(1)}${adapterHelp}`);
  }
}

export function fail(message) {
  console.error(message);
  process.exit(2);
}

/** Stops for options that were not understood. */
export function options(modules, entries) {
  const { options: chosen, problems } = modules.options.parseOptions(entries);
  if (problems.length > 0) fail(problems.join('\n'));
  return chosen;
}

/** The cases one by one, each to be run in a fresh process or browser; without flags: small and paper alone, and eight of small. */
export function casesOf(chosen, entries) {
  const given = new Set(entries.map(([name]) => name));
  if (!given.has('net') && !given.has('batch')) return [['small', 1], ['paper', 1], ['small', 8]];
  return chosen.nets.flatMap((net) => chosen.batches.map((batch) => [net, batch]));
}

/** One report of several, all from the same machine; the probe and the environment are those of the first. */
export function merged(reports) {
  return { ...reports[0], rows: reports.flatMap(({ rows }) => rows) };
}

/** Adds what only the command knows. */
export function stamped(report, launchFlags) {
  const git = (...args) => {
    try {
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return '';
    }
  };
  const commit = git('rev-parse', '--short=12', 'HEAD');
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'shaders', 'package-lock.json') !== '';
  const command = ['node', relative(root, process.argv[1]), ...process.argv.slice(2)].join(' ');
  return { ...report, environment: { ...report.environment, ...(commit ? { commit: commit + (changed ? ' with local changes' : '') } : {}), command, launchFlags } };
}

/** Writes the report, regenerates the table, prints and compares; the exit code. */
export function finish({ report: format }, report, { json, compare, table, net, batch }) {
  if (json === '-') {
    console.log(JSON.stringify(report));
  } else {
    const name = `${report.environment.date.slice(0, 16).replace(/[:T]/g, '-')}-${format.adapterSlug(report.environment)}.json`;
    const file = json ? resolve(json) : join(root, 'bench/results', name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
    console.log(`\n${format.markdownOf(report)}\n\nReport: ${relative(process.cwd(), file)}`);
    if (!json && (table || (!net && !batch))) regenerateTable(format, file);
  }
  if (!compare) return 0;
  const before = format.parseReport(readFileSync(resolve(compare), 'utf8'));
  const mismatch = format.mismatchOf(before, report);
  if (mismatch) console.error(`Beware: ${mismatch}.`);
  const comparisons = format.compareReports(before, report);
  console.error(`\n${format.comparisonMarkdown(comparisons)}\n`);
  const regressions = format.regressionsOf(comparisons);
  for (const { net, batch, what, verdict } of regressions) console.error(`Regression: ${net}, batch ${batch}, ${what}: ${verdict}`);
  return regressions.length > 0 ? 1 : 0;
}

/** This report into bench/README.md, in the place of the one from the same adapter and runtime. */
function regenerateTable(format, file) {
  const readme = join(root, 'bench/README.md');
  const text = readFileSync(readme, 'utf8');
  const shown = [...text.matchAll(/^From \[results\/([^\]]+)\]/gm)].map(([, name]) => join(root, 'bench/results', name)).filter(existsSync);
  const bySlug = new Map([...shown, file].map((path) => {
    const report = format.parseReport(readFileSync(path, 'utf8'));
    return [format.adapterSlug(report.environment), { name: basename(path), report }];
  }));
  const sections = [...bySlug].map(([slug, { name, report }]) => `### ${slug}\n\nFrom [results/${name}](results/${name}).\n\n${format.markdownOf(report)}`);
  writeFileSync(readme, format.betweenMarks(text, 'results', sections.join('\n\n')));
}
