/** A GPUDevice on which nothing goes wrong unheard: errors reject here, and never at the host. */
import { abortable } from '../abortable';
import { type Call, Calls } from '../calls';
import { GradlensError } from '../errors';

/** Kinds of error scopes, in the order in which they are opened. */
const KINDS = ['out-of-memory', 'internal', 'validation'] as const;

/** What calls gave back or threw, and what the device will say of them. */
interface Scoped<T> {
  readonly outcome: { readonly value: T } | { readonly thrown: unknown };
  readonly scopes: readonly { readonly kind: (typeof KINDS)[number]; readonly error: Promise<GPUError | null> }[];
}

export class GuardedDevice {
  /** All calls on the device; they end when it is lost. */
  readonly calls = new Calls();

  constructor(readonly gpu: GPUDevice) {
    gpu.lost.then(
      ({ reason, message }) => this.calls.end(() => lost(message || reason || 'unknown')),
      () => {},
    );
  }

  /**
   * Runs GPU calls inside error scopes of their own, so that an error becomes a rejection here and nothing of the
   * host's is caught: the scopes are closed before anything is awaited. Nothing runs for a call that has ended.
   *
   * @throws GradlensError `out-of-memory`, also where other errors follow from it, `validation` or `device-lost`; the
   *   reason of the call's end
   */
  async guard<T>({ signal }: Pick<Call, 'signal'>, what: string, calls: () => T): Promise<T> {
    signal.throwIfAborted();
    const { outcome, scopes } = this.scoped(calls);
    const errors = await this.settled({ signal }, what, () => Promise.all(scopes.map(({ error }) => error)));
    const found = scopes.flatMap(({ kind }, k) => (errors[k] ? [{ kind, message: errors[k].message }] : []));
    const first = found.find(({ kind }) => kind === 'out-of-memory') ?? found[0];
    if ('thrown' in outcome && first?.kind !== 'out-of-memory') throw typed(what, outcome.thrown);
    if (first)
      throw new GradlensError(
        first.kind === 'out-of-memory' ? 'out-of-memory' : 'validation',
        `${what}: ${first.message}`,
        { what },
      );
    return (outcome as { readonly value: T }).value;
  }

  /**
   * As {@link guard}, for what may not await: what is thrown is typed. What the device reports later is told to nobody:
   * only for calls whose failure shows in the commands that are made of them. `forget` is called then, so that what is
   * invalid is not kept for the next.
   */
  guardNow<T>(what: string, calls: () => T, forget: () => void = () => {}): T {
    const { outcome, scopes } = this.scoped(calls);
    if ('thrown' in outcome) throw typed(what, outcome.thrown);
    void Promise.all(scopes.map(({ error }) => error)).then(
      (errors) => errors.some((error) => error !== null) && forget(),
      forget,
    );
    return outcome.value;
  }

  /** What is kept by a key; where it is not there, it is made by {@link guardNow}, and not kept if it is invalid. */
  keptNow<K, T>(kept: Map<K, T>, key: K, what: string, make: () => T): T {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = this.guardNow(what, make, () => kept.delete(key));
    kept.set(key, made);
    return made;
  }

  /**
   * Awaits a promise of the GPU's, which may reject with anything, or never settle.
   *
   * @throws GradlensError `validation`, `out-of-memory` or `device-lost`; the reason of the call's end
   */
  async settled<T>({ signal }: Pick<Call, 'signal'>, what: string, start: () => Promise<T>): Promise<T> {
    try {
      return await abortable(start(), signal);
    } catch (cause) {
      await Promise.resolve(); // let the news of a loss arrive first
      signal.throwIfAborted();
      throw typed(what, cause);
    }
  }

  /** Runs calls between scopes of every kind, all of which are closed again, whatever happens. */
  private scoped<T>(calls: () => T): Scoped<T> {
    const opened: (typeof KINDS)[number][] = [];
    let outcome: Scoped<T>['outcome'];
    try {
      for (const kind of KINDS) {
        this.gpu.pushErrorScope(kind);
        opened.push(kind);
      }
      outcome = { value: calls() };
    } catch (thrown) {
      outcome = { thrown };
    }
    const scopes = opened.reverse().map((kind) => ({ kind, error: this.pop() }));
    for (const { error } of scopes) error.catch(() => {}); // not everybody awaits them
    return { outcome, scopes };
  }

  private pop(): Promise<GPUError | null> {
    try {
      return this.gpu.popErrorScope();
    } catch (cause) {
      return Promise.reject(cause);
    }
  }
}

const lost = (reason: string): GradlensError =>
  new GradlensError('device-lost', `The GPU device was lost: ${reason.replace(/\.$/, '')}. Create a new engine.`, {
    reason,
  });

/** An error of the driver's as one of ours. A `RangeError` is how browsers say that an `ArrayBuffer` has no room. */
export function typed(what: string, cause: unknown): GradlensError {
  if (cause instanceof GradlensError) return cause;
  const code = cause instanceof RangeError ? 'out-of-memory' : 'validation';
  return new GradlensError(code, `${what}: ${String(cause)}`, { what }, { cause });
}
