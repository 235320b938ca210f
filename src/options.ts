/** Options that every long call takes. */
export interface Progress {
  readonly phase: 'download' | 'parse' | 'upload' | 'compile' | 'run';
  readonly done: number;
  readonly total?: number;
}

export interface RunOptions {
  /** Rejects with the signal's reason; what was allocated is given back. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** How ReLUs pass the gradient back (§4 of the paper): by the sign of their input, of the gradient, or of both. */
export type ReluRule = 'gradient' | 'deconvnet' | 'guided';
