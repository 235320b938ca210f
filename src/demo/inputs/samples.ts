/// <reference types="vite/client" />
/** The pictures that come with the page: whatever lies in samples/, each called after the class that it shows. */
export interface Sample {
  /** The file's name without its ending, as in the address bar: `school-bus`. */
  readonly name: string;
  /** The class, for people: `school bus`. */
  readonly label: string;
  /** Where it lies in a checkout: `samples/school-bus.jpg`. */
  readonly file: string;
  readonly address: string;
  /** Of a small copy. */
  readonly thumbnail: string;
}

const UP = '../../../';
/** Those of the default net's classes, and those of the ten-class nets'. */
const files = import.meta.glob<string>(['../../../samples/*.jpg', '../../../samples/imagenette/*.jpg'], {
  query: '?url',
  import: 'default',
  eager: true,
});

/** Those that are seen first come with the code; the others when they are seen. */
const thumbnails: Readonly<Record<string, string>> = {
  ...import.meta.glob<string>('../../../samples/thumbnails/*.webp', { query: '?url', import: 'default', eager: true }),
  ...import.meta.glob<string>('../../../samples/thumbnails/imagenette/*.webp', {
    query: '?no-inline',
    import: 'default',
    eager: true,
  }),
};

export const samples: readonly Sample[] = Object.entries(files).map(([path, address]) => {
  const name = path.replace(/^.*\//, '').replace(/\.jpg$/, '');
  return {
    name,
    label: name.replaceAll('-', ' '),
    file: path.slice(UP.length),
    address,
    thumbnail: thumbnails[path.replace('/samples/', '/samples/thumbnails/').replace(/jpg$/, 'webp')] ?? address,
  };
});

/** What the page opens with: an easy one. */
export const firstSample = samples.find(({ name }) => name === 'school-bus') ?? samples[0];

/** Those whose class a net has, by its labels; all, where it has none of them. */
export function samplesOf(labels: readonly string[]): readonly Sample[] {
  const known = new Set(labels.map((label) => label.toLowerCase()));
  const own = samples.filter(({ label }) => known.has(label));
  return own.length > 0 ? own : samples;
}

/** Those for the net that the page opens with, before its labels are there. */
export const firstSamples = samples.filter(({ file }) => !file.includes('/imagenette/'));
