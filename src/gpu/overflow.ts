/** Where in a network numbers first left float32: found by running its steps one by one, once something went wrong. */
import type { Call } from '../calls';
import { LARGEST_HALF } from '../../shaders/tensor';
import { GradlensError } from '../errors';
import { halvesFinite, notFinite } from '../finite';
import type { Step, Tensor } from '../ops/op';
import { dispatch } from './bound';
import type { Encoder } from './commands';
import type { BackwardOptions } from './executor';
import type { Lent } from './lent';
import { Readback } from './readback';

/** What is run again. */
export interface Overflowed {
  /** Records what puts the picture into the executor's input. */
  readonly bring: (encoder: Encoder) => void;
  /** Of the gradient that is not finite; absent where the scores are not. */
  readonly backward?: BackwardOptions;
}

/**
 * An error that names the first layer whose numbers are not finite; null if all of them are.
 *
 * @throws GradlensError as any run; the reason of the call's end
 */
export async function overflowOf(
  { device, executor }: Lent,
  call: Call,
  { bring, backward }: Overflowed,
): Promise<GradlensError | null> {
  const { plan } = executor;
  const readback = new Readback(device); // of its own: it takes the largest activation, and is given back
  try {
    await device.guard(call, 'looking for an overflow', () =>
      device.submit('overflow', (encoder) => {
        executor.encodeClear(encoder); // what the run left behind is not finite either
        bring(encoder);
        if (backward) executor.encodeOptions(encoder, backward);
      }),
    );
    for (const [k, step] of [...plan.forward, ...(backward ? plan.backward : [])].entries()) {
      const outputs = outputsOf(step);
      const results = await readback.run(call, {
        what: step.label,
        bytes: outputs.reduce((sum, { tensor: { bytes } }) => sum + bytes, 0),
        encode: (encoder, read) => {
          dispatch(encoder, step.label, [executor.steps[k]!]);
          for (const { tensor } of outputs) read(executor.bufferOf(tensor.name), tensor.bytes);
        },
      });
      for (const [at, values] of results.entries()) {
        const {
          layers,
          tensor: { half = false },
        } = outputs[at]!;
        const value = !half ? values[notFinite(values)] : halvesFinite(values) ? undefined : NaN;
        if (value === undefined) continue;
        return overflow({
          layer: layers.join(' or '),
          value,
          half,
          what: k < plan.forward.length ? 'activation' : 'gradient',
        });
      }
    }
    return null;
  } finally {
    readback.dispose();
  }
}

/** What was found. */
interface Found {
  readonly layer: string;
  readonly value: number;
  readonly what: 'activation' | 'gradient';
  /** Whether it is stored in half precision, which does not keep the value. */
  readonly half: boolean;
}

function overflow({ layer, value, what, half }: Found): GradlensError {
  const why = half
    ? `beyond ±${LARGEST_HALF}, where half precision ends; precision 'f32' would do`
    : `${value}: it is too large for float32, which ends at 3.4e38, or is not a number; a smaller input, or smaller ` +
      'weights before it, would do';
  return new GradlensError('validation', `${layer}: its ${what} is ${why}`, { layer, value });
}

interface Output {
  readonly tensor: Tensor;
  readonly layers: string[];
}

/** The tensors of floats that a step writes, and what layers write them. */
function outputsOf(step: Step): readonly Output[] {
  const outputs = new Map<string, Output>();
  for (const { label, kernel, bind } of step.parts ?? [step]) {
    for (const each of kernel.declared) {
      if (each.kind !== 'tensor' || each.access !== 'read_write' || each.element.includes('u')) continue;
      const tensor = bind[each.name]!;
      const output = outputs.get(tensor.name) ?? { tensor, layers: [] };
      output.layers.push(label.slice(0, label.lastIndexOf('.')));
      outputs.set(tensor.name, output);
    }
  }
  return [...outputs.values()];
}
