/** Pictures and model files from wherever a visitor has them: a file dialog, a drop, the clipboard. Nothing is sent anywhere. */
import { GradlensError } from '../index';
import { type Pixels, toPixels } from '../image/pixels';

export interface Picture {
  readonly name: string;
  /** The sample's name, if it is one. */
  readonly sample?: string | undefined;
  /** For an <img>. An object URL is to be revoked when the picture goes. */
  readonly address: string;
  /** Decoded once, as the engine sees it. */
  readonly pixels: Pixels;
}

/** @throws GradlensError `model-format`: the file is no picture that this browser can decode. */
export async function readPicture(file: Blob, name: string, sample?: { name: string; address: string }): Promise<Picture> {
  let pixels: Pixels;
  try {
    pixels = await toPixels(file);
  } catch (cause) {
    throw new GradlensError('model-format', `${name} cannot be decoded as a picture. JPEG, PNG, WebP, AVIF and GIF files can.`, {}, { cause });
  }
  return { name, sample: sample?.name, pixels, address: sample?.address ?? URL.createObjectURL(file) };
}

/** @throws GradlensError `network` */
export async function fetchPicture(address: string, signal: AbortSignal): Promise<Blob> {
  let response: Response;
  try {
    response = await fetch(address, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new GradlensError('network', 'The sample picture cannot be fetched: is the server still there?', {}, { cause });
  }
  if (!response.ok) throw new GradlensError('network', `The sample picture cannot be fetched: the server answered ${response.status}.`);
  return response.blob();
}

export const isModelFile = ({ name }: File): boolean => /\.(onnx|json|safetensors)$/i.test(name);

/** Calls `open` with files that are chosen, dropped or pasted, and `refuse` with a sentence where there are none. */
export function listenForFiles(input: HTMLInputElement, open: (files: readonly File[]) => void, refuse: (message: string) => void): void {
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
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) open(files);
    else refuse('The clipboard holds no picture. Copy the picture itself, not its address.');
  });
}
