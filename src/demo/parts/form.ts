/**
 * Forms as what they are: named choices with defaults. A tab's form is at once its controls, what the address says of
 * it, and the parameters that its results carry.
 */
type Control = HTMLInputElement | HTMLSelectElement;

function controlsOf(form: HTMLFormElement): Control[] {
  return [...form.elements].filter(
    (control): control is Control =>
      (control instanceof HTMLInputElement || control instanceof HTMLSelectElement) && control.name !== '',
  );
}

function valueOf(control: Control): string {
  return control instanceof HTMLInputElement && control.type === 'checkbox'
    ? control.checked
      ? 'yes'
      : ''
    : control.value;
}

function defaultOf(control: Control): string {
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

/** Sets the fields that are named. A value that a control does not take leaves its default. */
export function choose(form: HTMLFormElement, fields: URLSearchParams | ReadonlyMap<string, string>): void {
  for (const control of controlsOf(form)) {
    const wanted = fields.get(control.name);
    if (wanted === null || wanted === undefined) continue;
    const before = valueOf(control);
    if (control instanceof HTMLInputElement && control.type === 'checkbox') control.checked = wanted === 'yes';
    else control.value = wanted;
    if (control instanceof HTMLSelectElement ? control.selectedIndex < 0 : !control.validity.valid)
      control.value = before;
  }
  showRanges(form);
}

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
    if (output) output.textContent = range.value;
  }
}

/** A field's number; undefined where it is empty. */
export function numberOf(form: HTMLFormElement, name: string): number | undefined {
  const { value } = form.elements.namedItem(name) as Control;
  return value === '' ? undefined : Number(value);
}

export function textOf(form: HTMLFormElement, name: string): string {
  return valueOf(form.elements.namedItem(name) as Control);
}
