/** What is said of operators that cannot be: why, and what to do. */
import type { GradlensError } from '../../errors';
import { quote } from '../checks';
import { unsupported } from './call';

const BEFORE = 'a tensor before it, by the option output';

const WHY: readonly (readonly [operators: readonly string[], reason: string, instead: string])[] = [
  [['GRU', 'LSTM', 'RNN', 'Scan'], 'it is recurrent, one step of a sequence after the other', BEFORE],
  [
    ['NonMaxSuppression', 'NonZero', 'TopK', 'Unique'],
    'what it picks hangs on the picture, and so has no gradient',
    BEFORE,
  ],
  [['Bernoulli', 'Multinomial'], 'it draws random numbers, others in every run', BEFORE],
  [
    ['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'],
    'it is a loss, for training',
    'the scores, by the option output',
  ],
];

/** Of an operator that is not known, or of one that only constants pass through, of this input that is computed. */
export function refused(name: string, computed?: string): GradlensError {
  const known = WHY.find(([operators]) => operators.includes(name));
  if (known) return unsupported(known[1], known[2]);
  return computed === undefined
    ? unsupported('the operator is unknown', BEFORE)
    : unsupported(`its input ${quote(computed)} is computed from the image`, 'constants');
}
