import { describe, expect, test } from 'vitest';
import { compareReports, comparisonMarkdown, mismatchOf, regressionsOf } from '../../bench/compare';
import { statOf } from '../../bench/measure';
import { parseOptions, writeOptions } from '../../bench/options';
import { type Report, type Row, adapterSlug, parseReport } from '../../bench/report';
import { betweenMarks, digits, markdownOf } from '../../bench/table';

/** A row whose times spread evenly by `spread` around a median. */
function row(contender: string, median: number, spread = 0.05, change: Partial<Row> = {}): Row {
  const raw = Array.from({ length: 11 }, (_, k) => median * (1 + spread * ((k - 5) / 4)));
  return {
    net: 'small',
    batch: 1,
    what: 'gradient',
    precision: 'f32',
    contender,
    version: '1.0.0',
    status: 'ok',
    gradientError: contender === 'gradlens' ? null : 1e-6,
    cold: { loadMs: 100, firstMs: 20, fresh: true },
    wallMs: statOf(raw),
    warmUp: { raw, settled: true },
    repeats: 1,
    imagesPerSecond: 1000 / median,
    gflops: 0.626e3 / median,
    floorMs: 1,
    calls: { dispatches: 20, passes: 1, submits: 1 },
    gpuBytes: { peak: 2e7, live: 1e7 },
    weightBytes: 8e6,
    memory: null,
    ...change,
  };
}

function reportOf(...rows: Row[]): Report {
  return {
    schema: 1,
    environment: {
      date: '2026-11-23T20:00:00.000Z',
      runtime: 'Chrome 156, Linux',
      engineVersion: '0.1.0',
      features: [],
      limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
      clockQuantumMs: 0.005,
      hardwareConcurrency: 8,
      crossOriginIsolated: true,
      adapter: { vendor: 'acme', architecture: 'roadrunner', device: '', description: '', isFallbackAdapter: false },
      selfTest: { ok: true, relativeL2: 1e-7 },
    },
    probe: { fmaGflops: 1000, copyGBs: 100, dispatchMicroseconds: 5, readBackMs: 0.5 },
    rows,
    layers: [],
  };
}

const verdict = (before: Row[], after: Row[]): string =>
  compareReports(reportOf(...before), reportOf(...after)).find(({ contender }) => contender === 'gradlens')!.verdict;

describe('comparing two reports', () => {
  test('a clear loss is slower, a clear gain faster', () => {
    expect(verdict([row('gradlens', 10)], [row('gradlens', 13)])).toBe('slower');
    expect(verdict([row('gradlens', 13)], [row('gradlens', 10)])).toBe('faster');
  });

  test('less than 10 % is no news, however steady', () => {
    expect(verdict([row('gradlens', 10, 0.001)], [row('gradlens', 10.9, 0.001)])).toBe('same');
  });

  test('nor is a great difference within the noise', () => {
    expect(verdict([row('gradlens', 10, 0.5)], [row('gradlens', 13, 0.5)])).toBe('same');
  });

  test('what the rivals lost as well, the machine took', () => {
    const before = [row('gradlens', 10), row('jax-webgpu', 50), row('tfjs-webgpu', 60)];
    expect(verdict(before, [row('gradlens', 20), row('jax-webgpu', 95), row('tfjs-webgpu', 130)])).toBe('same');
    expect(verdict(before, [row('gradlens', 20), row('jax-webgpu', 60), row('tfjs-webgpu', 130)])).toBe('slower');
    expect(verdict(before, [row('gradlens', 13), row('jax-webgpu', 49), row('tfjs-webgpu', 130)])).toBe('slower');
  });

  test('only gradlens can regress, by getting slower or by breaking', () => {
    const broken = row('gradlens', 10, 0, { status: 'failed', wallMs: null });
    const comparisons = compareReports(
      reportOf(row('gradlens', 10), row('jax-webgpu', 10)),
      reportOf(broken, row('jax-webgpu', 30)),
    );
    expect(comparisons.map(({ verdict: found }) => found)).toEqual(['broken', 'slower']);
    expect(regressionsOf(comparisons).map(({ contender }) => contender)).toEqual(['gradlens']);
    expect(comparisonMarkdown(comparisons)).toContain(
      '| small, batch 1, gradient | jax-webgpu | 10.0 ms | 30.0 ms | 3.00× |',
    );
  });

  test('rows that only one report has are named', () => {
    const comparisons = compareReports(reportOf(row('gradlens', 10)), reportOf(row('gradlens', 10, 0.1, { batch: 8 })));
    expect(comparisons.map(({ verdict: found }) => found)).toEqual(['missing', 'new']);
    expect(regressionsOf(comparisons)).toEqual([]);
  });

  test('another adapter or browser is pointed out', () => {
    const one = reportOf(row('gradlens', 10));
    expect(mismatchOf(one, one)).toBeNull();
    const other = {
      ...one,
      environment: { ...one.environment, adapter: { ...one.environment.adapter, vendor: 'ajax' } },
    };
    expect(mismatchOf(one, other)).toBe('the adapters differ: acme roadrunner, then ajax roadrunner');
  });

  test('a software adapter without a rival as a control is pointed out, too', () => {
    const software = (report: Report): Report => ({
      ...report,
      environment: { ...report.environment, adapter: { ...report.environment.adapter, isFallbackAdapter: true } },
    });
    const [alone, beside] = [
      software(reportOf(row('gradlens', 10))),
      software(reportOf(row('gradlens', 10), row('jax-webgpu', 10))),
    ];
    expect(mismatchOf(alone, alone)).toContain('without a rival');
    expect(mismatchOf(beside, beside)).toBeNull();
  });
});

