/** Curves, by uPlot, in the page's colours. */
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Curves {
  readonly x: readonly number[];
  readonly lines: readonly { readonly label: string; readonly values: readonly number[]; readonly dashed?: boolean }[];
  readonly xLabel: string;
}

/** Colour-blind-safe, by Okabe and Ito, in the order in which they are taken; told apart by dashes too. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];
const HEIGHT = 190;

const charts = new WeakMap<HTMLElement, uPlot>();
/** What a place is to show, while the library is fetched. */
const wanted = new WeakMap<HTMLElement, Curves>();

/**
 * Draws into `place`, which says in its label what there is to see. Called again it moves on. The library is fetched
 * for the first curves: the first map needs none.
 */
export function drawCurves(place: HTMLElement, curves: Curves, label: string): void {
  place.setAttribute('aria-label', label);
  wanted.set(place, curves);
  void import('uplot').then(({ default: UPlot }) => {
    if (wanted.get(place) === curves) draw(UPlot, place, curves);
  });
}

function draw(UPlot: typeof uPlot, place: HTMLElement, { x, lines, xLabel }: Curves): void {
  const data = [[...x], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  const before = charts.get(place);
  if (
    before &&
    before.series.length === lines.length + 1 &&
    before.series.every((series, k) => k === 0 || series.label === lines[k - 1]!.label)
  )
    return before.setData(data);
  before?.destroy();
  const style = getComputedStyle(document.documentElement);
  const axis = {
    stroke: style.getPropertyValue('--quiet'),
    grid: { stroke: style.getPropertyValue('--line'), width: 1 },
    ticks: { show: false },
  };
  const chart = new UPlot(
    {
      width: Math.max(200, place.clientWidth),
      height: HEIGHT,
      scales: { x: { time: false } },
      axes: [
        { ...axis, label: xLabel, labelSize: 18, size: 32 },
        { ...axis, size: 52 },
      ],
      series: [
        { label: xLabel },
        ...lines.map(({ label: name, dashed }, k) => ({
          label: name,
          stroke: COLOURS[k % COLOURS.length]!,
          width: 2,
          ...(dashed || k >= COLOURS.length ? { dash: [6, 4] } : {}),
          points: { show: false },
        })),
      ],
      legend: { show: lines.length > 1, live: false },
      cursor: { show: false },
    },
    data,
    place,
  );
  charts.set(place, chart);
  resizes.observe(place);
}

export function clearCurves(place: HTMLElement, label: string): void {
  place.setAttribute('aria-label', label);
  wanted.delete(place);
  charts.get(place)?.destroy();
  charts.delete(place);
}

const resizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries)
    if (contentRect.width > 0) charts.get(target as HTMLElement)?.setSize({ width: contentRect.width, height: HEIGHT });
});
function redraw(): void {
  document.querySelectorAll<HTMLElement>('.chart').forEach((place) => charts.get(place)?.redraw());
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
// A crash of the browser's GPU process empties canvases that lie there; the event does not bubble.
document.addEventListener('contextrestored', redraw, true);
