// How different two pictures look, in the form of LPIPS (Zhang et al. 2018), and where: node lpips.mjs
import { renderMap } from 'gradlens';
import sharp from 'sharp';
import { engine, model, prepared, samples } from './common.mjs';

const LAYERS = ['relu1', 'relu2_3', 'relu3_3', 'relu4_3'];
const probe = await model.probe(LAYERS);
const [, , H, W] = model.inputShape;

/** Σ_p ‖f/‖f‖ − g/‖g‖‖² / P over the places p of a layer, and its gradient with respect to F. No learned weights. */
function distance(F, G, C, P = F.length / C) {
  const seed = new Float32Array(F.length);
  const norm = (v, p) => Math.hypot(1e-5, ...Array.from({ length: C }, (_, c) => v[c * P + p]));
  let sum = 0;
  for (let p = 0; p < P; p++) {
    const [f, g] = [norm(F, p), norm(G, p)];
    const apart = Array.from({ length: C }, (_, c) => F[c * P + p] / f - G[c * P + p] / g);
    const along = apart.reduce((total, d, c) => total + (d * F[c * P + p]) / f, 0);
    sum += apart.reduce((total, d) => total + d * d, 0) / P;
    for (let c = 0; c < C; c++) seed[c * P + p] = (2 / (P * f)) * (apart[c] - (along * F[c * P + p]) / f);
  }
  return { sum, seed };
}

const reference = await prepared(`${samples}church.jpg`);
const { tensors } = await probe.vjp(reference, () => ({}));
const changed = await sharp(`${samples}church.jpg`).jpeg({ quality: 8 }).toBuffer();
const found = {};
const { gradient } = await probe.vjp(await prepared(changed), (F) => {
  for (const { name, C } of probe.tensors) found[name] = distance(F[name], tensors[name], C);
  return Object.fromEntries(LAYERS.map((name) => [name, found[name].seed]));
});
console.log(LAYERS.map((name) => `${name}: ${found[name].sum.toFixed(4)}`).join(', '));
const data = gradient.slice(0, H * W).map((_, i) => Math.hypot(...[0, 1, 2].map((c) => gradient[c * H * W + i])));
const picture = renderMap({ data, width: W, height: H, signed: false }, { colours: 'viridis' });
await sharp(picture.data, { raw: { width: W, height: H, channels: 4 } }).toFile('lpips.png');
engine.dispose();
