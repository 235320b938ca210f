/** Where the backward pass begins: the gradient of the chosen score with respect to the tensor that holds it. */
import { type BackwardEpilogue, RULE, giveFunction } from './epilogue';
import { type Kernel, grid, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface StartDims {
  readonly N: number;
  /** Channels (classes) and the plane, 1×1 for class scores. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
}

/** A `y` or `x` that stands for the whole plane. */
export const WHOLE_PLANE = 0xffffffff;

/**
 *   dX[n, c, h, w] = [(c,h,w) is the target of n]            of the score
 *                  = p_target · ([c is the target] − p_c)    of the probability p = soft-max(x)
 *
 * where 1 − p_target is summed from the other classes, so that its digits are there however near p_target is to 1.
 *
 * `target` holds (channel, y, x, –) per item. Which of the two is a field of the rule's uniform.
 */
export function startBackward(d: StartDims, epilogue: BackwardEpilogue): Kernel {
  return {
    name: 'startBackward',
    dims: { ...d },
    flops: 0,
    workgroups: grid(d.H * d.W, d.BLOCKS, d.N),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;        // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> targets: array<vec4u>;  // [N]
${giveFunction(3, epilogue)}
#if ${epilogue.gate === 'none'}
${RULE}
@group(0) @binding(5) var<uniform> rule: Rule;
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let n = id.z;
  let h = id.x / d.W;
  let w = id.x % d.W;
  let neuron = targets[n];
  let here = (neuron.y == h || neuron.y == ${WHOLE_PLANE}u) && (neuron.z == w || neuron.z == ${WHOLE_PLANE}u);
  let channel = vec4u(id.y * 4u) + vec4u(0u, 1u, 2u, 3u);
  var value = select(vec4f(), vec4f(1.0), (channel == vec4u(neuron.x)) & vec4<bool>(here));

  if (rule.probability != 0u) {
    let scores = n * d.BLOCKS;
    var largest = x[scores].x;
    for (var c = 0u; c < d.C; c++) { largest = max(largest, x[scores + c / 4u][c % 4u]); }
    var others = 0.0;
    for (var c = 0u; c < d.C; c++) {
      if (c != neuron.x) { others += exp(x[scores + c / 4u][c % 4u] - largest); }
    }
    let own = exp(x[scores + neuron.x / 4u][neuron.x % 4u] - largest);
    let sum = own + others;
    let p = exp(x[scores + id.y] - vec4f(largest)) / sum;
    let factor = select(-p, vec4f(others / sum), channel == vec4u(neuron.x));
    value = select(vec4f(), own / sum * factor, channel < vec4u(d.C));
  }

  give(n * d.BLOCKS + id.y, h, w, value);
}`,
  };
}
