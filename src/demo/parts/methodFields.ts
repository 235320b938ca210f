/** The fields of the methods, made of what their records say: a small picture to choose each by, and its options. */
import { METHODS, type Method, type MethodOption, type MethodValues } from '../../index';
import { element, make } from './elements';
import { numberOf, textOf } from './form';

const form = element('saliency-form', HTMLFormElement);

/** Names of tensors are each network's own: only programs and the command line ask for them. */
const hasField = (option: MethodOption): option is Exclude<MethodOption, { readonly kind: 'tensor' | 'tensors' }> =>
  option.kind !== 'tensor' && option.kind !== 'tensors';

const BY_DEFAULT = 'saliency';

/** Of each method the canvas that its map is drawn on, small. */
export const thumbnails: ReadonlyMap<string, HTMLCanvasElement> = new Map(
  METHODS.map(({ name }) => [name, make('canvas', { width: 1, height: 1, ariaHidden: 'true' })]),
);

element('methods', HTMLFieldSetElement).append(
  ...METHODS.map(({ name, title, source, year, meaning }) => {
    const chosen = name === BY_DEFAULT;
    const radio = make('input', { type: 'radio', name: 'method', value: name, defaultChecked: chosen });
    radio.setAttribute('aria-description', meaning);
    const label = make('label', { className: 'method', title: `${source}: ${meaning}` }, radio);
    label.append(thumbnails.get(name)!, make('span', { textContent: chosen ? title : `${title} (${year})` }));
    return label;
  }),
);

/** By their options' names: one field serves all methods that have the option. */
const labels = new Map<string, HTMLLabelElement>();
for (const { options } of METHODS)
  for (const [name, option] of Object.entries(options))
    if (hasField(option) && !labels.has(name)) labels.set(name, fieldOf(name, option));
element('beside-label', HTMLLabelElement).before(...labels.values());

function fieldOf(name: string, option: MethodOption): HTMLLabelElement {
  const [title, control, help] = [make('span'), controlOf(name, option), make('small')];
  const label =
    option.kind === 'flag'
      ? make('label', { className: 'check' }, control, title, help)
      : make('label', {}, title, control, help);
  label.dataset['option'] = name;
  return label;
}

function controlOf(name: string, option: MethodOption): HTMLElement {
  if (option.kind === 'choice')
    return make(
      'select',
      { name },
      ...option.choices.map(([value, text]) => {
        const chosen = value === option.default;
        return new Option(text, String(value), chosen, chosen);
      }),
    );
  if (option.kind === 'flag') return make('input', { name, type: 'checkbox' });
  if (option.kind !== 'number') throw new Error(`${name}: there is no field for names of tensors`);
  const [least, most] = option.range;
  return make('input', {
    name,
    type: 'number',
    min: String(least),
    max: String(most),
    step: String(option.step ?? (option.whole ? 1 : 'any')),
    defaultValue: String(option.default),
    inputMode: option.whole ? 'numeric' : 'decimal',
    required: true,
  });
}

export const chosenMethod = (): Method =>
  METHODS.find(({ name }) => name === textOf(form, 'method')) ?? METHODS.find(({ name }) => name === BY_DEFAULT)!;

/** The values of a method's options, as the form has them. */
export function chosenValues(method: Method = chosenMethod()): MethodValues {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(method.options)) {
    if (option.kind === 'number') values[name] = numberOf(form, name) ?? option.default;
    if (option.kind === 'choice')
      values[name] = option.choices.find(([value]) => String(value) === textOf(form, name))?.[0] ?? option.default;
  }
  for (const [name, option] of Object.entries(method.options)) {
    if (option.kind !== 'flag' || textOf(form, name) === '') continue;
    if (Object.entries(option.goesWith).every(([other, value]) => values[other] === value)) values[name] = true;
  }
  return values;
}

/** Shows the fields that the chosen method has, in its words. */
export function showMethodFields(): void {
  const { options } = chosenMethod();
  for (const [name, label] of labels) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    label.hidden = !option;
    if (!option) continue;
    label.querySelector('span')!.textContent = option.label;
    label.querySelector('small')!.textContent = `${option.help.slice(0, 1).toUpperCase()}${option.help.slice(1)}.`;
  }
}
