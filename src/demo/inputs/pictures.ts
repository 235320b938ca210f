/**
 * Pictures and network files from wherever a visitor has them: a file dialog, a drop, the clipboard, an address.
 * Nothing is sent anywhere.
 */
import { GradlensError } from '../../index';
import { call } from '../worker/remote';

export interface Picture {
  readonly name: string;
  /** The sample's name, if it is one. */
  readonly sample?: string | undefined;
  /** Where it was fetched from, if it was. */
  readonly from?: string | undefined;
  /** The number by which the visitor's own picture is kept; see {@link ownPicture}. */
  readonly own?: number | undefined;
  /** For an <img>. An object URL is to be revoked when the picture goes. */
  readonly address: string;
  readonly file: Blob;
  /** Decoded once, in the worker, which knows it by this number. */
  readonly id: number;
  readonly width: number;
  readonly height: number;
}

type Origin = Pick<Picture, 'sample' | 'from' | 'own'> & { readonly address?: string };

/** @throws GradlensError `model-format`: the file is no picture that this browser can decode. */
export async function readPicture(file: Blob, name: string, origin: Origin = {}): Promise<Picture> {
  const decoded = await call('decode', file).catch((cause: unknown) => {
    if (cause instanceof GradlensError && cause.code === 'model-format' && cause.detail['width'] === undefined) {
      // else it is one, and too large
      throw new GradlensError(
        'model-format',
        `${name} cannot be decoded as a picture. JPEG, PNG, WebP, AVIF and GIF files can.`,
        {},
        { cause },
      );
    }
    throw cause;
  });
  const isOwn = origin.sample === undefined && origin.from === undefined;
  const own = isOwn ? { own: origin.own ?? remember({ file, name }) } : {};
  return { name, file, ...origin, ...own, ...decoded, address: origin.address ?? URL.createObjectURL(file) };
}

/** The visitor's own pictures, which no address can carry, for the way back to them. */
const owned = new Map<number, { readonly file: Blob; readonly name: string }>();
let lastOwn = 0;
const MOST_OWNED = 8;

function remember(picture: { readonly file: Blob; readonly name: string }): number {
  owned.set(++lastOwn, picture);
  owned.delete(lastOwn - MOST_OWNED);
  return lastOwn;
}

export const ownPicture = (number: number): { readonly file: Blob; readonly name: string } | undefined =>
  owned.get(number);

export function forget({ id, address }: Picture): void {
  void call('forget', id);
  if (address.startsWith('blob:')) URL.revokeObjectURL(address);
}

/** @throws GradlensError `network`, with what can be done */
export async function fetchPicture(address: string, signal: AbortSignal): Promise<Blob> {
  let response: Response;
  try {
    response = await fetch(address, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    const { origin, host } = new URL(address, document.baseURI);
    const reason =
      origin === location.origin
        ? 'is the server still there?'
        : `${host} cannot be reached, or does not allow other pages to read its pictures. ` +
          'Save the picture and open the file instead.';
    throw new GradlensError('network', `The picture cannot be fetched: ${reason}`, {}, { cause });
  }
  if (!response.ok)
    throw new GradlensError('network', `The picture cannot be fetched: the server answered ${response.status}.`);
  return response.blob();
}

const isNetworkFile = ({ name }: File): boolean => /\.(onnx|json|safetensors|data)$/i.test(name);

/** Of the files that were chosen those of a network: if there is one, all but pictures, since weights have any name. */
export const networkFilesOf = (files: readonly File[]): readonly File[] =>
  files.some(isNetworkFile) ? files.filter(({ type }) => !type.startsWith('image/')) : [];

/** Calls `open` with files that are chosen, dropped or pasted, and `refuse` with a sentence where there are none. */
export function listenForFiles(
  input: HTMLInputElement,
  open: (files: readonly File[]) => void,
  refuse: (message: string) => void,
): void {
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = ''; // or choosing the same file again would change nothing
    if (files.length > 0) open(files);
  });

  const dragging = (on: boolean): void => void document.body.toggleAttribute('data-dragging', on);
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    dragging(true);
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) dragging(false); // it left the window, not just an element
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    dragging(false);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) open(files);
    else refuse('What was dropped is not a file. Save the picture first, and drop the file.');
  });

  document.addEventListener('paste', (event) => {
    if (event.target instanceof HTMLInputElement) return; // text, into a field
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) open(files);
    else refuse('The clipboard holds no picture. Copy the picture itself, not its address.');
  });
}
