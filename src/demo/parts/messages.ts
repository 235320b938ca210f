/**
 * The line above the tabs: what is being done, how far it is, and a way to stop it; and the alert for what went wrong.
 */
import type { Progress } from '../../index';
import { element } from './elements';

const parts = {
  alert: element('alert', HTMLDivElement),
  text: element('alert-text', HTMLParagraphElement),
  action: element('alert-action', HTMLButtonElement),
  close: element('alert-close', HTMLButtonElement),
  progress: element('progress', HTMLProgressElement),
  activity: element('activity-text', HTMLSpanElement),
  work: element('work', HTMLDivElement),
};

const VERBS: Record<Progress['phase'], string> = {
  download: 'Downloading the network',
  parse: 'Reading the network',
  tune: 'Finding the fastest kernels',
  upload: 'Uploading weights to the GPU',
  compile: 'Compiling kernels',
  run: 'Computing',
};

/** A bar without a value moves by itself. */
export function showActivity(text: string, share?: number): void {
  parts.activity.textContent = text;
  if (share === undefined) parts.progress.removeAttribute('value');
  else parts.progress.value = share;
}

export function showProgress({ phase, done, total }: Progress): void {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const counted = phase === 'compile' || phase === 'run';
  const amount =
    phase === 'download'
      ? `: ${megabytes(done)}${total ? ` of ${megabytes(total)}` : ''} MB`
      : counted && total
        ? `: ${done} of ${total}`
        : '';
  showActivity(VERBS[phase] + amount, total ? done / total : undefined);
}

export function showBusy(busy: boolean): void {
  document.body.toggleAttribute('data-busy', busy);
  parts.work.setAttribute('aria-busy', String(busy));
}

/**
 * One line for what went wrong, and a button for what can be done. A `notice` is no fault; what `stays` cannot be
 * closed.
 */
export function showAlert(
  message: string,
  {
    action,
    notice = false,
    stays = notice,
  }: { action?: { label: string; run: () => void }; notice?: boolean; stays?: boolean } = {},
): void {
  parts.alert.hidden = false;
  parts.alert.classList.toggle('notice', notice);
  parts.text.textContent = message;
  parts.action.hidden = !action;
  parts.close.hidden = stays;
  if (action) {
    parts.action.textContent = action.label;
    parts.action.onclick = action.run;
  }
}

export function hideAlert(): void {
  parts.alert.hidden = true;
  parts.text.textContent = '';
}

parts.close.addEventListener('click', hideAlert);

export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
