/** What a command works with: the engine it opens, what it prints, and the signal that ends it. */
import type { Engine, Progress } from '../index';
import { createNodeEngine } from '../node/index';
import { oneLine } from './failure';
import { Files } from './files';
import { shown, shownJson } from './shown';

export interface Session {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** All that is read and written. */
  readonly files: Files;
  /** One engine, disposed when the command ends. */
  openEngine(driver: string | undefined): Promise<Engine>;
  /** A result, on stdout: as JSON in one line, or as lines for people. */
  print(json: boolean | undefined, object: object, lines: string | readonly string[]): void;
  /** What a user should know, on stderr; the same only once. */
  note(text: string): void;
  /** A failure that does not end the command, on stderr. */
  complain(error: unknown): void;
  close(): void;
}

export function openSession(signal: AbortSignal): Session {
  const progress = progressOn(process.stderr);
  const line = (text: string): void => {
    progress.clear();
    process.stderr.write(`gradlens: ${shown(text)}\n`);
  };
  let engine: Engine | undefined;
  const noted = new Set<string>();
  const note = (text: string): void => {
    if (!noted.has(text)) line(`note: ${text}`);
    noted.add(text);
  };
  return {
    signal,
    onProgress: progress.show,
    files: new Files(),
    async openEngine(driver) {
      engine = await createNodeEngine(driver === undefined ? { onNotice: note } : { onNotice: note, icd: driver });
      signal.throwIfAborted();
      return engine;
    },
    print(json, object, lines) {
      progress.clear();
      const printed = json ? [shownJson(object)] : [lines].flat().map(shown);
      process.stdout.write(`${printed.join('\n')}\n`);
    },
    note,
    complain: (error) => line(oneLine(error)),
    close() {
      progress.clear();
      engine?.dispose();
    },
  };
}

const QUIET_MILLISECONDS = 1000;
const REWRITE_MILLISECONDS = 100;
/** So often a log is told how far it is. */
const LOG_MILLISECONDS = 60_000;
const NAMES: Readonly<Record<Progress['phase'], string>> = {
  download: 'reading the model',
  parse: 'reading the model',
  tune: 'finding the fastest kernels',
  upload: 'uploading the weights',
  compile: 'compiling kernels',
  run: 'computing',
};

/** Nothing in the first second. Then a line that rewrites itself; where that cannot be, one line per phase. */
function progressOn(stream: NodeJS.WriteStream): { show: (progress: Progress) => void; clear: () => void } {
  let next = performance.now() + QUIET_MILLISECONDS;
  let last: string | null = null;
  const told = new Set<string>(); // uploading and compiling go on at the same time
  const pace = paceOf();
  let nextLog = 0;
  return {
    show({ phase, done, total }) {
      const speed = phase === 'run' ? pace(done, total) : '';
      if (performance.now() < next) return;
      if (stream.isTTY) {
        const counted = phase === 'compile' || phase === 'run'; // the others are in bytes
        const part = total ? (counted ? ` ${done}/${total}` : ` ${Math.floor((100 * done) / total)} %`) : '';
        last = `${NAMES[phase]}${part}${speed} …`;
        next = performance.now() + REWRITE_MILLISECONDS;
        stream.write(`\r\x1b[K${last}`);
      } else if (!told.has(phase) && done !== total) {
        told.add(phase);
        nextLog = performance.now() + LOG_MILLISECONDS;
        stream.write(`gradlens: ${NAMES[phase]} …\n`);
      } else if (speed && performance.now() > nextLog) {
        nextLog = performance.now() + LOG_MILLISECONDS;
        stream.write(`gradlens: ${NAMES[phase]} ${done}${total ? `/${total}` : ''}${speed} …\n`);
      }
    },
    clear() {
      if (stream.isTTY && last !== null) {
        stream.write('\r\x1b[K');
        last = null;
      }
    },
  };
}

/** How fast it goes, and how long it takes from here at this pace; nothing before there is a pace. */
export function paceOf(now = (): number => performance.now()): (done: number, total?: number) => string {
  let first: { readonly at: number; readonly done: number } | undefined;
  return (done, total) => {
    first ??= { at: now(), done };
    const seconds = (now() - first.at) / 1000;
    if (seconds < 1 || done <= first.done) return '';
    const rate = (done - first.done) / seconds;
    const left = total === undefined ? '' : `, ${inTime((total - done) / rate)} left`;
    return `, ${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s${left}`;
  };
}

function inTime(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
