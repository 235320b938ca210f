import { expect } from 'vitest';
import { GradlensError, type ErrorCode } from '../../src/errors';

/** Runs, expects a GradlensError of the code whose message matches, and returns it. */
export function refusal(run: () => unknown, code: ErrorCode, message: RegExp): GradlensError {
  let error: unknown;
  try {
    run();
  } catch (caught) {
    error = caught;
  }
  return checked(error, code, message);
}

export async function asyncRefusal(
  run: () => Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
): Promise<GradlensError> {
  return checked(
    await run().then(
      () => undefined,
      (caught: unknown) => caught,
    ),
    code,
    message,
  );
}

function checked(error: unknown, code: ErrorCode, message: RegExp): GradlensError {
  expect(error).toBeInstanceOf(GradlensError);
  expect((error as GradlensError).message).toMatch(message);
  expect((error as GradlensError).code).toBe(code);
  return error as GradlensError;
}
