import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Task, measure, statOf } from '../../bench/measure';

const SCHEDULE = { runs: 6, seconds: 0.01, warmUpSeconds: 1 };

/** A clock that moves only when a task says so: these tests are about arithmetic, not about this machine. */
let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const wait = async (milliseconds: number): Promise<void> => {
  now += milliseconds;
};

describe('a Stat', () => {
  test('of eleven times', () => {
    const raw = [110, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
    expect(statOf(raw)).toEqual({ n: 11, median: 60, p10: 20, p90: 100, min: 10, mean: 60, raw });
  });

  test('lies between two times where none is in the middle', () => {
    const { median, p10, p90 } = statOf([1, 2, 3, 5]);
    expect([median, p10, p90]).toEqual([2.5, 1.3, expect.closeTo(4.4, 10)]);
  });

  test('of one time is that time; of none, an error', () => {
    expect(statOf([7])).toMatchObject({ median: 7, p10: 7, p90: 7, min: 7, mean: 7 });
    expect(() => statOf([])).toThrow('no times');
  });
});

describe('measuring', () => {
  test('takes turns, after each has warmed up', async () => {
    const order: string[] = [];
    const task = (name: string): Task => ({
      name,
      run: async () => {
        order.push(name);
        await wait(4);
      },
    });
    const measured = await measure([task('a'), task('b')], SCHEDULE, { quantum: 0.001 });
    const timedRuns = order.slice(measured[0]!.warmUp.raw.length + measured[1]!.warmUp.raw.length);
    expect(timedRuns.slice(0, 6)).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
    // ten milliseconds are over by then, but five there must be
    expect(measured.map(({ stat }) => stat.n)).toEqual([5, 5]);
  });

  test('is done after so many runs, or after so many seconds', async () => {
    const task: Task = { name: 'a', run: () => wait(2) };
    const runsOf = async (seconds: number): Promise<number> =>
      (await measure([task], { ...SCHEDULE, runs: 9, seconds }, { quantum: 0.001 }))[0]!.stat.n;
    expect(await runsOf(60)).toBe(9);
    expect(await runsOf(0.001)).toBe(5);
  });

  test('repeats what is shorter than a hundred steps of the clock', async () => {
    let calls = 0;
    const task: Task = {
      name: 'a',
      run: async () => {
        calls++;
        await wait(2);
      },
    };
    const [{ repeats, warmUp, stat }] = (await measure([task], SCHEDULE, { quantum: 0.1 })) as [
      Awaited<ReturnType<typeof measure>>[number],
    ];
    expect(repeats).toBe(5);
    expect(calls).toBe(warmUp.raw.length + stat.n * repeats);
    expect(stat.median).toBe(2);
  });

  test('ends the warm-up at 20 runs if the times never settle', async () => {
    let k = 0;
    const task: Task = { name: 'a', run: () => wait(1 + 2 * k++) };
    const [{ warmUp }] = (await measure([task], { ...SCHEDULE, warmUpSeconds: 60 }, { quantum: 0.001 })) as [
      Awaited<ReturnType<typeof measure>>[number],
    ];
    expect(warmUp.settled).toBe(false);
    expect(warmUp.raw).toHaveLength(20);
  });

  test('ends it after six runs if they are all alike, and after the seconds there are for it', async () => {
    const warmUpOf = async (milliseconds: number) =>
      (await measure([{ name: 'a', run: () => wait(milliseconds) }], SCHEDULE, { quantum: 0.001 }))[0]!.warmUp;
    expect(await warmUpOf(100)).toEqual({ raw: [100, 100, 100, 100, 100, 100], settled: true });
    expect(await warmUpOf(600)).toEqual({ raw: [600, 600], settled: false });
  });

  test('stops between two runs when it is told to', async () => {
    const controller = new AbortController();
    let calls = 0;
    const task: Task = {
      name: 'a',
      run: async () => {
        if (++calls === 3) controller.abort(new Error('enough'));
      },
    };
    await expect(measure([task], SCHEDULE, { quantum: 0.001, signal: controller.signal })).rejects.toThrow('enough');
    expect(calls).toBe(3);
  });

  test('what has to happen before a run is not timed', async () => {
    const [{ stat }] = (await measure([{ name: 'a', run: async () => {}, before: () => wait(30) }], SCHEDULE, {
      quantum: 0.00001,
    })) as [Awaited<ReturnType<typeof measure>>[number]];
    expect(stat.median).toBe(0);
  });
});
