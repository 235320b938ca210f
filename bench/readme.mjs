/**
 * The generated parts of README.md. `node bench/readme.mjs [REPORT.json …]`: the rooflines; and the reports, each
 * adapter's in the place of those it had.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { createServer } from 'vite';
import { root } from '../scripts/system.mjs';

const README = join(root, 'bench/README.md');
const RESULTS = join(root, 'bench/results');

/**
 * @import { Report } from './report.ts'
 * @typedef {Pick<import('./command.mjs').Modules, 'report' | 'table'>} Modules
 */

/**
 * @param {Modules} modules of the benchmark
 * @param {string[]} files
 */
export function showReports({ report: format, table }, files) {
  const text = readFileSync(README, 'utf8');
  const shown = [...text.matchAll(/^From \[results\/([^\]]+)\]/gm)]
    .map(([, name]) => join(RESULTS, name))
    .filter(existsSync);
  /** @param {string} file */
  const reportOf = (file) => format.parseReport(readFileSync(file, 'utf8'));
  /** @param {string} file */
  const slugOf = (file) => format.adapterSlug(reportOf(file).environment);
  const fresh = new Set(files.map(slugOf));
  /** @type {Map<string, string[]>} */
  const sections = new Map();
  for (const file of [...shown.filter((one) => !fresh.has(slugOf(one))), ...files])
    sections.set(slugOf(file), [...(sections.get(slugOf(file)) ?? []), file]);
  /** @param {string} file */
  const partOf = (file) =>
    `From [results/${basename(file)}](results/${basename(file)}).\n\n${table.markdownOf(reportOf(file))}`;
  const parts = [...sections].map(([slug, own]) => `### ${slug}\n\n${own.map(partOf).join('\n\n')}`);
  const withResults = table.betweenMarks(text, 'results', parts.join('\n\n'));
  writeFileSync(
    README,
    table.betweenMarks(
      withResults,
      'targets',
      targets({ report: format, table }, new Map([...sections].map(([slug, own]) => [slug, own.map(reportOf)]))),
    ),
  );
}

/**
 * What is aimed at beside what was measured, gradients only.
 *
 * @param {Modules} modules
 * @param {Map<string, Report[]>} reportsBySlug
 */
function targets({ report: format, table }, reportsBySlug) {
  const rows = [...reportsBySlug].flatMap(([slug, reports]) =>
    reports
      .flatMap((report) => format.casesOf(report))
      .filter(({ what }) => what === 'gradient')
      .flatMap((group) => {
        const standing = table.standingOf(group);
        if (!standing) return [];
        const { faster, sooner, dispatches, bytes } = standing;
        return [
          [
            `${group.net}, batch ${group.batch}`,
            slug,
            `${table.digits(faster)}×`,
            sooner === null ? '–' : `${table.digits(sooner)}×`,
            String(dispatches),
            bytes ? table.digits(bytes[0]) : '–',
          ],
        ];
      }),
  );
  return table.markdownTable(
    [
      'gradient of',
      'adapter and runtime',
      'faster (≥ 3×)',
      'cold, sooner (≥ 3×)',
      'dispatches (small: ≤ 20)',
      'bytes (≤ 0.25)',
    ],
    rows,
  );
}

/**
 * @typedef {{ roofline: typeof import('./roofline.ts'), networks: typeof import('./networks.ts') }} Arithmetic
 * @param {Pick<Modules, 'table'> & Arithmetic} modules
 */
function showRooflines({ roofline, networks, table }) {
  const rows = networks.networkNames
    .filter((name) => name !== 'tiny')
    .flatMap((name) => {
      const network = networks.NETWORKS[name]();
      /** @type {(batch: number, precision: 'f32' | 'f16') => import('./roofline.ts').Work[]} */
      const work = (batch, precision) => roofline.workOf(network, batch, 'gradient', precision);
      const floors = Object.values(roofline.DATASHEETS).map((rates) =>
        [work(1, 'f32'), work(8, 'f32'), work(1, 'f16')]
          .map((each) => table.milliseconds(roofline.floorMs(each, rates)))
          .join(' / '),
      );
      return [
        [
          name,
          table.digits(networks.flopsOf(network, 'gradient', 1) / 1e9),
          table.digits(networks.weightBytesOf(network, 'f32') / 1e6),
          ...floors,
        ],
      ];
    });
  const titles = ['network', 'GFLOP, forward + gradient', 'MB of weights', ...Object.keys(roofline.DATASHEETS)];
  writeFileSync(
    README,
    table.betweenMarks(readFileSync(README, 'utf8'), 'rooflines', table.markdownTable(titles, rows)),
  );
}

if (process.argv[1] && resolve(process.argv[1]) === import.meta.filename) {
  const server = await createServer({
    root,
    configFile: false,
    server: { middlewareMode: true, hmr: false, watch: null },
    logLevel: 'warn',
    optimizeDeps: { noDiscovery: true },
  });
  const [report, table, roofline, networks] = /** @type {any[]} */ (
    await Promise.all(
      ['report', 'table', 'roofline', 'networks'].map((name) => server.ssrLoadModule(`/bench/${name}.ts`)),
    )
  );
  showRooflines({ roofline, networks, table });
  const files = process.argv.slice(2).map((file) => resolve(file));
  const elsewhere = files.find((file) => !file.startsWith(RESULTS));
  if (elsewhere) throw new Error(`${elsewhere} is not in ${relative(process.cwd(), RESULTS)}`);
  if (files.length > 0) showReports({ report, table }, files);
  await server.close();
}
