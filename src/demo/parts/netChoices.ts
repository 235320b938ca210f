/** What a visitor's own file leaves open, as its fields say it; and what was concluded from the file, in words. */
import { GradlensError, type HeadKind } from '../../index';
import { describeSpec } from '../../formats/preparation';
import type { NetworkInfo } from '../worker/jobs';
import { element, make } from './elements';
import { textOf } from './form';

const parts = {
  form: element('net-form', HTMLFormElement),
  tensors: element('net-tensors', HTMLDataListElement),
  notes: element('network-notes', HTMLUListElement),
};

export interface NetChoices {
  readonly size?: readonly [height: number, width: number];
  readonly output?: string;
  readonly head?: HeadKind;
}

/** @throws GradlensError `shape` for a size that is none */
export function netChoices(): NetChoices {
  const [size, output, head] = ['size', 'output', 'head'].map((name) => textOf(parts.form, name).trim());
  return {
    ...(size ? { size: sizeIn(size) } : {}),
    ...(output ? { output } : {}),
    ...(head ? { head: head as HeadKind } : {}),
  };
}

function sizeIn(text: string): readonly [height: number, width: number] {
  const [, height, width = height] = /^(\d+)(?:\s*[x×,]\s*(\d+))?$/i.exec(text) ?? [];
  if (height === undefined)
    throw new GradlensError('shape', `“${text}” is no size; height and width, such as 224×224, would be right.`);
  return [Number(height), Number(width)];
}

/** For another file they begin anew; nets that have a name leave nothing open. */
export function resetNetChoices(isOwn: boolean): void {
  parts.form.reset();
  showNetChoices(isOwn);
}

export function showNetChoices(isOwn: boolean): void {
  parts.form.hidden = !isOwn;
}

/** Calls `load` when the visitor asks for the file again, with other choices. */
export function listenForNetChoices(load: () => void): void {
  parts.form.addEventListener('submit', (event) => {
    event.preventDefault();
    load();
  });
}

/** What a picture has to be, what makes probabilities, what was supposed: each with its reason. */
export function showNotes({ input, preparation, head, notes, tensors }: NetworkInfo): void {
  const why =
    preparation?.by === 'guess'
      ? `; a guess, since ${preparation.reason ?? 'nothing in the file says otherwise'}`
      : preparation?.by === 'file'
        ? ', as its file says'
        : ', as you chose';
  parts.notes.replaceChildren(
    ...[
      ...(input ? [`Pictures become ${describeSpec(input)}${why}.`] : []),
      `Probabilities: ${head.kind === 'none' ? 'none' : head.kind}, since ${head.reason}.`,
      ...notes.map((note) => `${note[0]!.toUpperCase()}${note.slice(1)}.`),
    ].map((textContent) => make('li', { textContent })),
  );
  parts.tensors.replaceChildren(...tensors.map((value) => make('option', { value })));
}
