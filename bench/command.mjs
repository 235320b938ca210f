/**
 * What the two commands share: flags in; reports, files and the exit code out.
 *
 * @import { BenchOptions } from './run.ts'
 * @import { Report } from './report.ts'
 * @import { Job, Limits, Tell } from './supervise.mjs'
 * @typedef {Awaited<ReturnType<typeof loadModules>>} Modules
 * @typedef {{ [flag: string]: any, table?: boolean, help?: boolean }} Values flags as they were given
 * @typedef {(query: URLSearchParams, tell: Tell) => Promise<Job>} Start
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/system.mjs';
import { showReports } from './readme.mjs';
import { bytesByDefault, supervise } from './supervise.mjs';

const HELP = `
  --net paper,alexnet,vgg16,squeezenet,small,tiny   --batch 1,8   --what forward,gradient,class-model
  --precision f32,f16
  --contenders gradlens,tfjs-webgpu,tfjs-webgpu-tiled,tfjs-webgl,tfjs-wasm,jax-webgpu,
               ort-webgpu,ort-wasm (these two forward only) | all
  --runs 30 --seconds 2   a contender is done after so many runs or seconds, whichever comes first (5 runs at least)
  --warm-up 20            seconds after which warming up ends, settled or not
  --probe 0               leaves out what the adapter itself can do
  --layers 0              leaves out gradlens step by step
  --patience 120          seconds without a sign of life after which a contender has failed
  --memory GB             beyond which it has, too; default: 70 % of what is free at the beginning
  --json FILE             where the report goes; default: bench/results/<date>-<adapter>.json; '-': stdout, and no files
  --compare OLD.json      says what got faster or slower; exit code 1 if gradlens did get slower
  --table                 puts this report into bench/README.md, as runs without --net and --batch do
  --adapter NAME          `;

const COMMAND_FLAGS = ['json', 'compare', 'adapter', 'table', 'help', 'patience', 'memory'];

/**
 * The flags, as pairs for parseOptions, and those that are for the command. Ends the process for --help and for wrong
 * flags.
 *
 * @param {string} adapterHelp
 * @returns {{ values: Values, entries: [string, string][] }}
 */
export function readFlags(adapterHelp) {
  const names = [
    'net',
    'batch',
    'what',
    'precision',
    'contenders',
    'runs',
    'seconds',
    'warm-up',
    'probe',
    'layers',
    'patience',
    'memory',
    'json',
    'compare',
    'adapter',
  ];
  try {
    /** @type {{ values: Values }} */
    const { values } = parseArgs({
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: /** @type {const} */ ('string') }])),
        table: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      console.log(HELP.slice(1) + adapterHelp);
      process.exit(0);
    }
    for (const name of ['patience', 'memory'])
      if (values[name] !== undefined && !(Number(values[name]) > 0))
        throw new Error(`--${name} is '${values[name]}'; a number above 0 would be right`);
    return { values, entries: Object.entries(values).filter(([name]) => !COMMAND_FLAGS.includes(name)) };
  } catch (error) {
    return fail(`${/** @type {Error} */ (error).message}\n\n${HELP.slice(1)}${adapterHelp}`);
  }
}

/**
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  console.error(message);
  process.exit(2);
}

/**
 * Stops for options that were not understood.
 *
 * @param {Modules} modules
 * @param {[string, string][]} entries
 */
export function options(modules, entries) {
  const { options: chosen, problems } = modules.options.parseOptions(entries);
  if (problems.length > 0) fail(problems.join('\n'));
  return chosen;
}

/**
 * The cases one by one, each to be run in a fresh process or browser; without flags: small and paper alone, and eight
 * of small.
 *
 * @param {BenchOptions} chosen
 * @param {[string, string][]} entries
 * @returns {(readonly [net: BenchOptions['nets'][number], batch: number])[]}
 */
export function casesOf(chosen, entries) {
  const given = new Set(entries.map(([name]) => name));
  if (!given.has('net') && !given.has('batch'))
    return [
      ['small', 1],
      ['paper', 1],
      ['small', 8],
    ];
  return chosen.nets.flatMap((net) => chosen.batches.map((batch) => /** @type {const} */ ([net, batch])));
}

/**
 * The benchmark's TypeScript, by Vite.
 *
 * @param {import('vite').ViteDevServer} server
 */
export const loadModules = async (server) => ({
  options: /** @type {typeof import('./options.ts')} */ (await server.ssrLoadModule('/bench/options.ts')),
  report: /** @type {typeof import('./report.ts')} */ (await server.ssrLoadModule('/bench/report.ts')),
  table: /** @type {typeof import('./table.ts')} */ (await server.ssrLoadModule('/bench/table.ts')),
  compare: /** @type {typeof import('./compare.ts')} */ (await server.ssrLoadModule('/bench/compare.ts')),
  layers: /** @type {typeof import('./layers.ts')} */ (await server.ssrLoadModule('/bench/layers.ts')),
  contenders: /** @type {typeof import('./contenders/index.ts')} */ (
    await server.ssrLoadModule('/bench/contenders/index.ts')
  ),
});

