import { Engine, mapBy, renderMap } from 'gradlens';
import net from 'gradlens/weights/imagenette-128-robust';
import church from './church.jpg';

const picture = await (await fetch(church)).blob();
const engine = await Engine.create();
const model = await engine.load(net); // the bundler follows both of its files
const map = await mapBy('smoothgrad', model, picture, { class: 'top1', samples: 4 });
const { data, width, height } = renderMap(map, { width: 480, height: 360 });
const image = new ImageData(data, width, height);
document.querySelector('canvas')!.getContext('2d')!.putImageData(image, 0, 0);
document.querySelector('output')!.value = model.labelOf(map.class);
engine.dispose();
