/// <reference types="vite/client" />
/** The pictures that come with the page: whatever lies in samples/. */
export interface Sample {
  /** The file's name without its ending, as in the address bar: `golf-ball`. */
  readonly name: string;
  /** For people: `golf ball`. */
  readonly label: string;
  readonly address: string;
  /** Of a small copy. */
  readonly thumbnail: string;
}

const files = import.meta.glob<string>('../../../samples/*.jpg', { query: '?url', import: 'default', eager: true });

const thumbnails = import.meta.glob<string>('../../../samples/thumbnails/*.webp', {
  query: '?url',
  import: 'default',
  eager: true,
});

export const samples: readonly Sample[] = Object.entries(files).map(([path, address]) => {
  const name = path.replace(/^.*\//, '').replace(/\.jpg$/, '');
  return {
    name,
    label: name.replaceAll('-', ' '),
    address,
    thumbnail: thumbnails[`../../../samples/thumbnails/${name}.webp`] ?? address,
  };
});

/** What the page opens with: an easy one. */
export const firstSample = samples.find(({ name }) => name === 'golf-ball') ?? samples[0];