describe('the table', () => {
  test('has a line per contender with its share of the FMA rate', () => {
    const text = markdownOf(reportOf(row('gradlens', 10), row('jax-webgpu', 40)));
    expect(text).toContain('**small, batch 1, forward + gradient**');
    expect(text).toMatch(
      /\| gradlens 1\.0\.0 \| 10\.0 ms \| .* \| 11 \| 100 \| 62\.6 \| 6\.26 % \| 10\.0 % \| 100 ms \+ 20\.0 ms \|/,
    );
    expect(text).toMatch(/ \| 20 \/ 1 \| 20\.0 \| 12\.0 \/ 2\.00 \| {2}\|/);
    expect(text).toMatch(/\| jax-webgpu 1\.0\.0 \| 40\.0 ms .*1\.0e-6 \|/);
  });

  test(
    'says how gradlens stands beside its rivals on WebGPU: the fastest, the soonest, and the bytes of ' +
      'TensorFlow.js',
    () => {
      const tfjs = row('tfjs-webgpu', 60, 0.05, { gpuBytes: { peak: 5.6e7, live: 2.8e7 } });
      const text = markdownOf(
        reportOf(
          row('gradlens', 10),
          tfjs,
          row('jax-webgpu', 40, 0.05, { cold: { loadMs: 0, firstMs: 600, fresh: true }, gpuBytes: null }),
          row('tfjs-wasm', 1, 0.05, { calls: null }),
        ),
      );
      expect(text).toContain(
        'gradlens is 4.00× as fast as the fastest rival on WebGPU; its first result 1.00× as soon; 0.250 of ' +
          "tfjs-webgpu's bytes beyond the weights at the peak, 0.100 of those held.",
      );
      expect(markdownOf(reportOf(row('gradlens', 10)))).not.toContain('as fast');
    },
  );

  test('says why a row has no numbers', () => {
    const wrong = row('tfjs-webgpu', 10, 0, {
      status: 'wrong',
      reason: 'relative error 1.0e+0, more than 0.001',
      gradientError: 1,
      wallMs: null,
      imagesPerSecond: null,
      gflops: null,
    });
    expect(markdownOf(reportOf(row('gradlens', 10), wrong))).toContain(
      'tfjs-webgpu: wrong result, not timed (relative error 1.0e+0, more than 0.001).',
    );
  });

  test('is written between its marks, and nothing else changes', () => {
    expect(betweenMarks('a\n<!-- begin results -->\nold\n<!-- end results -->\nb', 'results', 'new')).toBe(
      'a\n<!-- begin results -->\nnew\n<!-- end results -->\nb',
    );
    expect(() => betweenMarks('no marks', 'results', 'new')).toThrow('no marks');
  });

  test('prints three digits', () => {
    expect([0, 0.00123456, 0.5, 1, 12.345, 999.6, 123456].map(digits)).toEqual([
      '0',
      '0.00123',
      '0.500',
      '1.00',
      '12.3',
      '1000',
      '123456',
    ]);
  });
});

test('a report survives its file, and something else is no report', () => {
  const report = reportOf(row('gradlens', 10));
  expect(parseReport(JSON.stringify(report))).toEqual(report);
  expect(() => parseReport('{"schema": 2}')).toThrow('schema 1');
  expect(adapterSlug(report.environment)).toBe('acme-roadrunner-chrome');
});

describe('options', () => {
  test('are the same as text and as data', () => {
    const { options, problems } = parseOptions(
      new URLSearchParams(
        'net=paper,small&batch=1,8&what=forward&precision=f32,f16&contenders=gradlens' +
          '&runs=3&seconds=0.5&warm-up=1&probe=0&layers=0',
      ),
    );
    expect(problems).toEqual([]);
    expect(options).toEqual({
      nets: ['paper', 'small'],
      batches: [1, 8],
      what: ['forward'],
      precisions: ['f32', 'f16'],
      contenders: ['gradlens'],
      runs: 3,
      seconds: 0.5,
      warmUpSeconds: 1,
      probe: false,
      layers: false,
    });
    expect(parseOptions(writeOptions(options)).options).toEqual(options);
  });

  test('that are unknown or wrong are reported, each with what would be right', () => {
    const { problems } = parseOptions(new URLSearchParams('colour=red&net=lenet&batch=0&runs=1.5'));
    expect(problems).toEqual([
      expect.stringContaining("no option 'colour'; there are net, batch"),
      "net: there is no 'lenet'; there are paper, alexnet, vgg16, squeezenet, small, tiny",
      "batch: '0' is not a whole number above 0",
      "runs: '1.5' is not a whole number above 0",
    ]);
  });
});
