/**
 * `gradlens <command>`: results on stdout, everything else on stderr, and exit codes that scripts can rely on
 * (failure.ts).
 */
import { stripVTControlCharacters } from 'node:util';
import { type CommandDef, defineCommand, renderUsage, runCommand } from 'citty';
import { abortable } from '../abortable';
import { normalise } from './args';
import { bench } from './bench';
import { check } from './check';
import { classModel } from './classModel';
import { classify } from './classify';
import { EXIT, UsageError, exitCodeOf, oneLine } from './failure';
import { convert } from './convert';
import { gradient } from './gradient';
import { info } from './info';
import { inspect } from './inspect';
import { localise } from './localise';
import { packageVersion } from './models';
import { shown } from './shown';
import { removeUnfinished } from '../node/writeWhole';
import { saliency } from './saliency';
import { sanity } from './sanity';
import { segment } from './segment';
import { openSession } from './session';

const commands: Readonly<Record<string, CommandDef<any>>> = {
  saliency,
  'class-model': classModel,
  segment,
  localise,
  sanity,
  classify,
  gradient,
  inspect,
  convert,
  check,
  info,
  bench,
};

const gradlens = defineCommand({
  meta: {
    name: 'gradlens',
    version: packageVersion(),
    description: "the exact gradient of a ConvNet's class score with respect to its input image",
  },
  subCommands: commands,
});

async function main([name, ...rest]: readonly string[], signal: AbortSignal): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    await printUsage(name === undefined ? process.stderr : process.stdout, gradlens);
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === '--version' || name === '-v') {
    process.stdout.write(`${packageVersion()}\n`);
    return EXIT.ok;
  }
  const chosen = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!chosen)
    throw new UsageError(`unknown command '${name}'; there are ${Object.keys(commands).join(', ')} (gradlens --help)`);
  if (rest.includes('--help') || rest.includes('-h')) {
    await printUsage(process.stdout, chosen, gradlens);
    return EXIT.ok;
  }
  const rawArgs = normalise(rest, chosen.args as never);
  const session = openSession(signal);
  try {
    const { result } = await runCommand(chosen, { rawArgs, data: session });
    return result as number;
  } finally {
    session.close();
  }
}

async function printUsage(stream: NodeJS.WriteStream, ...command: [CommandDef<any>, CommandDef?]): Promise<void> {
  const usage = await renderUsage(...command);
  stream.write(`${(stream.isTTY ? usage : stripVTControlCharacters(usage)).replace(/ +$/gm, '').trimEnd()}\n`);
}

const PATIENCE_MILLISECONDS = 3000;

/**
 * With the engine disposed the process ends by itself, after all is printed; should a driver's thread keep it, it is
 * ended.
 */
function leave(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(code), PATIENCE_MILLISECONDS).unref();
}

/**
 * For what was left in the middle of work: ends the process as soon as stdout and stderr have taken what was written.
 */
async function leaveNow(code: number): Promise<never> {
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))),
  );
  process.exit(code);
}

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () =>
    controller.signal.aborted ? process.exit(EXIT.interrupted) : controller.abort(new UsageError('interrupted')),
  );
}
process.on('exit', removeUnfinished);
// `gradlens … | head` closes our stdout: nobody wants the rest
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit(EXIT.ok));

try {
  leave(await abortable(main(process.argv.slice(2), controller.signal), controller.signal));
} catch (error) {
  const { aborted } = controller.signal;
  process.stderr.write(`gradlens: ${aborted ? 'interrupted' : oneLine(error).split('\n').map(shown).join('\n')}\n`);
  await leaveNow(aborted ? EXIT.interrupted : exitCodeOf(error));
}
