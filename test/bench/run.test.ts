import { describe, expect, test } from 'vitest';
import type { Contender } from '../../bench/contenders/contender';
import { gradlens } from '../../bench/contenders/gradlens';
import type { Report } from '../../bench/report';
import { type BenchOptions, DEFAULT_OPTIONS, bench } from '../../bench/run';
import { requestNodeAdapter } from '../../src/node/dawn';
import { nodeDrivers } from '../node';

const driver = nodeDrivers[0]!;
const gpu = { requestAdapter: () => requestNodeAdapter(driver === 'system' ? {} : { icd: driver }) } as unknown as GPU;

/** One for all, since a software driver takes seconds to compile. */
const ours = gradlens(gpu);

/** gradlens under another name, and with something done to its gradient. */
function rival(name: string, change: (gradient: Float32Array) => Float32Array): () => Contender {
  return () => ({
    ...ours, name, dispose() {},
    async prepare(network, batch) {
      const session = await ours.prepare(network, batch);
      return {
        ...session,
        async gradient(input, classes) {
          const { scores, gradient } = await session.gradient(input, classes);
          return { scores, gradient: change(gradient) };
        },
      };
    },
  });
}

const CONTENDERS = {
  gradlens: () => ours,
  twin: rival('twin', (gradient) => gradient),
  // what rivals were seen to return, without an error, where a buffer was larger than a binding may be
  zeros: rival('zeros', (gradient) => gradient.map(() => 0)),
  absent: (): Contender => ({ ...ours, dispose() {}, name: 'absent', async prepare() { throw new Error('not on this machine'); } }),
};

const OPTIONS = { ...DEFAULT_OPTIONS, nets: ['tiny'], what: ['forward', 'gradient'], runs: 2, seconds: 0.01, warmUpSeconds: 0.01, probe: false } as const satisfies BenchOptions;

describe(`a benchmark in Node, on ${driver}`, { timeout: 180_000 }, () => {
  test('a wrong gradient is found and not timed, and who fails is named', async () => {
    const seen: Report[] = [];
    const report = await bench(gpu, { ...OPTIONS, contenders: Object.keys(CONTENDERS) as never }, { onReport: (soFar) => seen.push(soFar) }, CONTENDERS);
    const of = (contender: string, what: string) => report.rows.find((row) => row.contender === contender && row.what === what)!;

    expect(of('twin', 'gradient')).toMatchObject({ status: 'ok', gradientError: 0 });
    expect(of('zeros', 'gradient')).toMatchObject({ status: 'wrong', gradientError: 1, wallMs: null, imagesPerSecond: null });
    expect(of('zeros', 'forward')).toMatchObject({ status: 'ok', gradientError: 0 });
    expect(of('absent', 'gradient')).toMatchObject({ status: 'failed', reason: 'not on this machine' });
    expect(of('gradlens', 'gradient')).toMatchObject({ status: 'ok', gradientError: null, calls: { submits: 1, passes: 1 } });
    expect(of('gradlens', 'gradient').memory).toMatchObject({ weights: expect.any(Number) });
    expect(report.environment.selfTest).toMatchObject({ ok: true });
    expect(report.environment.runtime).toContain('Node v');
    expect(seen.at(-1)).toEqual(report);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test('who was not chosen is only compared with', async () => {
    const report = await bench(gpu, { ...OPTIONS, what: ['gradient'], contenders: ['twin'] as never }, {}, CONTENDERS);
    expect(report.rows.map(({ contender, gradientError }) => [contender, gradientError])).toEqual([['twin', 0]]);
  });
});
