/** A map in words and numbers, for people who do not see it and for tests. */
import type { Heatmap } from '../index';
import { certaintyInWords } from '../methods/certaintyInWords';

/** ‖map‖₂, in float64. */
export function l2Norm({ data }: Heatmap): number {
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0));
}

/** The smallest share of the pixels that holds half of Σ|map|: 0.5 for an even map, near 0 for a single point. */
export function shareOfHalf({ data }: Heatmap): number {
  const sorted = data.map(Math.abs).sort().reverse();
  const total = sorted.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  const count = total === 0 ? -1 : sorted.findIndex((value) => (sum += value) >= total / 2);
  return (count + 1) / data.length;
}

/** Where Σ|map| has its centre, from 0 (left, top) to 1 (right, bottom). */
export function centreOf({ data, width, height }: Heatmap): { x: number; y: number } {
  let [total, x, y] = [0, 0, 0];
  data.forEach((value, i) => {
    total += Math.abs(value);
    x += Math.abs(value) * ((i % width) + 0.5);
    y += Math.abs(value) * (Math.floor(i / width) + 0.5);
  });
  return total === 0 ? { x: 0.5, y: 0.5 } : { x: x / total / width, y: y / total / height };
}

/** One sentence; with a certainty a second one. */
export function describeMap(map: Heatmap, label: string): string {
  const { certainty } = map;
  const words = certainty ? certaintyInWords(certainty) : '';
  return `${centreInWords(map, label)}${certainty ? ` ${words.slice(0, 1).toUpperCase()}${words.slice(1)}.` : ''}`;
}

function centreInWords(map: Heatmap, label: string): string {
  if (map.flat) {
    const { value, message } = map.flat;
    return `The map for “${label}” is ${value === 0 ? 'zero' : value} everywhere, probably because ${message}.`;
  }
  const share = shareOfHalf(map);
  if (share === 0) return `The map for “${label}” is zero everywhere: no pixel changes its score.`;
  const { x, y } = centreOf(map);
  const percent = share < 0.01 ? 'less than 1' : String(Math.round(share * 100));
  return (
    `The map for “${label}” (score ${map.score.toFixed(2)} before soft-max) has its centre ${place(x, y)} ` +
    `of the picture; half of it lies in ${percent} % of the pixels.`
  );
}

function place(x: number, y: number): string {
  const third = (value: number, low: string, high: string): string => (value < 0.4 ? low : value > 0.6 ? high : '');
  const words = [third(y, 'upper', 'lower'), third(x, 'left', 'right')].filter(Boolean);
  return words.length === 0 ? 'in the middle' : `in the ${words.join(' ')} part`;
}

/** A score as it is written: two places, and a true minus. */
export const score = (value: number): string => value.toFixed(2).replace('-', '−');
