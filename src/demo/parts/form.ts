/**
 * Forms as what they are: named choices with defaults. A tab's form is at once its controls, what the address says of
 * it, and the parameters that its results carry.
 */
type Control = HTMLInputElement | HTMLSelectElement;

/** Of radio buttons only the one that is chosen stands for its name. */
function controlsOf(form: HTMLFormElement): Control[] {
  return [...form.elements].filter(
    (control): control is Control =>
      (control instanceof HTMLInputElement || control instanceof HTMLSelectElement) &&
      control.name !== '' &&
      !(control.type === 'radio' && control instanceof HTMLInputElement && !control.checked),
  );
}

const radiosOf = ({ form, name }: Control): HTMLInputElement[] =>
  [...form!.elements].filter(
    (other): other is HTMLInputElement =>
      other instanceof HTMLInputElement && other.type === 'radio' && other.name === name,
  );

function valueOf(control: Control): string {
  return control instanceof HTMLInputElement && control.type === 'checkbox'
    ? control.checked
      ? 'yes'
      : ''
    : control.value;
}

function defaultOf(control: Control): string {
  if (control.type === 'radio') return radiosOf(control).find(({ defaultChecked }) => defaultChecked)?.value ?? '';
  if (control instanceof HTMLInputElement)
    return control.type === 'checkbox' ? (control.defaultChecked ? 'yes' : '') : control.defaultValue;
  return ([...control.options].find(({ defaultSelected }) => defaultSelected) ?? control.options[0])?.value ?? '';
}

/** What differs from its default, by name. */
export function choicesOf(form: HTMLFormElement): [name: string, value: string][] {
  return controlsOf(form)
    .filter((control) => valueOf(control) !== defaultOf(control))
    .map((control) => [control.name, valueOf(control)]);
}

/** Sets the fields that are named; the names of those that do not take their value, and keep their default. */
export function choose(form: HTMLFormElement, fields: URLSearchParams | ReadonlyMap<string, string>): string[] {
  const refused: string[] = [];
  for (const control of controlsOf(form)) {
    const wanted = fields.get(control.name);
    if (wanted === null || wanted === undefined) continue;
    if (!takes(control, wanted)) refused.push(control.name);
  }
  showRanges(form);
  return refused;
}

function takes(control: Control, wanted: string): boolean {
  if (control.type === 'radio') {
    const radio = radiosOf(control).find(({ value }) => value === wanted);
    if (radio) radio.checked = true;
    return radio !== undefined;
  }
  const before = valueOf(control);
  if (control instanceof HTMLInputElement && control.type === 'checkbox') control.checked = wanted === 'yes';
  else control.value = wanted;
  const taken = control instanceof HTMLSelectElement ? control.selectedIndex >= 0 : control.validity.valid;
  // a slider takes the next value that it has
  const same = control.type !== 'range' || Math.abs(Number(control.value) - Number(wanted)) < 1e-6;
  if (!taken) control.value = before;
  return taken && same;
}

/** The names of a form's fields. */
export const namesOf = (form: HTMLFormElement): string[] => controlsOf(form).map(({ name }) => name);

/** New defaults, as a recipe has them; the fields take them. */
export function setDefaults(form: HTMLFormElement, values: Readonly<Record<string, number | boolean>>): void {
  for (const control of controlsOf(form)) {
    const value = values[control.name];
    if (value === undefined || !(control instanceof HTMLInputElement)) continue;
    if (typeof value === 'boolean') control.checked = control.defaultChecked = value;
    else control.value = control.defaultValue = String(value);
  }
  showRanges(form);
}

/** Beside each slider its value. */
export function showRanges(form: HTMLFormElement): void {
  for (const range of form.querySelectorAll<HTMLInputElement>('input[type=range]')) {
    const output = range.closest('label')?.querySelector('output:not([id])');
    if (output) output.textContent = String(Math.round(Number(range.value) * 100) / 100);
  }
}

/** A field's number; undefined where it is empty. */
export function numberOf(form: HTMLFormElement, name: string): number | undefined {
  const value = textOf(form, name);
  return value === '' ? undefined : Number(value);
}

export function textOf(form: HTMLFormElement, name: string): string {
  const found = form.elements.namedItem(name);
  return found instanceof RadioNodeList ? found.value : valueOf(found as Control);
}
