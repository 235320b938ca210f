/** gradlens itself, through its public API. */
import packageJson from '../../package.json';
import { Engine } from '../../src';
import type { Contender, Session } from './contender';

export function gradlens(gpu: GPU): Contender {
  let engine: Engine | undefined;
  return {
    name: 'gradlens',
    version: packageJson.version,
    backend: 'webgpu',
    device: 'gradlens',
    async fetch() {},
    async prepare(network, batch): Promise<Session> {
      engine ??= await Engine.create({ gpu });
      const model = await engine.load(network, { batch });
      const prepared = (data: Float32Array) => ({ data, shape: model.inputShape });
      return {
        memory: { ...model.plan.memory },
        forward: (input) => model.scores(prepared(input)),
        gradient: (input, classes) => model.inputGradient(prepared(input), { class: classes }),
        dispose: () => model.dispose(),
      };
    },
    dispose() {
      engine?.dispose();
      engine = undefined;
    },
  };
}
