import { expect, test } from 'vitest';
import { race } from '../../src/gpu/tuning/race';

/** Candidates that take so many milliseconds a run, on a clock that only they move. */
function runners(...speeds: readonly ((run: number) => number)[]) {
  let clock = 0;
  const runs = speeds.map(() => 0);
  const candidates = speeds.map((speed, k) => ({
    async time(repeats: number) {
      let taken = 0;
      for (let i = 0; i < repeats; i++) taken += speed(runs[k]!++);
      clock += taken;
      return taken;
    },
  }));
  return { candidates, runs, now: () => clock };
}

test('the fastest wins, wherever it stands', async () => {
  for (const order of [
    [1, 2, 3, 4],
    [4, 1, 3, 2],
    [3, 4, 2, 1],
  ]) {
    const { candidates, now } = runners(...order.map((ms) => () => ms));
    expect(await race(candidates, 1e6, now)).toBe(order.indexOf(1));
  }
});

test('a first run that compiles counts for nothing', async () => {
  const { candidates, now } = runners(
    (run) => (run === 0 ? 100 : 1),
    () => 2,
  );
  expect(await race(candidates, 1e6, now)).toBe(0);
});

test('noise that only adds does not hide the fastest', async () => {
  const noisy = (base: number) => (run: number) => base + (run % 3 === 0 ? 0 : 10);
  const { candidates, now } = runners(noisy(4), () => 5);
  expect(await race(candidates, 1e6, now)).toBe(0);
});

test('out of time, the best so far wins; before all were timed, nobody does', async () => {
  const enough = runners(
    () => 4,
    () => 5,
    () => 6,
  );
  expect(await race(enough.candidates, 46, enough.now)).toBe(0);
  const tooLittle = runners(
    () => 4,
    () => 5,
    () => 6,
  );
  expect(await race(tooLittle.candidates, 10, tooLittle.now)).toBeNull();
});

test('slow candidates leave early: the fastest is timed most often', async () => {
  const { candidates, runs, now } = runners(
    () => 9,
    () => 3,
    () => 8,
    () => 7,
  );
  await race(candidates, 1e6, now);
  expect(Math.max(...runs)).toBe(runs[1]);
  expect(runs[0]).toBeLessThan(runs[1]!);
});
