/** What a class model looked like on its way, for a film: evenly spaced, and never more than a bounded memory holds. */
import type { Pixels } from '../../image/pixels';

export interface Frame {
  readonly iteration: number;
  /** Of each item. */
  readonly scores: readonly number[];
  readonly pictures: readonly Pixels[];
}

const MOST_BYTES = 32e6;

export class Reel {
  private kept: Frame[] = [];
  private last: Frame | null = null;
  /** Of so many frames one is kept. */
  private stride = 1;
  private seen = 0;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  add(frame: Frame): void {
    this.last = frame;
    if (this.seen++ % this.stride !== 0) return;
    this.kept.push(frame);
    const bytes = frame.pictures.reduce((sum, { data }) => sum + data.length, 0) * this.kept.length;
    if (bytes <= this.mostBytes || this.kept.length < 3) return;
    this.kept = this.kept.filter((_, k) => k % 2 === 0);
    this.stride *= 2;
  }

  /** In order; the last that was added is the last. */
  get frames(): readonly Frame[] {
    return this.last && this.kept.at(-1) !== this.last ? [...this.kept, this.last] : this.kept;
  }
}
