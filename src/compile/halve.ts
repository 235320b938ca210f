/**
 * Weights and activations in half precision. Gradients stay in float32, since nobody knows how small they get; and so
 * does what is differentiated, whose numbers are read.
 */
import { inHalf, takesHalf } from '../../shaders/kernel';
import type { Half } from '../../shaders/tensor';
import type { Step, Tensor } from '../ops/op';
import type { Steps } from './differentiate';

export function halve(steps: Steps, half: Half): Steps {
  const halved = new Map([...halvable(steps)].map((tensor) => [tensor.name, inHalves(tensor)]));
  const halveStep = (step: Step): Step => {
    const names = Object.keys(step.bind).filter((name) => halved.has(step.bind[name]!.name));
    const bind = Object.fromEntries(
      Object.entries(step.bind).map(([name, tensor]) => [name, halved.get(tensor.name) ?? tensor]),
    );
    return { ...step, kernel: inHalf(step.kernel, names, half), bind };
  };
  return { ...steps, forward: steps.forward.map(halveStep), backward: steps.backward.map(halveStep) };
}

/** Tensors that every kernel takes in half precision that binds them. */
function halvable({ forward, backward, scores }: Steps): Set<Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const step of [...forward, ...backward])
    for (const tensor of Object.values(step.bind)) tensors.set(tensor.name, tensor);
  const ofForward = new Set(forward.flatMap(({ bind }) => Object.values(bind).map(({ name }) => name)));
  const other = new Set([scores.storage.name]);
  for (const { kernel, bind } of [...forward, ...backward]) {
    for (const [name, { name: tensor }] of Object.entries(bind)) if (!takesHalf(kernel, name)) other.add(tensor);
  }
  return new Set(
    [...tensors.values()].filter(({ name, kind }) => !other.has(name) && (kind === 'weight' || ofForward.has(name))),
  );
}

/** Plans of one model share its weights by name, so that says how they are stored. */
const inHalves = (tensor: Tensor): Tensor => ({
  ...tensor,
  bytes: tensor.bytes / 2,
  half: true,
  ...(tensor.kind === 'weight' ? { name: `${tensor.name} in half precision` } : {}),
});
