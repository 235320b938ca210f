/**
 * Units of a network's input in which the same numbers mean the same for every network, however it has its pictures
 * prepared: 0 is the mean colour of photos, 1 is their standard deviation.
 */
import type { InputSpec } from '../options';
import { PHOTOS } from './photoStatistics';

/** Of each channel: the prepared value that counts as 0, and how much above it counts as 1. */
export interface InputUnits {
  /** What counts as 0. */
  readonly centre: readonly number[];
  /** What counts as 1, above it. */
  readonly spread: readonly number[];
  /** How channels vary together in photos: their correlations, `[C, C]`; each by itself where nothing is known. */
  readonly colours: readonly number[];
}

/**
 * The units of an input. A channel of luminance has the mean of the three. Without a preparation, or with other than
 * one or three channels, nothing is known of the values: they are their own units.
 */
export function inputUnits(input: InputSpec | null | undefined, channels: number): InputUnits {
  const each = <T>(value: (c: number) => T): T[] => Array.from({ length: channels }, (_, c) => value(c));
  const identity = each((i) => each((k) => (i === k ? 1 : 0))).flat();
  if (!input || input.mean.length !== channels)
    return { centre: each(() => 0), spread: each(() => 1), colours: identity };
  const { order, scale, mean, std } = input;
  const rgb = (c: number): number => (order === 'BGR' ? 2 - c : c);
  const grey = PHOTOS.mean.reduce((sum, value) => sum + value, 0) / PHOTOS.mean.length;
  return {
    centre: each((c) => (255 * scale * (channels === 1 ? grey : PHOTOS.mean[rgb(c)]!) - mean[c]!) / std[c]!),
    spread: each((c) => (255 * scale * PHOTOS.std) / std[c]!),
    colours: channels === 3 ? each((i) => each((k) => PHOTOS.correlation[rgb(i)]![rgb(k)]!)).flat() : identity,
  };
}
