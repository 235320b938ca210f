/**
 * One thing at a time: whatever the visitor does next aborts what runs, so that what is shown together belongs
 * together. When the browser loses the GPU, what runs only waits: the worker repeats the step that was interrupted.
 */
import { GradlensError } from '../index';
import { current } from './current';
import { hideAlert, showActivity, showAlert, showBusy } from './parts/messages';
import { type State, state } from './state';

interface Listeners {
  /** What a "Try again" button does. */
  readonly retry: () => void;
  /** There is no WebGPU here. */
  readonly unavailable: () => void;
  /** The GPU was there, and does not come back. */
  readonly gone: () => void;
}

let running = new AbortController();
/** What the page was when it lost the GPU, if nothing ran then. */
let held: State['phase'] | null = null;
let listeners: Listeners = { retry: () => {}, unavailable: () => {}, gone: () => {} };

export function listenForEnds(to: Listeners): void {
  listeners = to;
}

/** When nothing runs. */
export async function resting(): Promise<void> {
  while (state.phase === 'busy') await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Runs `job` instead of whatever runs; results of an aborted job are never shown. */
export async function instead(job: (signal: AbortSignal) => Promise<void>): Promise<void> {
  running.abort();
  const { signal } = (running = new AbortController());
  held = null;
  state.phase = 'busy';
  forgetError();
  showBusy(true);
  try {
    await job(signal);
    signal.throwIfAborted();
    state.phase = 'ready';
  } catch (error) {
    if (!signal.aborted) fail(error);
  } finally {
    if (!signal.aborted) showBusy(false);
  }
}

/** Ends what runs, at the visitor's wish. */
export function cancel(): void {
  running.abort();
  running = new AbortController();
  held = null;
  state.phase = state.network ? 'ready' : 'failed';
  showBusy(false);
  showActivity('Cancelled.');
  if (!state.network)
    showAlert('Loading the network was cancelled.', { action: { label: 'Load it', run: listeners.retry } });
}

/** The GPU is lost. What runs waits for its return. */
export function suspend(): void {
  state.losses += 1;
  if (state.phase !== 'busy') held = state.phase;
  state.phase = 'busy';
  showBusy(true);
  showActivity('Getting the GPU back');
  showAlert('The browser lost the GPU. Nothing on this page is lost; what was running goes on by itself.', {
    notice: true,
  });
}

/** It is there again, and on it all that was. */
export function resume(): void {
  state.recoveries += 1;
  forgetError();
  showActivity('The GPU is back.');
  rest(state.network ? 'ready' : 'failed');
}

/** It does not come back. */
export function giveUp(error: unknown): void {
  rest('failed');
  fail(error);
}

function rest(phase: State['phase']): void {
  if (held === null) return;
  held = null;
  state.phase = phase;
  showBusy(false);
}

/** An error that leaves everything as it was: a file that is no picture. What runs goes on. */
export function refuse(error: unknown): void {
  const { code, message } = (state.error = told(error));
  if (!document.body.hasAttribute('data-busy')) state.phase = 'failed';
  const isOpen = code !== 'network' && state.network !== null; // else there is nothing yet to go on with
  showAlert(message, isOpen ? {} : { action: { label: 'Try again', run: listeners.retry } });
}

export function forgetError(): void {
  state.error = null;
  if (!document.body.hasAttribute('data-unavailable')) hideAlert();
}

function fail(error: unknown): void {
  const { code, message } = (state.error = told(error));
  const reason = unavailable(state.error);
  const again = { action: { label: 'Try again', run: listeners.retry } };
  const wasThere = state.losses > 0 || state.milliseconds.load !== undefined;
  state.phase = reason && !wasThere ? 'unavailable' : 'failed';
  showActivity(state.map ? 'The last result is still shown.' : '');
  if (reason && wasThere) {
    showAlert(`The GPU does not come back. ${wayBack()}`);
    listeners.gone();
  } else if (reason) {
    document.body.toggleAttribute('data-unavailable', true);
    showAlert(`Nothing can be computed here. ${reason}`, { notice: true });
    listeners.unavailable();
  } else if (code === 'device-lost') {
    showAlert('The browser loses the GPU whenever this is computed. Something smaller may work.', again);
  } else {
    showAlert(message, code === 'out-of-memory' || !state.network ? again : {});
  }
}

/**
 * Chromium gives a document no GPU for minutes after the second crash within seconds. A reload by this page
 * (`location.reload()`) changes nothing, one by the visitor does.
 */
function wayBack(): string {
  const { picture } = current;
  const isOwn = picture && picture.sample === undefined && picture.from === undefined;
  return [
    'Reload the page with your browser: press F5 or, on a Mac, ⌘R.',
    `The address keeps your choices${isOwn ? ', but not your own picture, which is then to be opened again' : ''}.`,
    'What is shown here can still be saved before.',
  ].join(' ');
}

function told(error: unknown): NonNullable<typeof state.error> {
  if (error instanceof GradlensError) return { code: error.code, message: error.message };
  return {
    code: 'unknown',
    message: `Something went wrong: ${error instanceof Error ? error.message : String(error)}`,
  };
}

/** Why there is no WebGPU and what a visitor can do about it; undefined for every other error. */
function unavailable({ code, message }: { readonly code: string; readonly message: string }): string | undefined {
  switch (code) {
    case 'no-webgpu':
      return [
        'This browser has no WebGPU.',
        'Open the page in Chrome or Edge 113, Firefox 141, Safari 26, or a later one. ' +
          'Chrome on Linux may need chrome://flags/#enable-unsafe-webgpu.',
      ].join('\n');
    case 'insecure-context':
      return [
        'WebGPU needs a secure page.',
        'Open it by an https address or, on the machine that serves it, by localhost.',
      ].join('\n');
    case 'no-adapter':
      return [
        message,
        'Turn on graphics acceleration in the browser’s settings, update the graphics driver, and restart the browser.',
      ].join('\n');
    default:
      return undefined;
  }
}
