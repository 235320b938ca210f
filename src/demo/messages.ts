/** The line under the pictures: what is being done, and how far it is. */
import type { Progress } from '../index';
import { elements } from './elements';

const VERBS: Record<Progress['phase'], string> = { download: 'Downloading the model', parse: 'Reading the model', tune: 'Finding the fastest kernels', upload: 'Uploading weights to the GPU', compile: 'Compiling kernels', run: 'Computing' };

/** A bar without a value moves by itself. */
export function showActivity(text: string, share?: number): void {
  elements.activityText.textContent = text;
  if (share === undefined) elements.progress.removeAttribute('value');
  else elements.progress.value = share;
}

export function showProgress({ phase, done, total }: Progress): void {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const amount = phase === 'download' ? `: ${megabytes(done)}${total ? ` of ${megabytes(total)}` : ''} MB` : phase === 'compile' ? `: ${done} of ${total}` : '';
  showActivity(VERBS[phase] + amount, total ? done / total : undefined);
}

export function showBusy(busy: boolean): void {
  document.body.toggleAttribute('data-busy', busy);
  elements.stage.setAttribute('aria-busy', String(busy));
}

/** One line for what went wrong, and a button for what can be done. */
export function showAlert(message: string, { action, notice = false }: { action?: { label: string; run: () => void }; notice?: boolean } = {}): void {
  const { alert, alertText, alertAction } = elements;
  alert.hidden = false;
  alert.classList.toggle('notice', notice);
  alertText.textContent = message;
  alertAction.hidden = !action;
  if (action) {
    alertAction.textContent = action.label;
    alertAction.onclick = action.run;
  }
}

export function hideAlert(): void {
  elements.alert.hidden = true;
  elements.alertText.textContent = '';
}
