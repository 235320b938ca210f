/**
 * How a kernel declares the tensors that it binds, and by which WGSL functions it addresses them. One declaration says
 * everything: name, element, shape, whether it is written, and whether it may be stored in half precision.
 *
 * A tensor `x` of shape `N C/4 H W` brings these functions, of which a kernel's code holds those that it calls:
 *
 *   index_x(n, b, h, w)         the number of an element in storage
 *   load_x(n, b, h, w)          the element        ·  load_x_at(i)          the same by its number
 *   store_x(n, b, h, w, value)  changes it         ·  store_x_at(i, value)
 *
 * A tensor that may be stored in half precision is accessed by these functions only.
 */

/** Where an activation or a gradient lies: from block `block` of the `blocks` that its storage has per item. */
export interface SliceOf {
  readonly block: number;
  readonly blocks: number;
}

/** Where the named tensors of a kernel lie. */
export type Slices<Name extends string> = Readonly<Record<Name, SliceOf>>;

/**
 * Half precision in memory only: what is loaded is widened, what is stored is rounded, everything between is float32.
 * By the type `f16`, which needs the feature `shader-f16`; or as pairs of halves in a `u32`, which every device has.
 * The same bytes.
 */
export type Half = 'native' | 'packed';

/** The largest half. A block that holds anything beyond is stored as no numbers, which the scores then show. */
export const LARGEST_HALF = 65504;
/** The bits, as a float32, of the smallest number that no half is nearest to; and two halves that are no numbers. */
const BEYOND_HALF = '0x477ff000u';
const NO_HALVES = '0x7e007e00u';

export interface TensorDeclaration {
  readonly kind: 'tensor';
  readonly name: string;
  /**
   * Extents, the outermost first, separated by spaces: a field of the uniform (`H`), one over a number, rounded up
   * (`W/8`), a multiple of one (`2H`), or a number. The first `/4` counts blocks of channels: those of the tensor's
   * slice, if the kernel is given one, else `BLOCKS`.
   */
  readonly shape: string;
  readonly access: 'read' | 'read_write';
  readonly element: 'vec4f' | 'vec2f' | 'vec4u' | 'f32' | 'u32';
  /** The tensor in whose slice it lies. Default: its own. */
  readonly like?: string;
  /** The fields of the uniform whose product counts its blocks. Default: as `shape` says. */
  readonly blocks?: readonly string[];
  /** May be stored in half precision. */
  readonly anyPrecision?: true;
  /** Is stored so. */
  readonly half?: Half;
}

/** A uniform beside `d`, of the struct `type`. */
export interface UniformDeclaration {
  readonly kind: 'uniform';
  readonly name: string;
  readonly type: string;
  readonly struct: string;
}

/** `external`: a frame of a video, as the host imported it. */
export interface TextureDeclaration {
  readonly kind: 'texture' | 'external';
  readonly name: string;
}

/** A texture that is written, and never read. */
export interface StorageTextureDeclaration {
  readonly kind: 'storage-texture';
  readonly name: string;
  readonly format: 'rgba8unorm' | 'bgra8unorm' | 'rgba16float' | 'rgba32float';
}

export type Declaration = TensorDeclaration | UniformDeclaration | TextureDeclaration | StorageTextureDeclaration;

type Options = Partial<Pick<TensorDeclaration, 'element' | 'like' | 'blocks' | 'anyPrecision'>>;

/** A tensor that is read. Its elements are blocks of four, `vec4f`, unless the options say otherwise. */
export const reads = (name: string, shape: string, options: Options = {}): TensorDeclaration => ({
  kind: 'tensor',
  name,
  shape,
  access: 'read',
  element: 'vec4f',
  ...options,
});

/** A tensor that is written, and may be read. */
export const writes = (name: string, shape: string, options: Options = {}): TensorDeclaration => ({
  ...reads(name, shape, options),
  access: 'read_write',
});

/** Options of activations and weights, which may be stored in half precision. */
export const ANY_PRECISION = { anyPrecision: true } as const;

interface Axis {
  /** WGSL: its extent in storage. */
  readonly extent: string;
  /** Name of the index that walks it. */
  readonly index: string;
  /** WGSL: where in storage the index begins, if not at 0. */
  readonly from?: string;
}

/** Prefix of the fields of the uniform that say where a tensor lies. */
export const sliceName = ({ name, like = name }: TensorDeclaration): string => like.toUpperCase();

export const isBlocked = ({ shape }: TensorDeclaration): boolean => shape.includes('/4');

