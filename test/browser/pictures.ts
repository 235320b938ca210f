/** Files decoded in a page, for test/browser/pictures.test.ts: bytes go in and out as base64. */
import { GradlensError } from '../../src/errors';
import { toPixels } from '../../src/image/pixels';

export type Decoded =
  | { readonly width: number; readonly height: number; readonly data: string }
  | { readonly code: string; readonly message: string };

declare global {
  interface Window {
    decode(base64: string): Promise<Decoded>;
  }
}

window.decode = async (base64) => {
  try {
    const { width, height, data } = await toPixels(
      new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]),
    );
    return { width, height, data: btoa(Array.from(data, (value) => String.fromCharCode(value)).join('')) };
  } catch (error) {
    return error instanceof GradlensError
      ? { code: error.code, message: error.message }
      : { code: 'unknown', message: String(error) };
  }
};
