/** A small mistake: one place of a source file that reads otherwise. */
export interface Mutant {
  /** What kind of mistake, such as `comparison`. */
  readonly operator: Operator;
  /** Where it begins and ends in the source. */
  readonly start: number;
  readonly end: number;
  /** What stands there instead. */
  readonly text: string;
}

export type Operator =
  | 'comparison' // < and <=, > and >=
  | 'equality' // == and !=
  | 'sign' // + and -, or a minus dropped
  | 'negation' // ! dropped
  | 'logic' // && and ||
  | 'extremum' // min and max
  | 'constant' // one more, one less
  | 'term' // a term of a sum dropped
  | 'statement' // a statement dropped
  | 'barrier' // a barrier between the invocations of a workgroup dropped
  | 'axis'; // height and width, rows and columns, top and left

/** Beyond this a constant is a limit or a threshold, and one more or less of it is seldom another program. */
export const LARGEST_CONSTANT = 64;

/** Names of one axis and of the other, as they end: `PAD_TOP`, `STRIDE_Y`, `H`. */
const AXES: readonly (readonly [string, string])[] = [
  ['H', 'W'],
  ['P', 'Q'],
  ['R', 'S'],
  ['Y', 'X'],
  ['TOP', 'LEFT'],
  ['BOTTOM', 'RIGHT'],
  ['height', 'width'],
  ['top', 'left'],
  ['bottom', 'right'],
];

/** The same extent along the other axis: `STRIDE_X` for `STRIDE_Y`. */
export function otherAxis(name: string): string | undefined {
  for (const pair of AXES) {
    for (const [own, other] of [pair, [pair[1], pair[0]]] as const) {
      if (name === own) return other;
      if (name.endsWith(`_${own}`)) return name.slice(0, -own.length) + other;
    }
  }
  return undefined;
}

export const COMPARISONS: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };
export const EQUALITIES: Readonly<Record<string, string>> = { '==': '!=', '!=': '==', '===': '!==', '!==': '===' };
export const SIGNS: Readonly<Record<string, string>> = { '+': '-', '-': '+', '+=': '-=', '-=': '+=' };
export const LOGIC: Readonly<Record<string, string>> = { '&&': '||', '||': '&&' };
export const EXTREMA: Readonly<Record<string, string>> = { min: 'max', max: 'min' };
