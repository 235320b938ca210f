// Does a concept raise a score (TCAV, Kim et al. 2018), and where does a picture show it? node tcav.mjs
import { readImage } from 'gradlens/node';
import { renderMap } from 'gradlens';
import sharp from 'sharp';
import { engine, model, samples } from './common.mjs';

const LAYER = 'relu4_1';
const [, C, H, W] = model.inputShape;
const probe = await model.probe([LAYER]);

/** Pictures of a pattern, k = 0, 1, …: dots on a grid, or the plain grey that they lie on. */
const pattern = (k, dots) => ({
  shape: [1, C, H, W],
  data: Float32Array.from({ length: C * H * W }, (_, i) => {
    const [x, y] = [i % W, Math.floor(i / W) % H];
    const side = 8 + 2 * k;
    return dots && Math.hypot((x % side) - side / 2, (y % side) - side / 2) < side / 3 ? -1 : 0.1 * k;
  }),
});
const mean = async (dots) => {
  const all = [];
  for (let k = 0; k < 6; k++) all.push((await probe.vjp(pattern(k, dots), () => ({}))).tensors[LAYER]);
  return all[0].map((_, i) => all.reduce((sum, F) => sum + F[i], 0) / all.length);
};
const [withDots, without] = [await mean(true), await mean(false)];
const concept = withDots.map((f, i) => f - without[i]); // the direction from without to with

for (const name of ['church', 'golf ball', 'parachute']) {
  const picture = await readImage(`${samples}${name.replace(' ', '-')}.jpg`);
  const { gradient } = await model.layerGradient(picture, { tensor: LAYER, class: model.labels.indexOf(name) });
  const slope = gradient.reduce((sum, g, i) => sum + g * concept[i], 0); // ∇h(F) · v
  console.log(`${name}: the score changes by ${slope.toFixed(3)} per unit of dots`);
}
const golfBall = await readImage(`${samples}golf-ball.jpg`);
const { gradient: where } = await probe.vjp(golfBall, () => ({ [LAYER]: concept }));
const data = where.slice(0, H * W).map((_, i) => Math.hypot(...[0, 1, 2].map((c) => where[c * H * W + i])));
const map = renderMap({ data, width: W, height: H, signed: false });
await sharp(map.data, { raw: { width: W, height: H, channels: 4 } }).toFile('tcav.png');
engine.dispose();
