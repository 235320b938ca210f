/** What the page shows, as numbers: `gradlens.state` in the console, and what the tests read. */
import type { CheckReport, Classification, Engine, GradlensError, Heatmap, Model, ReluRule } from '../index';

export interface ShownMap extends Heatmap {
  readonly label: string;
  readonly relu: ReluRule;
  /** ‖data‖₂ */
  readonly l2: number;
  /** Which picture it belongs to. */
  readonly picture: string;
}

export interface State {
  /** `unavailable`: no WebGPU here. */
  phase: 'busy' | 'ready' | 'failed' | 'unavailable';
  picture: { readonly name: string; readonly width: number; readonly height: number } | null;
  classes: readonly Classification[];
  map: ShownMap | null;
  /** How many maps were shown so far. */
  maps: number;
  check: CheckReport | null;
  /** Wall time, from the call to its numbers. */
  milliseconds: { load?: number; classify?: number; gradient?: number };
  error: { readonly code: GradlensError['code'] | 'unknown'; readonly message: string } | null;
}

export const state: State = { phase: 'busy', picture: null, classes: [], map: null, maps: 0, check: null, milliseconds: {}, error: null };

declare global {
  interface Window {
    gradlens: { readonly state: State; readonly engine: Engine | undefined; readonly model: Model | undefined };
  }
}
