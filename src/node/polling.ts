/**
 * Dawn for Node waits for a device by asking again and again, each time in a `setImmediate` of its own, which keeps one
 * core busy. Where a driver computes on the CPU, that core is taken from the computation: a third of all processor time
 * of a gradient on two cores.
 */

/** For how long Dawn may ask without a pause: most short waits are over by then. In milliseconds. */
const BRISK = 0.5;
const PAUSE = 1;

type Immediate = typeof globalThis.setImmediate;

/** What time and waiting are made of, for tests. */
export interface Clock {
  readonly setImmediate: Immediate;
  readonly setTimeout: (callback: () => void, milliseconds: number) => unknown;
  readonly now: () => number;
}

/**
 * The `setImmediate` of `clock`, but that a native function which asks for its own next turn gets it after a pause,
 * once it has asked for {@link BRISK} milliseconds. JavaScript's own functions are called as ever.
 */
export function withPauses({ setImmediate, setTimeout, now }: Clock): Immediate {
  let inTurn = false;
  let since = 0;
  const paused = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    if (!isNative(callback)) return setImmediate(callback, ...args);
    if (!inTurn) since = now();
    const turn = (): void => {
      inTurn = true;
      try {
        callback(...args);
      } finally {
        inTurn = false;
      }
    };
    return now() - since < BRISK ? setImmediate(turn) : setTimeout(turn, PAUSE);
  };
  // `util.promisify` finds what it needs at the function
  return Object.defineProperties(paused, Object.getOwnPropertyDescriptors(setImmediate)) as unknown as Immediate;
}

let installed = false;

/** From now on Dawn waits with pauses. It takes `setImmediate` from the global object, at every turn. */
export function pollWithPauses(): void {
  if (installed) return;
  installed = true;
  globalThis.setImmediate = withPauses({ setImmediate, setTimeout, now: () => performance.now() });
}

const isNative = (callback: unknown): boolean =>
  typeof callback === 'function' && Function.prototype.toString.call(callback).includes('[native code]');
