/** The table of a profile: every step of a gradient, with its rates beside what the adapter can do. */
import type { StepTime } from '../src';
import type { Probe } from './probe';
import type { LayerTimes, Report } from './report';
import { floorMs } from './roofline';
import { digits, markdownTable, milliseconds } from './table';

export interface LayerColumn {
  readonly title: string;
  readonly cell: (step: StepTime, probe: Probe | null) => string;
}

const gflopsOf = ({ flops, milliseconds: time }: StepTime): number => flops / time / 1e6;
const gigabytesOf = ({ bytes, milliseconds: time }: StepTime): number => bytes / time / 1e6;
const percent = (share: number): string => `${digits(100 * share)} %`;

export const LAYER_COLUMNS: readonly LayerColumn[] = [
  { title: 'step', cell: ({ label }) => label },
  { title: 'time', cell: (step) => milliseconds(step.milliseconds) },
  { title: 'GFLOP/s', cell: (step) => (step.flops > 0 && step.milliseconds > 0 ? digits(gflopsOf(step)) : '–') },
  {
    title: 'of FMA rate',
    cell: (step, probe) =>
      probe && step.flops > 0 && step.milliseconds > 0 ? percent(gflopsOf(step) / probe.fmaGflops) : '–',
  },
  { title: 'GB/s', cell: (step) => (step.milliseconds > 0 ? digits(gigabytesOf(step)) : '–') },
  {
    title: 'of copy rate',
    cell: (step, probe) => (probe && step.milliseconds > 0 ? percent(gigabytesOf(step) / probe.copyGBs) : '–'),
  },
];

/** How much of its time a step would need at the rates of the probe, 0 to 1; null without a probe. */
export const shareNeeded = (step: StepTime, probe: Probe | null): number | null =>
  probe && step.milliseconds > 0 ? Math.min(1, floorMs([step], probe) / step.milliseconds) : null;

const CLOCKS: Readonly<Record<LayerTimes['clock'], string>> = {
  gpu: 'by timestamps on the GPU',
  wall: 'by the wall clock',
};

export function layersTitle({ net, batch, contender, precision, clock, steps }: LayerTimes): string {
  const sum = (direction: StepTime['direction']): string =>
    milliseconds(
      steps.filter((step) => step.direction === direction).reduce((total, step) => total + step.milliseconds, 0),
    );
  const what = `${net}, batch ${batch}: ${contender} in ${precision}, step by step, ${CLOCKS[clock]}`;
  return `${what}: ${sum('forward')} forward, ${sum('backward')} backward`;
}

export const layersMarkdown = ({ layers, probe }: Report): string =>
  layers
    .map(
      (times) =>
        `**${layersTitle(times)}**\n\n${markdownTable(
          LAYER_COLUMNS.map(({ title }) => title),
          times.steps.map((step) => LAYER_COLUMNS.map(({ cell }) => cell(step, probe))),
        )}`,
    )
    .join('\n\n');
