/**
 * Checks of what callers give: one sentence for every mistake, which names the argument, its value and what would be
 * right.
 *
 *   check('step', step, from(0));                      // step is -1; a number from 0 would be right
 *   checkAll(options, { seed: whole(), blur: from(0) });
 */
import { GradlensError } from './errors';

/** What a value has to be: as a test, and in words. */
export interface Rule {
  readonly says: string;
  readonly holds: (value: unknown) => boolean;
}

/** @throws GradlensError `validation` if the value is not what the rule says */
export function check(argument: string, value: unknown, { says, holds }: Rule): void {
  if (!holds(value))
    throw new GradlensError('validation', `${argument} is ${shown(value)}; ${says} would be right`, { argument });
}

/** {@link check} for each of the named values. */
export function checkAll<Name extends string>(
  values: { readonly [name in Name]: unknown },
  rules: Readonly<Record<Name, Rule>>,
): void {
  for (const name of Object.keys(rules) as Name[]) check(name, values[name], rules[name]);
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isWhole = (value: unknown): value is number => Number.isInteger(value);
const numbers = (unit: string | undefined): string => (unit === undefined ? 'number' : `number of ${unit}`);

/** A finite number, `least` or more. */
export const from = (least: number): Rule => ({
  says: `a number from ${least}`,
  holds: (value) => isNumber(value) && value >= least,
});

/** From `least` to `most`, both included. */
export const within = (least: number, most: number, unit?: string): Rule => ({
  says: `a ${numbers(unit)} from ${least} to ${most}`,
  holds: (value) => isNumber(value) && value >= least && value <= most,
});

/** From `least`, which is included, to `limit`, which is not. */
export const below = (least: number, limit: number): Rule => ({
  says: `a number from ${least} to below ${limit}`,
  holds: (value) => isNumber(value) && value >= least && value < limit,
});

/** Between the two, neither included. */
export const between = (low: number, high: number): Rule => ({
  says: `a number between ${low} and ${high}`,
  holds: (value) => isNumber(value) && value > low && value < high,
});

/** Any whole number; one from `least`; or one from `least` to `most`. */
export function whole(least = -Infinity, most = Infinity, unit?: string): Rule {
  const range = (least === -Infinity ? '' : ` from ${least}`) + (most === Infinity ? '' : ` to ${most}`);
  return {
    says: `a whole ${numbers(unit)}${range}`,
    holds: (value) => isWhole(value) && value >= least && value <= most,
  };
}

/** One of these values. */
export const oneOf = (...values: readonly (string | number | boolean)[]): Rule => ({
  says: listed(values.map(shown)),
  holds: (value) => values.some((known) => known === value),
});

/** `a, b or c` */
function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}

/** Longer texts are cut. */
const LONGEST = 40;

/** A value in a message: short, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value}'`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return ArrayBuffer.isView(value) ? `an array of ${value.byteLength} bytes` : 'an object';
}
