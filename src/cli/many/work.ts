/** What a command does with each picture, and what it tells of it. */
import type { Pixels, Prepared } from '../../image/pixels';
import type { InputSpec, Model, ModelFile } from '../../index';
import type { Line } from './index';
import type { Item, Names } from './items';
import type { Pool } from './pool';

export type Decoded = Pixels | Prepared;

/** What a command does. */
export interface Work<Result> {
  readonly command: string;
  readonly file: ModelFile;
  readonly input: InputSpec;
  /** What results depend on beside the model: for the manifest. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The model's batch where a picture takes runs of its own; null where pictures share a run. */
  readonly batch: number | null;
  /** Where the index is by default. */
  readonly folder: string;
  /** Whether `finish` needs the pixels. */
  readonly needsPicture: boolean;
  readonly open: (tools: Tools) => Promise<Opened<Result>>;
  /** The pictures that it is about, by their names, and what says so; of others there is no line. */
  readonly wanted?: { readonly has: (picture: string) => boolean; readonly by: string };
  /** Names of the files of a picture, once its label is known; undefined if nothing is written. */
  readonly filesOf?: (names: Names, label: string) => readonly string[];
  /** The label, where it is known before anything is computed. */
  readonly known?: string | undefined;
  /** Whether files are entries of a tar for each shard; its name. */
  readonly tarOf?: (names: Names) => string;
  /** After the last picture, with the lines of all of them, those of earlier runs too. */
  readonly summary?: (
    lines: readonly Line[],
    adapter: unknown,
  ) => { readonly json: object; readonly text: readonly string[] } | null;
}

export interface Tools {
  readonly model: Model;
  readonly pool: Pool;
  readonly adapter: unknown;
  /** Another model of the same input, such as one with other weights. */
  readonly load: (file: ModelFile) => Promise<Model>;
}

export interface Opened<Result> {
  /** Results of up to `model.inputShape[0]` pictures, or of one. */
  readonly make: (model: Model, pictures: readonly Decoded[], items: readonly Item[]) => Promise<readonly Result[]>;
  readonly labelOf?: (result: Result) => string;
  /** The contents of the picture's files, in the order of their names, and what is told of it. */
  readonly finish: (made: Made<Result>) => Promise<Told>;
}

export interface Made<Result> {
  readonly item: Item;
  readonly size: { readonly width: number; readonly height: number };
  /** There if the work needs it, and it is no array of prepared numbers. */
  readonly picture: Pixels | null;
  readonly result: Result;
  readonly files: readonly string[];
}

export interface Told {
  readonly contents?: readonly Uint8Array[];
  /** What goes into the index beside what every line has. */
  readonly line: Partial<Line> & object;
  /** On stdout with --json. */
  readonly json: object;
  /** On stdout without it. */
  readonly text: string | readonly string[];
}
