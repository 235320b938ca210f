import { requestNodeAdapter } from '../node/dawn';
import { command, common } from './args';
import { EXIT, UsageError } from './failure';
import { versionOf } from './info';
import { shown } from './shown';

/**
 * What this command knows of dist/lib/bench.js, a bundle of its own (bench/inNode.ts): nothing here imports the
 * benchmark.
 */
interface Benchmark {
  problemsOf(options: readonly (readonly [string, string])[]): string[];
  benchInNode(
    gpu: GPU,
    options: object,
  ): Promise<{ readonly report: object; readonly text: string; readonly regressed: boolean }>;
}

const text = (valueHint: string, description: string) => ({ type: 'string', valueHint, description }) as const;

/** Those that the benchmark reads itself: the same in the address of its page. */
const OPTIONS = {
  net: text('names', 'paper, alexnet, vgg16, squeezenet, small, tiny; several with commas between (default: small)'),
  batch: text('numbers', 'pictures per run, e.g. 1,8 (default: 1)'),
  what: text('names', 'forward, gradient, class-model (default: gradient)'),
  precision: text('names', 'f32, f16 (default: f32)'),
  runs: text('number', 'a case is done after so many runs (default: 30)'),
  seconds: text('number', 'or after so many seconds (default: 2), but not before five runs'),
  'warm-up': text('number', 'seconds after which warming up ends (default: 20)'),
  probe: text('0|1', 'whether to measure the adapter first (default: 1)'),
  layers: text('0|1', 'whether to measure step by step, too (default: 1)'),
} as const;

export const bench = command({
  name: 'bench',
  description: 'how many gradients per second this device computes, on networks of random weights',
  examples: [['--net small --batch 1,8', 'pictures per second on this device']],
  args: {
    driver: common.driver,
    ...OPTIONS,
    json: text('file', 'write the report; the page of the benchmark shows and compares such files'),
    compare: text('file', 'compare with an earlier report; exit code 1 if gradlens got slower'),
  },
  async run({ driver, json, compare, ...given }, session) {
    const { problemsOf, benchInNode } = (await import(
      /* @vite-ignore */ import.meta.resolve('./bench.js')
    )) as Benchmark;
    const options = (Object.keys(OPTIONS) as (keyof typeof OPTIONS)[]).flatMap((name) =>
      given[name] === undefined ? [] : [[name, given[name]] as const],
    );
    const [problem] = problemsOf(options);
    if (problem) throw new UsageError(`--${problem}`);
    const before = compare === undefined ? null : session.files.text(compare);
    const outputs = session.files.outputs();
    if (json !== undefined) outputs.claim(json);

    process.env['MESA_SHADER_CACHE_DISABLE'] ??= 'true'; // or the second cold start would be a warm one
    const which = driver === undefined ? {} : { icd: driver };
    // brings the names of WebGPU along, as globals
    await requestNodeAdapter({
      ...which,
      onNotice: (notice) => session.note(notice),
    });
    const gpu = { requestAdapter: () => requestNodeAdapter(which) } as GPU;
    const status = statusOn(process.stderr);
    const {
      report,
      text: tables,
      regressed,
    } = await benchInNode(gpu, {
      options,
      before,
      runtime: `Node ${process.version}, webgpu ${versionOf('webgpu')}`,
      signal: session.signal,
      onProgress: status,
    });
    status(null);
    if (json !== undefined) await outputs.write(json, Buffer.from(`${JSON.stringify(report, null, 1)}\n`));
    session.print(false, report, tables.split('\n'));
    return regressed ? EXIT.failed : EXIT.ok;
  },
});

/** A line that rewrites itself; where that cannot be, one for everything that begins. */
function statusOn(stream: NodeJS.WriteStream): (sentence: string | null) => void {
  let last = '';
  return (sentence) => {
    if (stream.isTTY) {
      stream.write(`\r\x1b[K${shown(sentence ?? '')}`);
      return;
    }
    const beginning = (sentence ?? '').replace(/, run \d+$/, '');
    if (beginning !== '' && beginning !== last) stream.write(`gradlens: ${shown(beginning)} …\n`);
    last = beginning;
  };
}
