import { version } from '../../package.json';
import { Engine } from '../../src';
import type { Precision } from '../networks';
import { ASCENT, type Contender, type Session } from './contender';

export function gradlens(gpu: GPU): Contender {
  const engines = new Map<Precision, Engine>(); // a device each, so that every cold start is one
  return {
    name: 'gradlens',
    version,
    backend: 'webgpu',
    device: 'gradlens',
    precisions: ['f32', 'f16'],
    async fetch() {},
    async prepare(network, batch, precision): Promise<Session> {
      const engine = engines.get(precision) ?? (await Engine.create({ gpu }));
      engines.set(precision, engine);
      const model = await engine.load(network, { batch, precision });
      const prepared = (data: Float32Array) => ({ data, shape: model.inputShape });
      return {
        memory: { ...model.plan.memory },
        forward: (input) => model.scores(prepared(input)),
        gradient: (input, classes) => model.inputGradient(prepared(input), { class: classes }),
        async ascend(start, classes) {
          const shown = { jitter: 0, rotate: 0, zoom: 0, seed: 0 };
          const plain = {
            parametrisation: 'pixels',
            totalVariation: 0,
            momentum: 0,
            blur: 0,
            blurEvery: 1,
            ...shown,
          } as const;
          const ascent = await model.ascend({ class: classes, from: { image: start }, ...ASCENT, ...plain });
          return {
            async advance(most) {
              const chunks = [await ascent.submit(most)];
              // the second is recorded while the first runs
              if (chunks[0]!.count < most) chunks.push(await ascent.submit(most - chunks[0]!.count));
              await Promise.all(chunks.map(({ scores }) => scores));
              return chunks.reduce((sum, { count }) => sum + count, 0);
            },
            read: async () => (await ascent.read()).image,
            dispose: () => ascent.dispose(),
          };
        },
        profile: (input, classes, signal) =>
          model.profile(prepared(input), { class: classes, ...(signal ? { signal } : {}) }),
        dispose: () => model.dispose(),
      };
    },
    dispose() {
      for (const engine of engines.values()) engine.dispose();
      engines.clear();
    },
  };
}