function axesOf(tensor: TensorDeclaration, fields: ReadonlySet<string>): readonly Axis[] {
  const slice = sliceName(tensor);
  return tensor.shape.split(' ').map((token, k, tokens) => {
    const [, times, field, over] = /^(\d*)([A-Z_]*)(?:\/(\d+))?$/.exec(token)!;
    if (over === '4' && tokens.findIndex((each) => each.endsWith('/4')) === k) {
      const index = 'b';
      if (tensor.blocks) return { extent: product(tensor.blocks), index };
      if (fields.has(`${slice}_BLOCKS`)) return { extent: `d.${slice}_BLOCKS`, index, from: `d.${slice}_BLOCK` };
      return { extent: 'd.BLOCKS', index };
    }
    if (!field) return { extent: `${times}u`, index: 'lane' };
    const index = over === '8' ? 'strip' : indexOf(field);
    if (over) return { extent: `((d.${field} + ${Number(over) - 1}u) / ${over}u)`, index };
    return { extent: times ? `(${times}u * d.${field})` : `d.${field}`, index };
  });
}

const product = (fields: readonly string[]): string =>
  fields.length === 1 ? `d.${fields[0]}` : `(${fields.map((field) => `d.${field}`).join(' * ')})`;

/** `h` of `H` and of `IMAGE_H`, `strip` of `STRIPS`. */
const indexOf = (field: string): string => field.replace(/.*_/, '').toLowerCase().replace(/(.)s$/, '$1');

/** WGSL: the number of the element in row-major order. */
const numberOf = ([first, ...rest]: readonly Axis[]): string =>
  rest.reduce(
    (number, { extent, index, from }) =>
      `${number.includes(' + ') ? `(${number})` : number} * ${extent} + ${from ? `${from} + ` : ''}${index}`,
    first!.from ? `${first!.from} + ${first!.index}` : first!.index,
  );

interface Form {
  readonly type: string;
  readonly load: string;
  readonly store: string;
}

/** WGSL: `rounded`, four halves of `value` as two words, by an expression that rounds `held`, which is within range. */
const roundedBy = (halves: string): string => `
      let held = clamp(value, vec4f(-${LARGEST_HALF}.0), vec4f(${LARGEST_HALF}.0));
      let beyond = any((bitcast<vec4u>(value) & vec4u(0x7fffffffu)) >= vec4u(${BEYOND_HALF}));
      let rounded = select(${halves}, vec2u(${NO_HALVES}), beyond);`;

/** What is stored, and how element `i` of tensor `x` is loaded and `value` is stored there. */
function formOf({ name, element, half }: TensorDeclaration): Form {
  if (half === 'native') {
    return {
      type: 'vec4<f16>',
      load: `return vec4f(${name}[i]);`,
      store: `${roundedBy('bitcast<vec2u>(vec4<f16>(held))')}
      ${name}[i] = bitcast<vec4<f16>>(rounded);`,
    };
  }
  if (half === 'packed') {
    return {
      type: 'vec2u',
      load: `let stored = ${name}[i];
      return vec4f(unpack2x16float(stored.x), unpack2x16float(stored.y));`,
      store: `${roundedBy('vec2u(pack2x16float(held.xy), pack2x16float(held.zw))')}
      ${name}[i] = rounded;`,
    };
  }
  return { type: element, load: `return ${name}[i];`, store: `${name}[i] = value;` };
}

/** WGSL: the declaration of binding `index`, with the shape. */
export function declarationOf(declared: Declaration, index: number): string {
  const binding = `@group(0) @binding(${index})`;
  const { name } = declared;
  if (declared.kind === 'uniform') return `${declared.struct}\n${binding} var<uniform> ${name}: ${declared.type};`;
  if (declared.kind === 'storage-texture')
    return `${binding} var ${name}: texture_storage_2d<${declared.format}, write>;`;
  if (declared.kind !== 'tensor')
    return `${binding} var ${name}: ${declared.kind === 'external' ? 'texture_external' : 'texture_2d<f32>'};`;
  const { access, shape } = declared;
  const extents = shape.replaceAll(' ', ', ');
  return `${binding} var<storage, ${access}> ${name}: array<${formOf(declared).type}>; // [${extents}]`;
}

/** A WGSL function and its name. */
export type NamedFunction = readonly [name: string, code: string];

/** The functions of a tensor; each calls only those before it. `fields`: of the uniform. */
export function functionsOf(tensor: TensorDeclaration, fields: ReadonlySet<string>): readonly NamedFunction[] {
  const { name, element } = tensor;
  const { load, store } = formOf(tensor);
  const axes = axesOf(tensor, fields);
  const parameters = axes.map(({ index }) => `${index}: u32`).join(', ');
  const at = numberOf(axes);
  const define = (called: string, takes: string, gives: string, body: string): NamedFunction => [
    called,
    `fn ${called}(${takes})${gives} {
      ${body}
    }`,
  ];
  return [
    define(`index_${name}`, parameters, ' -> u32', `return ${at};`),
    define(`load_${name}_at`, 'i: u32', ` -> ${element}`, load),
    define(`load_${name}`, parameters, ` -> ${element}`, `let i = ${at};\n${load}`),
    define(`store_${name}_at`, `i: u32, value: ${element}`, '', store),
    define(`store_${name}`, `${parameters}, value: ${element}`, '', `let i = ${at};\n${store}`),
  ];
}
