// Content of one picture, style of another (Gatys et al. 2016): node gatys.mjs [STEPS]
import { descend, engine, model, prepared, samples, save, sumOfSquares } from './common.mjs';

const STEPS = Number(process.argv[2] ?? 200);
const [CONTENT, ...STYLE] = ['relu3_2', 'relu1', 'relu2_1', 'relu2_3', 'relu3_3'];
const probe = await model.probe([...STYLE, CONTENT]);

/** How alike two channels are, over all places: Σ_p F[i,p]·F[j,p] / (C·P). */
function gram(F, C, P = F.length / C) {
  const G = new Float32Array(C * C);
  for (let i = 0; i < C; i++)
    for (let j = 0; j < C; j++) for (let p = 0; p < P; p++) G[i * C + j] += (F[i * P + p] * F[j * P + p]) / (C * P);
  return G;
}

/** ∂/∂F of ‖G − A‖² / ‖A‖². */
function styleSeed(F, C, A, P = F.length / C) {
  const scale = 4 / (C * P * sumOfSquares(A));
  const D = gram(F, C).map((g, k) => scale * (g - A[k]));
  const seed = new Float32Array(F.length);
  for (let i = 0; i < C; i++)
    for (let j = 0; j < C; j++) for (let p = 0; p < P; p++) seed[i * P + p] += D[i * C + j] * F[j * P + p];
  return seed;
}

const channels = Object.fromEntries(probe.tensors.map(({ name, C }) => [name, C]));
const image = await prepared(`${samples}church.jpg`);
const { tensors: content } = await probe.vjp(image, () => ({}));
const { tensors: style } = await probe.vjp(await prepared(`${samples}golf-ball.jpg`), () => ({}));
const weight = 0.2 / sumOfSquares(content[CONTENT]);
const grams = STYLE.map((name) => gram(style[name], channels[name]));
for (let step = 0; step < STEPS; step++) {
  const { gradient } = await probe.vjp(image, (F) => ({
    ...Object.fromEntries(STYLE.map((name, k) => [name, styleSeed(F[name], channels[name], grams[k])])),
    [CONTENT]: F[CONTENT].map((f, i) => weight * (f - content[CONTENT][i])),
  }));
  descend(image, gradient, 0.05 * (1 - step / STEPS));
}
await save(image, 'gatys.png');
engine.dispose();
