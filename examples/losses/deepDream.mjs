// What a layer sees, exaggerated (Mordvintsev et al. 2015): ½‖F‖² grows. node deepDream.mjs [STEPS]
import { descend, engine, model, prepared, samples, save } from './common.mjs';

const STEPS = Number(process.argv[2] ?? 100);
const LAYER = 'relu4_2';
const [, C, H, W] = model.inputShape;
const probe = await model.probe([LAYER]);
const image = await prepared(`${samples}parachute.jpg`);

/** Moves a picture in a circle, so that no place of it is favoured. */
function rolled(data, down, across) {
  const moved = new Float32Array(data.length);
  for (let c = 0; c < C; c++)
    for (let y = 0; y < H; y++)
      for (let x = 0; x < W; x++)
        moved[(c * H + ((y + down + H) % H)) * W + ((x + across + W) % W)] = data[(c * H + y) * W + x];
  return moved;
}

for (let step = 0; step < STEPS; step++) {
  const [down, across] = [(step * 7) % 32, (step * 11) % 32];
  image.data = rolled(image.data, down, across);
  const { gradient } = await probe.vjp(image, (F) => ({ [LAYER]: F[LAYER].map((f) => -f) }));
  descend(image, gradient, 0.02);
  image.data = rolled(image.data, -down, -across);
}
await save(image, 'deepDream.png');
engine.dispose();
