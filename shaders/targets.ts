/** What a gradient begins with: words that the kernels and those who fill their uniforms share. */

/** A `y` or `x` that stands for the whole plane. */
export const WHOLE_PLANE = 0xffffffff;

/** What the score goes through before it is differentiated; their places are the numbers of the uniform. */
export const HEADS = ['logit', 'softmax', 'sigmoid'] as const;
