// What of a picture a layer still knows (Mahendran & Vedaldi 2015): node featureInversion.mjs [STEPS]
import { descend, engine, model, prepared, samples, save, sumOfSquares } from './common.mjs';

const STEPS = Number(process.argv[2] ?? 300);
const LAYER = 'relu3_3';
const SMOOTH = 0.002; // how much of the total variation counts
const [, C, H, W] = model.inputShape;
const probe = await model.probe([LAYER]);
const { tensors } = await probe.vjp(await prepared(`${samples}church.jpg`), () => ({}));
const wanted = tensors[LAYER];
const scale = sumOfSquares(wanted);

/** Of Σ (x − its right and lower neighbours)², with respect to every x. */
function addRoughness(gradient, data) {
  for (let i = 0; i < C * H * W; i++)
    for (const next of [i % W < W - 1 && i + 1, i % (H * W) < (H - 1) * W && i + W])
      if (next) {
        const apart = 2 * SMOOTH * (data[i] - data[next]);
        gradient[i] += apart;
        gradient[next] -= apart;
      }
}

const image = { data: Float32Array.from({ length: C * H * W }, (_, i) => 0.1 * Math.sin(i * i)), shape: [1, C, H, W] };
let loss = 0;
for (let step = 0; step < STEPS; step++) {
  const { gradient } = await probe.vjp(image, (F) => {
    const apart = F[LAYER].map((f, i) => f - wanted[i]);
    loss = sumOfSquares(apart) / scale;
    return { [LAYER]: apart.map((d) => (2 * d * C * H * W) / scale) };
  });
  addRoughness(gradient, image.data);
  descend(image, gradient, 0.1 * (1 - step / STEPS));
}
console.log(`‖F − F₀‖² / ‖F₀‖² = ${loss.toFixed(4)}`);
await save(image, 'featureInversion.png');
engine.dispose();
