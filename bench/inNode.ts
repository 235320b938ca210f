/**
 * The benchmark as the package ships it: gradlens alone, in Node, in the caller's process. `gradlens bench` loads it
 * when it is asked for. With rivals, and a process for each case, it is bench/node.mjs in a checkout.
 */
import { comparisonOf } from './compare';
import { gradlens } from './contenders/gradlens';
import { layersMarkdown } from './layers';
import { parseOptions } from './options';
import { type Report, merged, parseReport } from './report';
import { bench } from './run';
import { markdownOf } from './table';

export interface InNodeOptions {
  /** As in the page's address; `contenders` is none of them. */
  readonly options: Iterable<readonly [name: string, value: string]>;
  /** The text of an earlier report to compare with. */
  readonly before: string | null;
  /** `Node v22.1.0, webgpu 0.6.2` */
  readonly runtime: string;
  readonly signal: AbortSignal;
  readonly onProgress: (sentence: string) => void;
}

export interface InNodeResult {
  readonly report: Report;
  /** Tables, and the comparison if there is one. */
  readonly text: string;
  readonly regressed: boolean;
}

/** What is wrong with the options, or nothing. */
export const problemsOf = (options: InNodeOptions['options']): string[] => parseOptions(options).problems;

/** @throws the signal's reason; what the engine throws becomes a row. Error if `before` is no report. */
export async function benchInNode(
  gpu: GPU,
  { options, before, runtime, signal, onProgress }: InNodeOptions,
): Promise<InNodeResult> {
  const earlier = before === null ? null : parseReport(before);
  const chosen = parseOptions(options).options;
  const reports: Report[] = [];
  for (const net of chosen.nets) {
    for (const batch of chosen.batches) {
      // a new engine for each, so that every cold start is one
      const own = {
        ...chosen,
        nets: [net],
        batches: [batch],
        contenders: ['gradlens' as const],
        probe: chosen.probe && reports.length === 0,
      };
      reports.push(await bench(gpu, own, { gradlens }, { runtime, signal, onProgress }));
    }
  }
  const report = merged(reports as [Report, ...Report[]]);
  const comparison = earlier ? comparisonOf(earlier, report) : null;
  return {
    report,
    text: [markdownOf(report), layersMarkdown(report), comparison?.text].filter(Boolean).join('\n\n'),
    regressed: comparison?.regressed ?? false,
  };
}
