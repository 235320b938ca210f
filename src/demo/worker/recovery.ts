/** How often something is tried again, and after how long. */

/**
 * Milliseconds before each attempt. A browser gives a page a new GPU at once after its first crash; after a second one
 * within seconds it gives none for minutes, so that more attempts would help nobody.
 */
export const PAUSES: readonly number[] = [100, 2000];

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * What the first attempt that succeeds gives; a pause stands before each.
 *
 * @throws what the last attempt threw
 */
export async function recover<Result>(
  attempt: () => Promise<Result>,
  pauses: readonly number[] = PAUSES,
  pause: (milliseconds: number) => Promise<void> = sleep,
): Promise<Result> {
  let failure: unknown;
  for (const milliseconds of pauses) {
    await pause(milliseconds);
    try {
      return await attempt();
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * Runs `job`, and again after `restored` where it failed because the GPU was lost, but not for ever: a job may be what
 * kills it.
 *
 * @throws what the job threw last, or `restored`, which rejects where the GPU does not come back
 */
export async function repeatedly<Result>(
  job: () => Promise<Result>,
  isLoss: (error: unknown) => boolean,
  restored: () => Promise<void>,
  repeats = 2,
): Promise<Result> {
  for (; ; repeats--) {
    try {
      return await job();
    } catch (error) {
      if (repeats === 0 || !isLoss(error)) throw error;
      await restored();
    }
  }
}
