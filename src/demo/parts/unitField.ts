/** A unit of the network, as it is written in a field and in the address: `conv3:7`, or `conv3:7:2:4` for one place. */
import { GradlensError, type Neuron } from '../../index';
import { element } from './elements';

const unit = element('unit', HTMLInputElement);

/** Its field belongs to the address, as those of the tabs do. */
export const insideForm = element('inside-form', HTMLFormElement);

export const hasUnit = (): boolean => unit.value.trim() !== '';

/**
 * Null where the field is empty.
 *
 * @throws GradlensError `shape` for what names no unit
 */
export function chosenUnit(): Neuron | null {
  const { value } = unit;
  if (!hasUnit()) return null;
  const [, tensor, channel, y, x] = /^(.+?):(\d+)(?::(\d+):(\d+))?$/.exec(value.trim()) ?? [];
  if (tensor === undefined)
    throw new GradlensError('shape', `“${value}” names no unit; layer:channel, such as conv3:7, would be right.`);
  return { tensor, channel: Number(channel), ...(y === undefined ? {} : { y: Number(y), x: Number(x) }) };
}

export function chooseUnit({ tensor, channel }: Neuron): void {
  unit.value = `${tensor}:${channel}`;
}
