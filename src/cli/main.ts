/**
 * `gradlens <command>`: results on stdout, everything else on stderr, and exit codes that scripts can rely on
 * (failure.ts).
 */
import { setMaxListeners } from 'node:events';
import { runCommand } from 'citty';
import { abortable } from '../abortable';
import { normalise } from './args';
import { commands } from './commands';
import { EXIT, UsageError, exitCodeOf, oneLine } from './failure';
import { helpOf, helpOfAll } from './help';
import { packageVersion } from './models';
import { shown } from './shown';
import { removeUnfinished } from '../node/writeWhole';
import { openSession } from './session';

const DESCRIPTION = "the exact gradient of a ConvNet's class score with respect to its input image";

async function main([name, ...rest]: readonly string[], signal: AbortSignal): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? process.stderr : process.stdout).write(`${helpOfAll(DESCRIPTION, commands)}\n`);
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
    process.stdout.write(`${helpOf(name, chosen)}\n`);
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
setMaxListeners(0, controller.signal); // every picture under way listens
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
