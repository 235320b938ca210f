/** `--help`, in 80 columns: examples first, since they are what most people look for. */
import type { ArgsDef, CommandDef } from 'citty';
import { EXAMPLES, OPTIONAL_VALUES } from './args';

const COLUMNS = 80;
/** Where descriptions begin. */
const INDENT = 24;

/** Of one command. */
export function helpOf(name: string, { meta, args }: CommandDef<ArgsDef>): string {
  const definitions = Object.entries((args ?? {}) as ArgsDef);
  const positional = definitions.find(([, { type }]) => type === 'positional');
  const options = definitions.filter(([, { type }]) => type !== 'positional');
  const words = positional ? ` ${positional[0].toUpperCase()}…` : '';
  const { description = '' } = meta as { readonly description?: string };
  return [
    `gradlens ${name}${words} [options]`,
    '',
    ...wrapped(`${capital(description)}.`, '  '),
    '',
    'Examples',
    ...(EXAMPLES.get(name) ?? []).flatMap(([line, does]) => [
      `  gradlens ${name} ${line}`.trimEnd(),
      ...wrapped(does, '      '),
    ]),
    '',
    ...(positional ? [positional[0].toUpperCase(), ...wrapped(positional[1].description ?? '', '  '), ''] : []),
    'Options',
    ...options.flatMap(([option, definition]) => described(option, definition)),
    ...described('help', { type: 'boolean', description: 'this text' }),
  ].join('\n');
}

/** Of all of them. */
export function helpOfAll(description: string, commands: Readonly<Record<string, CommandDef<ArgsDef>>>): string {
  return [
    'gradlens COMMAND [options]',
    '',
    ...wrapped(`${capital(description)}.`, '  '),
    '',
    'Examples',
    ...Object.keys(commands).flatMap((name) => {
      const [first] = EXAMPLES.get(name) ?? [];
      return first ? [`  gradlens ${name} ${first[0]}`.trimEnd()] : [];
    }),
    '',
    'Commands',
    ...Object.entries(commands).flatMap(([name, { meta }]) =>
      beside(`  ${name}`, (meta as { readonly description?: string }).description ?? ''),
    ),
    '',
    ...wrapped(
      'gradlens COMMAND --help tells more. Exit codes: 0 all is well; 1 some pictures, or a check, failed; 2 usage, ' +
        'or bad input; 3 no WebGPU; 75 try again (the device was lost, or is out of memory); 130 interrupted.',
      '',
    ),
  ].join('\n');
}

function described(name: string, definition: ArgsDef[string]): string[] {
  const hint = 'valueHint' in definition ? definition.valueHint : undefined;
  const choices = 'options' in definition && definition.options ? definition.options.join('|') : undefined;
  const value = hint ?? choices;
  const optional = Object.hasOwn(OPTIONAL_VALUES, name);
  const shown = value === undefined ? '' : optional ? ` [${value}]` : ` ${value}`;
  const byDefault = 'default' in definition && definition.default ? ` (default: ${String(definition.default)})` : '';
  const required = 'required' in definition && definition.required ? ' (required)' : '';
  return beside(`  --${name}${shown}`, `${definition.description ?? ''}${byDefault}${required}`);
}

/** A term and its description: on one line where the term leaves room. */
function beside(term: string, description: string): string[] {
  const lines = wrapped(description, ' '.repeat(INDENT));
  if (term.length <= INDENT - 2) return [term.padEnd(INDENT) + (lines[0] ?? '').trimStart(), ...lines.slice(1)];
  return [...wrapped(term.trim(), '  ', /(?<=[|,])|\s/), ...lines];
}

/** Lines of at most {@link COLUMNS}. */
function wrapped(text: string, indent: string, at: RegExp = /\s+/): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(at)) {
    const glue = line === indent || /[|]$/.test(line) ? '' : ' ';
    if ((line + glue + word).length > COLUMNS && line !== indent) {
      lines.push(line);
      line = indent + word;
    } else line += glue + word;
  }
  return line === indent ? lines : [...lines, line];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
