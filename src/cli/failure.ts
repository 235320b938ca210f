/**
 * What ends a command: its exit code, and the one line that says why. 75 is what schedulers and `sysexits.h` take for
 * "try again": another attempt, perhaps elsewhere, may succeed as it is.
 */
import { type ErrorCode, GradlensError } from '../index';

export const EXIT = { ok: 0, failed: 1, usage: 2, noWebGpu: 3, tryAgain: 75, interrupted: 130 } as const;

/** The command line, or what it names, is not as it should be. */
export class UsageError extends Error {}

const CODES: Partial<Record<ErrorCode, number>> = {
  'no-webgpu': EXIT.noWebGpu,
  'insecure-context': EXIT.noWebGpu,
  'no-adapter': EXIT.noWebGpu,
  'software-adapter': EXIT.noWebGpu,
  'device-lost': EXIT.tryAgain,
  'out-of-memory': EXIT.tryAgain,
};

/** An error on purpose concerns what was given to us; any other one is our fault, and `$GRADLENS_DEBUG` shows where. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof GradlensError) return CODES[error.code] ?? EXIT.usage;
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** Whether the next picture would fail the same way. */
export const isFatal = (error: unknown): boolean => exitCodeOf(error) !== EXIT.usage;

export function oneLine(error: unknown): string {
  if (process.env['GRADLENS_DEBUG'] && error instanceof Error) return error.stack ?? error.message;
  const message = error instanceof Error ? error.message : String(error);
  const [line = '', ...more] = message.split('\n').filter((part) => part.trim() !== '');
  const known = error instanceof GradlensError || error instanceof UsageError;
  if (error instanceof GradlensError && error.code === 'unsupported-op')
    return `${line.replace(/:$/, '')} (gradlens inspect lists what)`;
  if (known) return more.length > 0 ? `${line} (GRADLENS_DEBUG=1 shows more)` : line;
  return `unexpected: ${line} (please report it; GRADLENS_DEBUG=1 shows where)`;
}
