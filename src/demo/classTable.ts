/** The best classes, with a radio button each. */
import type { Classification } from '../index';

/** Rebuilt for a new picture only: choosing a class must not take the focus away. */
export function showClasses(body: HTMLTableSectionElement, classes: readonly Classification[], chosen: number): void {
  body.replaceChildren(...classes.map(({ index, label, score, probability }) => {
    const radio = Object.assign(document.createElement('input'), { type: 'radio', name: 'class', value: String(index), checked: index === chosen });
    const name = document.createElement('label');
    name.append(radio, label);
    const first = document.createElement('td');
    first.append(name);
    const row = document.createElement('tr');
    row.append(first, cell(score.toFixed(2).replace('-', '−')), cell(probability >= 0.0005 ? `${(probability * 100).toFixed(1)} %` : '< 0.1 %'));
    row.style.setProperty('--share', probability.toFixed(4)); // a bar behind the row
    return row;
  }));
}

function cell(text: string): HTMLTableCellElement {
  return Object.assign(document.createElement('td'), { textContent: text });
}
