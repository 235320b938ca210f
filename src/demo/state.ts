/** What the page shows, as numbers: `gradlens.state` in the console, and what the tests read. */
import type {
  Attack,
  CheckReport,
  Classification,
  Environment,
  Evidence,
  GradlensError,
  Heatmap,
  MethodName,
  Neuron,
  PerturbationCurves,
  ReluRule,
  Segmentation,
  Verdict,
} from '../index';
import type { NetworkInfo, Randomised } from './worker/jobs';

export interface ShownMap extends Heatmap {
  readonly label: string;
  readonly method: MethodName;
  readonly relu: ReluRule;
  /** ‖data‖₂ */
  readonly l2: number;
  /** Which picture it belongs to. */
  readonly picture: string;
}

export interface ShownAscent {
  /** What each item is a picture of. */
  readonly names: readonly string[];
  readonly iteration: number;
  readonly iterations: number;
  /** For each item the score before every iteration. */
  readonly scores: readonly (readonly number[])[];
  readonly phase: 'running' | 'paused' | 'finished' | 'cancelled';
  /** `[N, C, H, W]` prepared, at the end. */
  readonly data: Float32Array | null;
  readonly meta: Readonly<Record<string, unknown>> | null;
}

export interface ShownInside {
  readonly stages: readonly {
    readonly tensor: string;
    readonly channels: number;
    readonly height: number;
    readonly width: number;
    /** Of all values of the tensor; null where it cannot be read. */
    readonly mean: number | null;
  }[];
  /** The unit that is shown: its value for the picture, ‖its map‖₂, and how far its own picture has grown. */
  readonly unit:
    | (Neuron & {
        readonly value: number;
        readonly l2: number;
        readonly iteration: number;
        readonly score: number | null;
      })
    | null;
  readonly steps: { readonly clock: string; readonly count: number; readonly milliseconds: number } | null;
}

export interface ShownSegmentation extends Segmentation {
  readonly class: number;
  readonly label: string;
  readonly picture: string;
}

export interface ShownAttack extends Pick<Attack, 'before' | 'after' | 'length' | 'succeeded'> {
  readonly norm: 'max' | 'l2';
  readonly epsilon: number;
}

export type ShownEntry = { readonly picture: string } & (
  | { readonly class: number; readonly label: string; readonly score: number }
  | { readonly failure: string }
);

export interface State {
  /** `unavailable`: no WebGPU here. */
  phase: 'busy' | 'ready' | 'failed' | 'unavailable';
  tab: TabName;
  network: NetworkInfo | null;
  /** How many networks were loaded so far. */
  networks: number;
  picture: { readonly name: string; readonly width: number; readonly height: number } | null;
  classes: readonly Classification[];
  map: ShownMap | null;
  /** How many maps were shown so far. */
  maps: number;
  second: ShownMap | null;
  sanity: {
    readonly randomised: readonly Randomised[];
    readonly curves: PerturbationCurves;
    readonly evidence: Evidence;
    readonly verdict: Verdict;
  } | null;
  ascent: ShownAscent | null;
  inside: ShownInside | null;
  /** Of the last attack. */
  attack: ShownAttack | null;
  /** Of pictures that were opened together those that were tried: what they are, or why there is no map. */
  album: readonly ShownEntry[];
  segmentation: ShownSegmentation | null;
  /** How many segmentations were shown so far. */
  segmentations: number;
  camera: { readonly frames: number } | null;
  /** How often the browser lost the GPU, and how often it came back with all that was on it. */
  losses: number;
  recoveries: number;
  /** How often the worker had to be begun anew. */
  revivals: number;
  check: CheckReport | null;
  /** What is computed on. */
  adapter: Environment['adapter'] | null;
  /** What is doubtful about the answer. */
  doubt: 'unlike' | 'unsure' | null;
  /** Wall time, from the call to its numbers. */
  milliseconds: { load?: number; classify?: number; gradient?: number; segment?: number };
  error: { readonly code: GradlensError['code'] | 'unknown'; readonly message: string } | null;
}

export type TabName = 'saliency' | 'class-model' | 'segmentation';

export const state: State = {
  phase: 'busy',
  tab: 'saliency',
  network: null,
  networks: 0,
  picture: null,
  classes: [],
  map: null,
  maps: 0,
  second: null,
  sanity: null,
  ascent: null,
  inside: null,
  album: [],
  attack: null,
  segmentation: null,
  segmentations: 0,
  camera: null,
  losses: 0,
  recoveries: 0,
  revivals: 0,
  check: null,
  adapter: null,
  doubt: null,
  milliseconds: {},
  error: null,
};

declare global {
  interface Window {
    gradlens: { readonly state: State };
  }
}
