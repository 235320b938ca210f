/** Classes by what people call them, the same on the command line, on the page and in the custom element. */

/**
 * The classes that `text` may mean: the one of this number; else those of this name, capitals aside; else those with it
 * as a synonym; else those with it as a part. More than one: it is ambiguous; none: there is no such class.
 *
 * @param classes how many the network has; more than `labels` where it names none
 */
export function classesNamed(text: string, labels: readonly string[], classes: number): readonly number[] {
  const sought = text.trim().toLowerCase();
  if (/^\d+$/.test(sought)) return Number(sought) < classes ? [Number(sought)] : [];
  if (sought === '') return [];
  const fits: readonly ((label: string) => boolean)[] = [
    (label) => label === sought,
    (label) => label.split(/,\s*/).includes(sought),
    (label) => label.includes(sought),
  ];
  return (
    fits
      .map((fit) => [...labels.keys()].filter((index) => fit(labels[index]!.toLowerCase())))
      .find((found) => found.length > 0) ?? []
  );
}

/** The one class that `text` means, if there is one. */
export function classNamed(text: string, labels: readonly string[], classes: number): number | undefined {
  const [index, ...others] = classesNamed(text, labels, classes);
  return others.length === 0 ? index : undefined;
}

/** What finds a class again: its name, or where others are called so too, its number. */
export const nameFor = (index: number, labels: readonly string[]): string =>
  classNamed(labels[index] ?? '', labels, labels.length) === index ? labels[index]! : String(index);
