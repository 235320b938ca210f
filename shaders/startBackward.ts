/** Where the backward pass begins: the gradient of the chosen score with respect to the tensor that holds it. */
import { type BackwardEpilogue, CHANNELS, RULE, gradientOf } from './epilogue';
import { type Kernel, eachPixel, kernel } from './kernel';
import { HEADS, WHOLE_PLANE } from './targets';
import { reads } from './tensor';
import { wgsl } from './wgsl';

export interface StartDims {
  readonly N: number;
  /** Channels (classes) and the plane, 1×1 for class scores. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
}

/**
 *   dX[n, c, h, w] = [(c,h,w) is the target of n]            of the score
 *                  = p_target · ([c is the target] − p_c)    of the probability p = soft-max(x)
 *                  = [c is the target] · p_c · (1 − p_c)     of the probability p = sigmoid(x)
 *
 * where 1 − p_target is summed from the other classes, or computed from exp(−|x|), so that its digits are there however
 * near p_target is to 1.
 *
 * `target` holds (channel, y, x, –) per item. Which of the three is a field of the rule's uniform, one of
 * {@link HEADS}.
 */
export function startBackward(d: StartDims, epilogue: BackwardEpilogue): Kernel {
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'startBackward',
    dims: { ...d, ...gradient.dims },
    tensors: [
      reads('x', 'N C/4 H W'),
      reads('targets', 'N', { element: 'vec4u' }),
      ...gradient.tensors,
      RULE, // for its field `probability`
    ],
    functions: gradient.functions + CHANNELS,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
let chosen = load_targets(n);
let here = (chosen.y == h || chosen.y == ${WHOLE_PLANE}u) && (chosen.z == w || chosen.z == ${WHOLE_PLANE}u);
let channels = channelsOf(b);
var value = select(vec4f(), vec4f(1.0), (channels == vec4u(chosen.x)) & vec4<bool>(here));

if (rule.probability == ${HEADS.indexOf('sigmoid')}u) {
  let e = exp(-abs(load_x(n, b, h, w)));
  value *= e / ((1.0 + e) * (1.0 + e));
}
if (rule.probability == ${HEADS.indexOf('softmax')}u) {
  let scores = index_x(n, 0u, 0u, 0u);
  var largest = x[scores].x;
  for (var c = 0u; c < d.C; c++) { largest = max(largest, x[scores + c / 4u][c % 4u]); }
  var others = 0.0;
  for (var c = 0u; c < d.C; c++) {
    if (c != chosen.x) { others += exp(x[scores + c / 4u][c % 4u] - largest); }
  }
  let own = exp(x[scores + chosen.x / 4u][chosen.x % 4u] - largest);
  let sum = own + others;
  let p = exp(x[scores + b] - vec4f(largest)) / sum;
  let factor = select(-p, vec4f(others / sum), channels == vec4u(chosen.x));
  value = select(vec4f(), own / sum * factor, channels < vec4u(d.C));
}

storeGradient(n, b, h, w, value);`,
  });
}
