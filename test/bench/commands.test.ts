import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Report, parseReport } from '../../bench/report';
import { buildOnce, folder, gradlens } from '../cli/gradlens';
import { nodeDrivers } from '../node';

/** Cold starts are not what is looked at here. */
process.env['MESA_SHADER_CACHE_DISABLE'] ??= 'false';
const QUICK = ['--net', 'tiny', '--runs', '2', '--seconds', '0.01', '--warm-up', '0.01', '--probe', '0'];
const dir = folder();
const at = (name: string): string => join(dir, name);

/** A report as it would have been on a machine so many times as fast. */
function writeFaster(path: string, report: Report, factor: number): void {
  const faster = (row: Report['rows'][number]) => ({
    ...row,
    wallMs: row.wallMs && {
      ...row.wallMs,
      median: row.wallMs.median / factor,
      p10: row.wallMs.p10 / factor,
      p90: row.wallMs.p10 / factor,
    },
  });
  writeFileSync(path, JSON.stringify({ ...report, rows: report.rows.map(faster) }));
}

describe('gradlens bench', { timeout: 120_000 }, () => {
  beforeAll(buildOnce);

  test('measures gradlens alone, writes a report, and fails on a regression only', async () => {
    const first = await gradlens(['bench', ...QUICK, '--what', 'forward,gradient', '--json', at('first.json')]);
    expect(first).toMatchObject({ code: 0, complaints: [] });
    expect(first.stdout).toContain('**tiny, batch 1, forward + gradient**');
    const report = parseReport(readFileSync(at('first.json'), 'utf8'));
    expect(report.rows.map(({ contender, what, status }) => [contender, what, status])).toEqual([
      ['gradlens', 'forward', 'ok'],
      ['gradlens', 'gradient', 'ok'],
    ]);
    expect(report.environment).toMatchObject({
      runtime: expect.stringMatching(/^Node v.*, webgpu \d/),
      selfTest: { ok: true },
    });
    expect(report.layers).toHaveLength(1);

    writeFaster(at('slower.json'), report, 1 / 50);
    expect((await gradlens(['bench', ...QUICK, '--layers', '0', '--compare', at('slower.json')])).code).toBe(0);
    writeFaster(at('faster.json'), report, 50);
    const regressed = await gradlens(['bench', ...QUICK, '--layers', '0', '--compare', at('faster.json')]);
    expect(regressed.stdout).toContain('Regression: tiny, batch 1, gradient, f32: slower');
    expect(regressed.code).toBe(1);
  });

  test('names what it does not understand', async () => {
    expect(await gradlens(['bench', '--net', 'lenet'])).toMatchObject({
      code: 2,
      complaints: ["gradlens: --net: there is no 'lenet'; there are paper, alexnet, vgg16, squeezenet, small, tiny"],
    });
    expect(await gradlens(['bench', '--compare', at('nowhere.json')])).toMatchObject({
      code: 2,
      complaints: [expect.stringContaining('nowhere.json cannot be read: ENOENT')],
    });
  });
});

test('the command of a checkout runs its cases in processes of their own, and fails on a regression, too', {
  timeout: 120_000,
}, () => {
  const run = (...args: string[]) =>
    spawnSync(
      process.execPath,
      ['bench/node.mjs', ...QUICK, '--layers', '0', '--contenders', 'gradlens', '--adapter', nodeDrivers[0]!, ...args],
      { encoding: 'utf8', timeout: 60_000 },
    );
  const first = run('--json', at('own.json'));
  expect(first.status, first.stderr).toBe(0);
  const report = parseReport(readFileSync(at('own.json'), 'utf8'));
  expect(report.environment.command).toContain('bench/node.mjs --net tiny');
  writeFaster(at('own-faster.json'), report, 50);
  const second = run('--json', at('again.json'), '--compare', at('own-faster.json'));
  expect(second.stderr).toContain('Regression: tiny');
  expect(second.status).toBe(1);
});
