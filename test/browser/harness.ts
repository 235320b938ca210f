/** The engine in a page, for test/browser/engine.test.ts: takes graphs and pictures as JSON, answers in plain numbers. */
import { Engine } from '../../src/engine';
import { GradlensError } from '../../src/errors';
import type { ReluRule } from '../../src/options';
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

declare global {
  interface Window {
    gradient(job: Job): Promise<Answer>;
    check(): Promise<{ ok: boolean; message: string }>;
    loseDevice(): Promise<string>;
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

/** Destroys the device during a run, and tells how that ended. */
window.loseDevice = async () => {
  const own = await Engine.create();
  const report = own.check();
  own.device.destroy();
  return report.then(({ message }) => `answered: ${message}`, (error: unknown) => (error instanceof GradlensError ? error.code : String(error)));
};
