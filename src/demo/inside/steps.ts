/** The program of a stage: its steps, how long each takes on this device, and their kernels' WGSL. */
import { chosenClass, current } from '../current';
import { make } from '../parts/elements';
import { duration, showActivity, showProgress } from '../parts/messages';
import { state } from '../state';
import { instead } from '../work';
import type { StepInfo, Steps } from '../worker/inside';
import { call } from '../worker/remote';

let measured: { readonly of: string; readonly found: Steps } | null = null;

/** What runs in a stage; measured when it is asked for, since that takes as long as several gradients. */
export function showSteps(place: HTMLElement, stage: number): void {
  if (measured?.of === ofNow()) return list(place, measured.found, stage);
  const button = make('button', { type: 'button', textContent: 'Show its program, and measure its time' });
  button.addEventListener(
    'click',
    () =>
      void instead(async (signal) => {
        showActivity('Measuring each step');
        const found = await call(
          'steps',
          { picture: current.picture!.id, class: chosenClass()?.index ?? 0 },
          { signal, onProgress: showProgress },
        );
        signal.throwIfAborted();
        measured = { of: ofNow(), found };
        const { clock, steps } = found;
        if (state.inside)
          state.inside = {
            ...state.inside,
            steps: {
              clock,
              count: steps.length,
              milliseconds: steps.reduce((sum, step) => sum + step.milliseconds, 0),
            },
          };
        list(place, found, stage);
        showActivity('Measured.');
      }),
  );
  place.replaceChildren(make('p', {}, button));
}

/** Times belong to a device and a network; which picture hardly matters. */
const ofNow = (): string => String(state.networks);

function list(place: HTMLElement, { clock, steps }: Steps, stage: number): void {
  const own = steps.filter((step) => step.stage === stage);
  const code = make('pre', { tabIndex: 0 });
  code.setAttribute('role', 'region');
  const how = clock === 'gpu' ? 'by timestamps of the GPU' : 'from submit to completion, since it has no timestamps';
  const copy = make('button', { type: 'button', textContent: 'Copy this kernel' });
  const link = make('a', { textContent: 'Save it as a file' });
  const choose = ({ label, kernel: { name, wgsl } }: StepInfo): void => {
    code.textContent = wgsl;
    code.setAttribute('aria-label', `WGSL of ${label}`);
    link.href = `data:text/plain;charset=utf-8,${encodeURIComponent(wgsl)}`;
    link.download = `${name}.wgsl`;
    copy.onclick = () => void navigator.clipboard.writeText(wgsl).catch(() => code.focus());
  };
  const rows = own.map((step, k) => {
    const radio = make('input', { type: 'radio', name: 'step', checked: k === 0 });
    radio.setAttribute('form', 'none'); // no field of the address
    radio.addEventListener('change', () => choose(step));
    const flops = step.flops > 0 ? `${(step.flops / 1e6).toFixed(1)} MFLOP` : 'moves data';
    return make(
      'label',
      {},
      radio,
      make('span', { textContent: step.label }),
      make('small', { textContent: `${step.direction}, ${duration3(step.milliseconds)}, ${flops}` }),
    );
  });
  if (own[0]) choose(own[0]);
  const total = own.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  place.replaceChildren(
    make('h4', { textContent: `Its program: ${own.length} steps, ${duration3(total)} (${how})` }),
    make('div', { className: 'program' }, make('div', { className: 'step-list' }, ...rows), code),
    make('p', { className: 'buttons' }, copy, link),
  );
}

const duration3 = (milliseconds: number): string =>
  milliseconds < 1 ? `${(milliseconds * 1000).toFixed(0)} µs` : duration(milliseconds);
