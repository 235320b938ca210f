/** The channels of a gradient become one number per pixel. */
import { wgsl } from './wgsl';

/** How channels become one: the largest |value| (the paper), the sum of the |values|, or their sum. */
export type ChannelRule = 'max-abs' | 'sum-abs' | 'sum';

/** WGSL: `valueAt(n, at)` of the tensor `gradient`, `[N, C, H, W]`, at the pixel `at` = (w, h). */
export const valueAt = (rule: ChannelRule): string => wgsl`
fn valueAt(n: u32, at: vec2u) -> f32 {
  var value = 0.0;
  for (var c = 0u; c < d.C; c++) {
    let g = load_gradient(n, c, at.y, at.x);
#if ${rule === 'max-abs'}
    value = max(value, abs(g));
#elif ${rule === 'sum-abs'}
    value += abs(g);
#else
    value += g;
#endif
  }
  return value;
}`;
