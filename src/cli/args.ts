/** Arguments, strictly: citty lets unknown options and missing values pass, so they are looked at here first. */
import { type ArgsDef, type CommandDef, type ParsedArgs, defineCommand } from 'citty';
import { OVERLAY_ALPHA } from '../image/render';
import { UsageError } from './failure';
import type { Session } from './session';

/** Options that every command has. */
export const common = {
  driver: {
    type: 'string',
    valueHint: 'name',
    description: 'Vulkan driver: lavapipe, swiftshader, or the path of an ICD manifest',
  },
  json: { type: 'boolean', description: 'print JSON, one object per result' },
} as const satisfies ArgsDef;

/** An option whose value may be left out: `--overlay` or `--overlay 0.3`. */
export const OPTIONAL_VALUES: Readonly<Record<string, { readonly bare: string; readonly pattern: RegExp }>> = {
  overlay: { bare: String(OVERLAY_ALPHA), pattern: /^\d*\.?\d+$/ },
};

interface CommandSpec<T extends ArgsDef> {
  readonly name: string;
  readonly description: string;
  /** What follows the command's name, and what it does; they begin the help. */
  readonly examples?: readonly (readonly [args: string, does: string])[];
  readonly args: T;
  /** Resolves with the exit code. */
  readonly run: (args: ParsedArgs<T>, session: Session) => Promise<number>;
}

/** What a command's help begins with, by its name. */
export const EXAMPLES = new Map<string, NonNullable<CommandSpec<ArgsDef>['examples']>>();

export function command<const T extends ArgsDef>({
  name,
  description,
  examples = [],
  args,
  run,
}: CommandSpec<T>): CommandDef<T> {
  EXAMPLES.set(name, examples);
  return defineCommand<T>({
    meta: { name, description },
    args,
    run: ({ args: parsed, data }) => run(parsed, data as Session),
  });
}

/**
 * The same arguments with every value attached (`--name=value`) and the positional ones last.
 *
 * @throws UsageError for an unknown option, a missing or surplus value or positional argument, or a value that is none
 *   of an enum's
 */
export function normalise(raw: readonly string[], definitions: ArgsDef): string[] {
  const options: string[] = [];
  const positionals: string[] = [];
  const names = Object.keys(definitions).filter((name) => definitions[name]!.type !== 'positional');

  for (let i = 0; i < raw.length; i++) {
    const arg = raw[i]!;
    if (arg === '--') {
      positionals.push(...raw.slice(i + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      positionals.push(arg);
      continue;
    }
    const [, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (!names.includes(name))
      throw new UsageError(
        `unknown option ${arg.split('=')[0]}; there are ${[...names, 'help'].map((known) => `--${known}`).join(', ')}`,
      );
    const definition = definitions[name]!;
    const next = raw[i + 1];
    const optional = OPTIONAL_VALUES[name];
    if (definition.type === 'boolean') {
      if (inline !== undefined) throw new UsageError(`--${name} takes no value`);
      options.push(arg);
      continue;
    }
    let value = inline;
    if (
      value === undefined &&
      next !== undefined &&
      (optional ? optional.pattern.test(next) : !names.includes(next.replace(/^--|=.*/g, '')) || !next.startsWith('--'))
    ) {
      value = next;
      i++;
    }
    value ??= optional?.bare;
    if (value === undefined || value === '') throw new UsageError(`--${name} takes a value`);
    const allowed = 'options' in definition ? definition.options : undefined;
    if (allowed && !allowed.includes(value))
      throw new UsageError(`--${name} is '${value}'; it can be ${allowed.join(', ')}`);
    options.push(`--${name}=${value}`);
  }

  const wanted = Object.keys(definitions).find((name) => definitions[name]!.type === 'positional');
  if (wanted && definitions[wanted]!.required !== false && positionals.length === 0)
    throw new UsageError(`no ${wanted} given`);
  if (!wanted && positionals.length > 0) throw new UsageError(`'${positionals[0]}' is one argument too many`);
  const missing = names.find(
    (name) => definitions[name]!.required && !options.some((option) => option.startsWith(`--${name}=`)),
  );
  if (missing) throw new UsageError(`--${missing} is missing`);
  return [...options, '--', ...positionals];
}

/** @throws UsageError */
export function numberOption(name: string, text: string, low: number, high: number, whole = false): number {
  return checkedNumber(name, text, Number(text), { low, high, whole });
}

/** A number, or a fraction of two: `2/255`. @throws UsageError */
export function fractionOption(name: string, text: string, low: number, high: number): number {
  const [, over, under] = /^([\d.]+)\/([\d.]+)$/.exec(text) ?? [];
  const value = over === undefined || under === undefined ? Number(text) : Number(over) / Number(under);
  return checkedNumber(name, text, value, { low, high, whole: false });
}

function checkedNumber(
  name: string,
  text: string,
  value: number,
  { low, high, whole }: { readonly low: number; readonly high: number; readonly whole: boolean },
): number {
  if (!(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
    const range = high === Infinity ? `from ${low}` : `from ${low} to ${high}`;
    throw new UsageError(`--${name} is '${text}'; it can be a ${whole ? 'whole ' : ''}number ${range}`);
  }
  return value;
}
