import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { withPauses } from '../src/node/polling';

/** A clock that a turn moves on by a tenth of a millisecond, and what was asked of it. */
function clock() {
  let time = 0;
  const turns: ['at once' | number, () => void][] = [];
  const timed = withPauses({
    setImmediate: Object.assign(
      (callback: (...args: unknown[]) => void, ...args: unknown[]) => turns.push(['at once', () => callback(...args)]),
      { [promisify.custom]: promisify.custom },
    ) as never,
    setTimeout: (callback, milliseconds) => turns.push([milliseconds, callback]),
    now: () => time,
  });
  const runAll = () => {
    const when = [];
    for (let turn; (turn = turns.shift()); time += 0.1) {
      when.push(turn[0]);
      turn[1]();
    }
    return when;
  };
  return { timed, runAll };
}

/** Asks for its own next turn, `count` times, as Dawn does: by a function that is not JavaScript's. */
function asking(timed: typeof setImmediate, count: number, bind: boolean): void {
  const ask = () => {
    if (--count > 0) timed(next);
  };
  const next = bind ? ask.bind(null) : ask;
  timed(next);
}

test('a native function that goes on asking waits between its questions', () => {
  const { timed, runAll } = clock();
  asking(timed, 9, true);
  expect(runAll()).toEqual([...Array<string>(6).fill('at once'), 1, 1, 1]);
});

test('each wait begins without pauses', () => {
  const { timed, runAll } = clock();
  asking(timed, 8, true);
  runAll();
  asking(timed, 3, true);
  expect(runAll()).toEqual(['at once', 'at once', 'at once']);
});

test('functions of JavaScript are called as ever, with what they were given', () => {
  const { timed, runAll } = clock();
  asking(timed, 20, false);
  expect(new Set(runAll())).toEqual(new Set(['at once']));
  const heard: unknown[] = [];
  timed((...args: unknown[]) => heard.push(...args), 1, 'two');
  runAll();
  expect(heard).toEqual([1, 'two']);
  expect((timed as unknown as Record<symbol, unknown>)[promisify.custom]).toBe(promisify.custom);
});

test('a native function that throws does not make the next one wait', () => {
  const { timed, runAll } = clock();
  timed(
    (() => {
      throw new Error('mine');
    }).bind(null),
  );
  expect(runAll).toThrow('mine');
  asking(timed, 2, true);
  expect(runAll()).toEqual(['at once', 'at once']);
});
