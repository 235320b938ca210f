/** A figure as a file: SVG, or PNG by drawing the same. Loaded when a figure is asked for. */
import { withText } from '../../image/png';
import { type Figure, figureSvg } from '../../image/figure';

/** Pixels of the PNG for each of the drawing's units: sharp on dense screens, too. */
const DENSITY = 1.5;

export const svgOf = (figure: Figure): Blob => new Blob([figureSvg(figure)], { type: 'image/svg+xml' });

/** `texts`: what the file carries beside its pixels. */
export async function pngOf(figure: Figure, texts: Readonly<Record<string, string>>): Promise<Blob> {
  const address = URL.createObjectURL(svgOf(figure));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(image.naturalWidth * DENSITY);
    canvas.height = Math.round(image.naturalHeight * DENSITY);
    canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!png) throw new Error('the figure could not be drawn');
    return new Blob([withText(new Uint8Array(await png.arrayBuffer()), texts)], { type: 'image/png' });
  } finally {
    URL.revokeObjectURL(address);
  }
}
