/** The pictures of a run that have no line yet. */
import type { Claims } from './claims';
import type { Index } from './index';
import { type Item, itemsOf } from './items';
import { type Numbered, stemOf } from './units';
import type { Work } from './work';

/** A picture on its way; of a unit that cannot be read or written, why. */
export interface Begun {
  readonly item: Item;
  readonly began: number;
  readonly failure?: unknown;
}

export class Pending {
  constructor(
    private readonly mine: readonly Numbered[],
    private readonly work: Pick<Work<unknown>, 'wanted' | 'tarOf'>,
    private readonly claims: Claims,
    private readonly index: Index | null,
  ) {}

  /** Whether a model may have something to do: what is in a shard shows when it is read. */
  get needsModel(): boolean {
    return this.mine.some(
      ({ unit: { kind, path }, number }) =>
        !this.claims.refused.has(number) && (kind !== 'picture' || this.isOpen({ shard: null, picture: path })),
    );
  }

  /** One after the other; a unit that cannot be read is one picture that fails. */
  async *items(): AsyncGenerator<Begun, void, undefined> {
    for (const numbered of this.mine) {
      const { unit, number } = numbered;
      const isPicture = unit.kind === 'picture';
      const unitItem = { shard: isPicture ? null : unit.path, picture: unit.path };
      if (isPicture && !this.isOpen(unitItem)) continue;
      if (this.claims.refused.has(number)) {
        if (!this.isDone(unitItem)) yield refusal(numbered, this.claims.refused.get(number));
        continue;
      }
      if (!isPicture && this.work.tarOf && !(await this.lacksAny(numbered))) continue;
      try {
        // a shard that becomes one tar is done anew as a whole
        for await (const item of itemsOf(unit, number))
          if (this.isWanted(item) && (this.work.tarOf || !this.isDone(item))) yield { item, began: performance.now() };
      } catch (failure) {
        yield refusal(numbered, failure);
      }
    }
  }

  /** Whether a shard, which becomes one tar, has pictures without a line. */
  private async lacksAny({ unit, number }: Numbered): Promise<boolean> {
    if (!this.index?.hasAnyOf(unit.path)) return true;
    try {
      for await (const item of itemsOf(unit, number)) if (this.isOpen(item)) return true;
      return false;
    } catch {
      return !this.isDone({ shard: unit.path, picture: unit.path });
    }
  }

  private isOpen(item: Pick<Item, 'shard' | 'picture'>): boolean {
    return this.isWanted(item) && !this.isDone(item);
  }

  private isWanted({ picture }: Pick<Item, 'picture'>): boolean {
    return this.work.wanted?.has(picture) ?? true;
  }

  private isDone(item: Pick<Item, 'shard' | 'picture'>): boolean {
    return this.index?.has(item) ?? false;
  }
}

function refusal({ unit: { kind, path }, number }: Numbered, failure: unknown): Begun {
  const isPicture = kind === 'picture';
  const item: Item = {
    at: [number, isPicture ? 0 : -1],
    picture: path,
    shard: isPicture ? null : path,
    names: { dir: '', stem: stemOf(path), shard: '' },
    source: path,
  };
  return { item, began: performance.now(), failure };
}
