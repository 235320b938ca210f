/** What all tabs look at: the picture, its classes, and which of them is chosen. */
import type { Classification } from '../index';
import type { Picture } from './inputs/pictures';

interface Current {
  picture: Picture | null;
  /** All classes, best first; empty until the picture was classified. */
  ranked: readonly Classification[];
  /** A class by number, or by name as in an address; null: the best one. */
  wish: number | string | null;
  /** What a link named that there is not, until it was said. */
  missing: string[];
}

export const current: Current = { picture: null, ranked: [], wish: null, missing: [] };

/** The class that the visitor asked for, else the best one. */
export function chosenClass(): Classification | null {
  const { ranked, wish } = current;
  return (typeof wish === 'number' ? ranked.find(({ index }) => index === wish) : undefined) ?? ranked[0] ?? null;
}

/** What the picture is, in words. */
export function pictureText(): string {
  const { picture } = current;
  return picture ? `${picture.name}, ${picture.width}×${picture.height} pixels.` : '';
}
