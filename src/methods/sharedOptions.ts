/** Options that several methods have. */
import type { ChoiceOption, TensorOption } from './method';

export const reluOption = {
  kind: 'choice',
  choices: [
    ['gradient', 'gradient (the true one)'],
    ['deconvnet', 'deconvnet'],
    ['guided', 'guided'],
  ],
  default: 'gradient',
  label: 'Way back through ReLUs',
  help: 'how ReLUs pass the gradient back',
  cautions: {
    deconvnet:
      'This is no gradient: it passes back whatever is positive, also through units that this picture shut, and ' +
      'shows what the network can see rather than what its answer hangs on.',
    guided:
      'This is no gradient, and the map hardly depends on the class: it is sharp because it shows the edges that the ' +
      'network sees, and looks much the same for another class, or with the last layer shuffled.',
  },
} as const satisfies ChoiceOption;

export const channelsOption = {
  kind: 'choice',
  choices: [
    ['max-abs', 'largest |gradient|'],
    ['sum-abs', 'sum of |gradient|'],
    ['sum', 'sum, with its sign'],
  ],
  default: 'max-abs',
  label: 'Colour channels',
  help: 'how colour channels become one; sum keeps the sign',
} as const satisfies ChoiceOption;

export const tensorOption = {
  kind: 'tensor',
  label: 'Layer',
  help: 'which tensor, by its name (default: the last that has more than one pixel)',
} as const satisfies TensorOption;

export const tensorsOption = {
  kind: 'tensors',
  label: 'Layers',
  help: 'which tensors, by their names (default: the last of each of the three coarsest planes)',
} as const satisfies TensorOption;
