import type { Certainty } from '../options';

const counted = (count: number, one: string, many: string): string =>
  count === 0 ? `no ${many}` : count === 1 ? `1 ${one}` : `${count} ${many}`;

/** As the command line and the page say it. */
export function certaintyInWords({ undecided, weight, doubtful, ties, bound, unwatched }: Certainty): string {
  const decisions = counted(undecided, 'undecided ReLU or pool window', 'undecided ReLUs or pool windows');
  const through = undecided === 0 ? '' : `, through which ${shareOf(weight)} of the gradient goes`;
  const tied = ties === 0 ? '' : `, ${counted(ties, 'tied pool window', 'tied pool windows')}`;
  const off =
    bound === Infinity
      ? `how far the gradient may be off is not known, since ${unwatched[0]} decides too`
      : `the gradient is off by ${bound >= 1 ? 'up to all of it' : `less than ${shareOf(bound)}`}`;
  return `${doubtful ? 'doubtful: ' : ''}${decisions}${through}${tied}; ${off}`;
}

const shareOf = (share: number): string => `${(100 * share).toPrecision(share >= 1e-4 ? 2 : 1)} %`;
