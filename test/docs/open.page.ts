/** The prelude's own part in a page. */
import { Engine } from 'gradlens';

export async function open(): Promise<object> {
  const bitmap = await createImageBitmap(await (await fetch('ladybug.jpg')).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
  context.drawImage(bitmap, 0, 0);
  return {
    engine: await Engine.create(),
    picture: context.getImageData(0, 0, bitmap.width, bitmap.height),
    newDevice: await (await navigator.gpu.requestAdapter())!.requestDevice(),
  };
}
