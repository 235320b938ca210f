/** What the three tabs have in common. */
import type { TabName } from '../state';

export interface Tab {
  readonly name: TabName;
  /** Its controls; see `parts/form.ts`. */
  readonly form: HTMLFormElement;
  /** Shows what follows from the picture, the class, the network and the form as they are now. */
  show(signal: AbortSignal): Promise<void>;
  /** Empties what was of a picture or a network that is gone. */
  clear(): void;
  /** What there is to save; null while nothing is shown. */
  result(): Result | null;
}

export interface Result {
  /** For the file's name. */
  readonly stem: string;
  readonly canvas: HTMLCanvasElement;
  /** For NumPy; null while there are no final numbers. */
  readonly array: { readonly shape: readonly number[]; readonly data: Float32Array } | null;
  /** All that is shown, and how it was made, for JSON and for the PNG's text. */
  readonly numbers: Readonly<Record<string, unknown>>;
}
