// All of gradlens: the engine and the drawing.
import { Engine, renderMap, saliency } from 'gradlens';
import net from 'gradlens/weights/imagenette-128-robust';

const model = Engine.create().then((engine) => engine.load(net));

onmessage = async ({ data: { canvas, picture } }) => {
  const { width, height } = canvas;
  const map = await saliency(await model, picture, { class: 'top1' });
  const { data } = renderMap(map, { width, height });
  canvas.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0);
  postMessage((await model).labelOf(map.class));
};
