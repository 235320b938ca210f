/**
 * The engine in a page, for the tests beside this file: takes graphs and pictures as JSON, answers in plain numbers.
 */
import { browserCache, download } from '../../src/download';
import { Engine } from '../../src/engine';
import { GradlensError } from '../../src/errors';
import { sha256Of } from '../../src/formats/native';
import type { ExpectedFile, Progress, ReluRule } from '../../src/options';
import './frames';
import './pictures';
import { type WrittenGraph, graphOf } from './written';

export interface Job {
  readonly graph: WrittenGraph;
  readonly images: readonly (readonly number[])[];
  readonly classes: readonly number[];
  readonly relu: ReluRule;
  readonly score?: 'logit' | 'probability';
}

export interface Answer {
  readonly scores: readonly number[];
  readonly gradient: readonly number[];
  /** A second run gave the same bits. */
  readonly identical: boolean;
}

export interface DownloadJob {
  readonly address: string;
  readonly expected?: ExpectedFile;
  /** Bytes after which the page thinks better of it. */
  readonly abortAt?: number;
}

export interface Downloaded {
  readonly sha256?: string;
  /** The bytes that were there at each progress, and the total that was told. */
  readonly progress: readonly (readonly [done: number, total: number | undefined])[];
  /** How it failed: a code of ours, or the name of the reason. */
  readonly failure?: string;
}

declare global {
  interface Window {
    gradient(job: Job): Promise<Answer>;
    check(): Promise<{ ok: boolean; message: string }>;
    loseDevice(): Promise<string>;
    fetchModel(job: DownloadJob): Promise<Downloaded>;
  }
}

const engine = Engine.create();

window.gradient = async ({ graph: written, images, classes, relu, score = 'logit' }) => {
  const graph = graphOf(written);
  const { C, H, W } = graph.input.extents;
  using model = await (await engine).load(graph, { batch: images.length });
  const batch = { data: Float32Array.from(images.flat()), shape: [images.length, C, H, W] };
  const first = await model.inputGradient(batch, { class: classes, relu, score });
  const second = await model.inputGradient(batch, { class: classes, relu, score });
  const identical = first.gradient.every((value, i) => value === second.gradient[i]);
  return { scores: [...first.scores], gradient: [...first.gradient], identical };
};

window.check = async () => (await engine).check();

/** A download through the browser's own cache. */
window.fetchModel = async ({ address, expected = {}, abortAt = Infinity }) => {
  const progress: [number, number | undefined][] = [];
  const controller = new AbortController();
  const onProgress = ({ done, total }: Progress): void => {
    progress.push([done, total]);
    if (done >= abortAt) controller.abort();
  };
  try {
    const bytes = await download(new URL(address), { expected, signal: controller.signal, onProgress }, browserCache());
    return { sha256: await sha256Of(bytes), progress };
  } catch (error) {
    return { progress, failure: error instanceof GradlensError ? error.code : (error as Error).name };
  }
};

/** Destroys the device during a run, and tells how that ended. */
window.loseDevice = async () => {
  const own = await Engine.create();
  const report = own.check();
  own.device.destroy();
  return report.then(
    ({ message }) => `answered: ${message}`,
    (error: unknown) => (error instanceof GradlensError ? error.code : String(error)),
  );
};