/**
 * A line of progress.
 *
 * @param {string} sentence
 */
export const show = (sentence) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${sentence}` : `${sentence}\n`);

/**
 * One report of all cases. `start(query, tell)` starts the job of one, as `supervise` wants it.
 *
 * @param {Modules} modules
 * @param {BenchOptions} chosen
 * @param {ReturnType<typeof casesOf>} cases
 * @param {Values} flags
 * @param {Start} start
 */
export async function runCases(modules, chosen, cases, { patience = 120, memory }, start) {
  const limits = { seconds: Number(patience), bytes: memory === undefined ? bytesByDefault() : Number(memory) * 1e9 };
  /** @type {Report[]} */
  const reports = [];
  for (const [net, batch] of cases) {
    const own = { ...chosen, nets: [net], batches: [batch], probe: chosen.probe && reports.length === 0 };
    try {
      reports.push(await runCase(modules, own, limits, start));
    } catch (error) {
      fail(`${net}, batch ${batch}: ${/** @type {Error} */ (error).message}`);
    }
  }
  return modules.report.merged(/** @type {[Report, ...Report[]]} */ (reports));
}

/**
 * Whoever gets stuck, takes too much or dies has failed, and the others begin anew without it.
 *
 * @param {Modules} modules
 * @param {BenchOptions} options
 * @param {Limits} limits
 * @param {Start} start
 * @returns {Promise<Report>}
 */
async function runCase(modules, options, limits, start) {
  const failed = [];
  for (let { contenders } = options; ; ) {
    const { result, contender, reason } = await supervise(
      (tell) => start(modules.options.writeOptions({ ...options, contenders }), tell),
      limits,
    );
    if (result) return { ...result, rows: [...result.rows, ...failed] };
    // nothing to compare with
    if (!contender || contender === 'gradlens') throw new Error(`${contender ?? 'the benchmark'}: ${reason}`);
    show(`${contender}: ${reason}; once more without it`);
    const name = /** @type {BenchOptions['contenders'][number]} */ (contender);
    const rival = modules.contenders.CONTENDERS[name](/** @type {any} */ (null)); // whose name and version are wanted
    failed.push(
      ...options.what
        .filter((what) => rival.offers?.includes(what) ?? true)
        .map((what) =>
          modules.report.emptyRow(
            { net: options.nets[0], batch: options.batches[0], what, precision: 'f32' },
            rival,
            'failed',
            reason,
          ),
        ),
    );
    contenders = contenders.filter((name) => name !== contender);
  }
}

/**
 * Adds what only the command knows.
 *
 * @template {{ environment: object }} T
 * @param {T} report
 * @param {string[]} launchFlags
 */
export function stamped(report, launchFlags) {
  /** @param {string[]} args */
  const git = (...args) => {
    try {
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return '';
    }
  };
  const commit = git('rev-parse', '--short=12', 'HEAD');
  const changed =
    git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'shaders', 'package-lock.json') !== '';
  const command = ['node', relative(root, process.argv[1]), ...process.argv.slice(2)].join(' ');
  return {
    ...report,
    environment: {
      ...report.environment,
      ...(commit ? { commit: commit + (changed ? ' with local changes' : '') } : {}),
      command,
      launchFlags,
    },
  };
}

/**
 * Writes the report, regenerates the table, prints and compares; the exit code.
 *
 * @param {Modules} modules
 * @param {Report} report
 * @param {Values} flags
 */
export function finish(modules, report, { json, compare, table, net, batch }) {
  const { report: format, table: tables, compare: comparison, layers } = modules;
  if (json === '-') {
    console.log(JSON.stringify(report));
  } else {
    const date = report.environment.date.slice(0, 16).replace(/[:T]/g, '-');
    const name = `${date}-${format.adapterSlug(report.environment)}.json`;
    const file = json ? resolve(json) : join(root, 'bench/results', name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
    console.log(
      `\n${tables.markdownOf(report)}\n\n${layers.layersMarkdown(report)}\n\nReport: ${relative(process.cwd(), file)}`,
    );
    if (!json && (table || (!net && !batch))) showReports({ report: format, table: tables }, [file]);
  }
  if (!compare) return 0;
  const before = format.parseReport(readFileSync(resolve(compare), 'utf8'));
  const { text, regressed } = comparison.comparisonOf(before, report);
  console.error(`\n${text}`);
  return regressed ? 1 : 0;
}
