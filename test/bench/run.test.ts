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
    ...ours,
    name,
    dispose() {},
    async prepare(network, batch, precision) {
      const session = await ours.prepare(network, batch, precision);
      return {
        ...session,
        async gradient(input, classes) {
          const { scores, gradient } = await session.gradient!(input, classes);
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
  absent: (): Contender => ({
    ...ours,
    dispose() {},
    name: 'absent',
    async prepare() {
      throw new Error('not on this machine');
    },
  }),
};

const OPTIONS = {
  ...DEFAULT_OPTIONS,
  nets: ['tiny'],
  what: ['forward', 'gradient', 'class-model'],
  runs: 2,
  seconds: 0.01,
  warmUpSeconds: 0.01,
  probe: false,
} as const satisfies BenchOptions;

describe(`a benchmark in Node, on ${driver}`, { timeout: 180_000 }, () => {
  test('a wrong gradient is found and not timed, and who fails is named', async () => {
    const seen: Report[] = [];
    const report = await bench(gpu, { ...OPTIONS, contenders: Object.keys(CONTENDERS) as never }, CONTENDERS, {
      onReport: (soFar) => seen.push(soFar),
    });
    const of = (contender: string, what: string) =>
      report.rows.find((row) => row.contender === contender && row.what === what)!;

    expect(of('twin', 'gradient')).toMatchObject({ status: 'ok', gradientError: 0 });
    expect(of('zeros', 'gradient')).toMatchObject({
      status: 'wrong',
      gradientError: 1,
      wallMs: null,
      imagesPerSecond: null,
    });
    expect(of('zeros', 'forward')).toMatchObject({ status: 'ok', gradientError: 0 });
    expect(of('absent', 'gradient')).toMatchObject({ status: 'failed', reason: 'not on this machine' });
    expect(of('gradlens', 'gradient')).toMatchObject({
      status: 'ok',
      gradientError: null,
      calls: { submits: 1, passes: 1 },
    });
    expect(of('twin', 'class-model')).toMatchObject({ status: 'ok', gradientError: 0, calls: { submits: 1 } });
    expect(report.layers.map(({ contender, precision }) => `${contender} ${precision}`)).toEqual([
      'gradlens f32',
      'twin f32',
      'zeros f32',
    ]);
    // three layers, both ways
    expect(report.layers[0]!.steps.filter(({ flops }) => flops > 0).length).toBeGreaterThanOrEqual(6);
    expect(of('gradlens', 'gradient').memory).toMatchObject({ weights: expect.any(Number) });
    expect(report.environment.selfTest).toMatchObject({ ok: true });
    expect(report.environment.runtime).toContain('Node v');
    expect(seen.at(-1)).toEqual(report);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test('iterations of ascent are timed one by one, however many go in a row', async () => {
    const report = await bench(
      gpu,
      { ...OPTIONS, what: ['gradient', 'class-model'], layers: false, contenders: ['gradlens'] },
      CONTENDERS,
    );
    const [gradient, iteration] = report.rows.map(({ wallMs }) => wallMs!.median) as [number, number];
    expect(iteration).toBeLessThan(4 * gradient);
    expect(report.rows[1]!.gflops! * iteration).toBeCloseTo(report.rows[0]!.gflops! * gradient, 6); // the same work
  });

  test('who was not chosen is only compared with', async () => {
    const report = await bench(
      gpu,
      { ...OPTIONS, what: ['gradient'], layers: false, contenders: ['twin'] as never },
      CONTENDERS,
    );
    expect(report.rows.map(({ contender, gradientError }) => [contender, gradientError])).toEqual([['twin', 0]]);
  });
});
