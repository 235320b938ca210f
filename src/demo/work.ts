/**
 * One thing at a time: whatever the visitor does next aborts what runs, so that what is shown together belongs
 * together.
 */
import { GradlensError } from '../index';
import { hideAlert, showActivity, showAlert, showBusy } from './parts/messages';
import { state } from './state';

let running = new AbortController();
let retry = (): void => {};
let onUnavailable = (): void => {};

/** What a "Try again" button does. */
export function retryWith(run: () => void): void {
  retry = run;
}

/** Calls `listener` when it turns out that there is no WebGPU here. */
export function whenUnavailable(listener: () => void): void {
  onUnavailable = listener;
}

/** Runs `job` instead of whatever runs; results of an aborted job are never shown. */
export async function instead(job: (signal: AbortSignal) => Promise<void>): Promise<void> {
  running.abort();
  const { signal } = (running = new AbortController());
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
  state.phase = state.network ? 'ready' : 'failed';
  showBusy(false);
  showActivity('Cancelled.');
  if (!state.network) showAlert('Loading the network was cancelled.', { action: { label: 'Load it', run: retry } });
}

/** Ends what runs because the device is gone. */
export function stop(error: GradlensError): void {
  running.abort();
  showBusy(false);
  fail(error);
}

/** An error that leaves everything as it was: a file that is no picture. What runs goes on. */
export function refuse(error: unknown): void {
  const { code, message } = (state.error = told(error));
  if (!document.body.hasAttribute('data-busy')) state.phase = 'failed';
  showAlert(message, code === 'network' ? { action: { label: 'Try again', run: retry } } : {});
}

export function forgetError(): void {
  state.error = null;
  if (!document.body.hasAttribute('data-unavailable')) hideAlert();
}

function fail(error: unknown): void {
  const { code, message } = (state.error = told(error));
  const reason = unavailable(state.error);
  const again = { action: { label: 'Try again', run: retry } };
  const wasThere = state.milliseconds.load !== undefined;
  state.phase = reason && !wasThere ? 'unavailable' : 'failed';
  showActivity(state.map ? 'The last result is still shown.' : '');
  if (reason && wasThere) {
    // After two crashes of its GPU process a browser gives this document no more adapters, but a fresh one gets them.
    showAlert(`The GPU does not come back. ${message}`, {
      action: { label: 'Reload the page', run: () => location.reload() },
    });
  } else if (reason) {
    document.body.toggleAttribute('data-unavailable', true);
    showAlert(`Nothing can be computed here. ${reason}`, { notice: true });
    onUnavailable();
  } else if (code === 'device-lost') {
    showAlert('The browser lost the GPU. Your picture and your choices are still here.', again);
  } else {
    showAlert(message, code === 'network' || code === 'out-of-memory' || !wasThere ? again : {});
  }
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
      return 'This browser has no WebGPU.\nOpen the page in Chrome or Edge 113, Firefox 141, Safari 26, or a later one. Chrome on Linux may need chrome://flags/#enable-unsafe-webgpu.';
    case 'insecure-context':
      return 'WebGPU needs a secure page.\nOpen it by an https address or, on the machine that serves it, by localhost.';
    case 'no-adapter':
      return `${message}\nTurn on graphics acceleration in the browser’s settings, update the graphics driver, and restart the browser.`;
    default:
      return undefined;
  }
}
