/**
 * A kernel is data: WGSL, the values of its uniform, and its grid. The code holds only what shapes the code (tile
 * sizes, epilogues); extents travel in the uniform `d`, so that one pipeline serves every layer of its kind, and so
 * that no driver unrolls a loop over them.
 */
export interface Kernel {
  /** Stem of the kernel, e.g. `maxPoolBackward`. */
  readonly name: string;
  readonly code: string;
  /** Fields of the uniform `d`, in order; negative numbers wrap as u32 does. */
  readonly dims: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Multiply-adds count two. 0 for kernels that only move data. */
  readonly flops: number;
}

/**
 * Activations are stored as `[N, C/4, H, W]` of `vec4f` ("blocks" of four channels; lanes past C are zero). A *strip*
 * is eight neighbouring pixels of one row in one block: what one invocation of the convolution owns, and what one word
 * of ReLU bits covers.
 */
export const STRIP = 8;

/**
 * Extents of a window that slides over `H×W` to `P×Q`; `X_BLOCK` of `X_BLOCKS` says where in its storage a tensor
 * begins.
 */
export interface WindowDims {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly P: number;
  readonly Q: number;
  readonly R: number;
  readonly S: number;
  readonly STRIDE_Y: number;
  readonly STRIDE_X: number;
  readonly PAD_TOP: number;
  readonly PAD_LEFT: number;
  readonly DILATION_Y: number;
  readonly DILATION_X: number;
  readonly X_BLOCK: number;
  readonly X_BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/** Blocks of four that hold `channels`. */
export const blocksOf = (channels: number): number => Math.ceil(channels / 4);

/** Strips that cover a row of `width` pixels. */
export const stripsOf = (width: number): number => Math.ceil(width / STRIP);

/** `count` snippets, one a line. */
export const lines = (count: number, snippet: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => snippet(k)).join('\n');

/** A number that travels in the uniform as the bits of an f32; the shader takes it by `bitcast<f32>`. */
export const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;

/** The declaration of the uniform `d`; always binding 0. */
export function uniform(dims: Readonly<Record<string, number>>): string {
  return `struct Dims { ${Object.keys(dims)
    .map((name) => `${name}: u32`)
    .join(', ')} }
@group(0) @binding(0) var<uniform> d: Dims;`;
}

export const WORKGROUP = 64;

/** Workgroups that cover `x` invocations with groups of {@link WORKGROUP}, for each of `y` × `z`. */
export function grid(x: number, y: number, z: number): readonly [number, number, number] {
  return [Math.ceil(x / WORKGROUP), y, z];
}

/** A binding as the WGSL declares it. */
export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly type: 'uniform' | 'read-only-storage' | 'storage' | 'texture';
}

/** The bindings of a kernel, read out of its WGSL, which is their only declaration. */
export function bindingsOf(kernel: Kernel): Binding[] {
  const declaration =
    /@group\(0\)\s*@binding\((\d+)\)\s*var(?:<(uniform|storage,\s*read|storage,\s*read_write)>)?\s*(\w+)\s*:/g;
  return [...kernel.code.matchAll(declaration)].map(([, index, space, name]) => ({
    index: Number(index),
    name: name!,
    type:
      space === undefined
        ? 'texture'
        : space === 'uniform'
          ? 'uniform'
          : space.endsWith('read_write')
            ? 'storage'
            : 'read-only-storage',
  }));
}
