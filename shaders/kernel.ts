/**
 * A kernel is data: WGSL, the values of its uniform, and its grid. The code holds only what shapes the code (tile
 * sizes, epilogues); extents travel in the uniform `d`, so that one pipeline serves every layer of its kind, and so
 * that no driver unrolls a loop over them.
 */
import {
  type Declaration,
  type Half,
  type SliceOf,
  type StorageTextureDeclaration,
  type TensorDeclaration,
  type TextureDeclaration,
  declarationOf,
  functionsOf,
  isBlocked,
  sliceName,
} from './tensor';

/** A shader as data: WGSL, its extents and its grid. */
export interface Kernel {
  /** Stem of the kernel, e.g. `maxPoolBackward`. */
  readonly name: string;
  /** WGSL. */
  readonly code: string;
  /** Fields of the uniform `d`, in order; negative numbers wrap as u32 does. */
  readonly dims: Readonly<Record<string, number>>;
  /** The grid. */
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Multiply-adds count two. 0 for kernels that only move data. */
  readonly flops: number;
  /** @internal What it binds, from binding 1 on; binding 0 is `d`. */
  readonly declared: readonly Declaration[];
  /** @internal What {@link codeOf} made the code of, beside `declared` and `dims`. */
  readonly source: KernelSource;
}

export interface KernelSource {
  /** Extensions of the language that it uses. */
  readonly enable: readonly string[];
  /** WGSL that stands before `main`. */
  readonly functions: string;
  readonly shared: readonly SharedArray[];
  readonly workgroupSize: readonly number[];
  /** Parameters of `main`. */
  readonly takes: readonly Builtin[];
  /** WGSL: what `main` does. */
  readonly body: string;
  /**
   * Whether all that an invocation goes by is its number, `id`: then workgroups may have any size, and more invocations
   * than there is work for.
   */
  readonly flat: boolean;
  /**
   * Kernels of which this and the grid are equal write the same elements by the same invocations. Absent: nobody knows.
   */
  readonly owns?: string;
}

/** An array of `vec4f` that the invocations of a workgroup share. */
export interface SharedArray {
  readonly name: string;
  readonly length: number;
  /** For the reader. */
  readonly shape: string;
}

/**
 * Activations are stored as `[N, C/4, H, W]` of `vec4f` ("blocks" of four channels; lanes past C are zero). A *strip*
 * is eight neighbouring pixels of one row in one block: what one invocation of the convolution owns, and what one word
 * of ReLU bits covers.
 */
export const STRIP = 8;

/** Blocks of four that hold `channels`. */
export const blocksOf = (channels: number): number => Math.ceil(channels / 4);

/** Strips that cover a row of `width` pixels. */
export const stripsOf = (width: number): number => Math.ceil(width / STRIP);

/** `count` snippets, one a line. */
export const lines = (count: number, snippet: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => snippet(k).trim()).join('\n');

/**
 * WGSL for every index of some ranges, the last one fastest, a line each. `{j}` stands for an index, `{j+2}` for a sum:
 *
 *   unroll({ b: 1, j: 2 }, 'a{b}_{j} += k{b} * x{j+1};')    a0_0 += k0 * x1;
 *                                                           a0_1 += k0 * x2;
 */
export function unroll(ranges: Readonly<Record<string, number>>, code: string, between = '\n'): string {
  const [[name, count], ...rest] = Object.entries(ranges) as [[string, number], ...[string, number][]];
  const given = Array.from({ length: count }, (_, value) =>
    code.trim().replace(/\{([a-z]\w*(?:\+\w+)*)\}/g, (_, sum: string) => {
      const terms = sum.split('+').map((term) => (term === name ? String(value) : term));
      const numbers = terms.map(Number);
      return numbers.some(Number.isNaN) ? `{${terms.join('+')}}` : String(numbers.reduce((a, b) => a + b));
    }),
  );
  return given
    .map((each) => (rest.length === 0 ? each : unroll(Object.fromEntries(rest), each, between)))
    .join(between);
}

/** A number that travels in the uniform as the bits of an f32; the shader takes it by `bitcast<f32>`. */
export const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;

/** What a kernel is made of; {@link kernel} adds the rest. */
export type KernelParts = {
  readonly name: string;
  /** Extents and other numbers, which become fields of `d`. */
  readonly dims: Readonly<Record<string, number>>;
  /** Where tensors lie, by name: fields `X_BLOCK` and `X_BLOCKS` of `d` for a tensor `x`. Others fill their storage. */
  readonly slices?: Readonly<Record<string, SliceOf>>;
  /** What it binds, in order. Of those with one name the first counts. */
  readonly tensors: readonly (Declaration | false)[];
  readonly flops?: number;
  readonly enable?: readonly string[];
  /** WGSL that stands before `main`. */
  readonly functions?: string;
  readonly shared?: readonly SharedArray[];
  readonly owns?: string;
  /** WGSL: what `main` does. */
  readonly body: string;
} & (
  | {
      /**
       * One invocation for each of these indices, by name, each below its field of `d`. Those of `x` are folded into
       * one number; `main` begins with what names them, and returns where there is none.
       */
      readonly each: {
        readonly x: Readonly<Record<string, string>>;
        readonly y?: Readonly<Record<string, string>>;
        readonly z?: Readonly<Record<string, string>>;
      };
    }
  | {
      readonly workgroups: Kernel['workgroups'];
      readonly workgroupSize: readonly number[];
      readonly takes: readonly Builtin[];
      readonly flat?: boolean;
    }
);

const BUILTINS = {
  id: '@builtin(global_invocation_id) id: vec3u',
  group: '@builtin(workgroup_id) group: vec3u',
  own: '@builtin(local_invocation_id) own: vec3u',
  me: '@builtin(local_invocation_index) me: u32',
  /** Needs the extension `subgroups`. */
  lane: '@builtin(subgroup_invocation_id) lane: u32',
} as const;
export type Builtin = keyof typeof BUILTINS;

/** One invocation for each pixel of each block of four channels. */
export const eachPixel = (x: Readonly<Record<string, string>>) => ({ x, y: { b: 'BLOCKS' }, z: { n: 'N' } });

export const WORKGROUP = 64;

/** Along each axis of a dispatch, on every device. */
export const MOST_WORKGROUPS = 65_535;

/** Numbers the bindings, declares them with their shapes, and writes `main`. */
export function kernel(parts: KernelParts): Kernel {
  const { name, tensors, slices = {}, flops = 0, enable = [], functions = '', shared = [], owns, body } = parts;
  const declared = tensors
    .filter((each) => each !== false)
    .filter((each, k, all) => all.findIndex((other) => other.name === each.name) === k);
  const dims = { ...parts.dims, ...fieldsOf(declared, slices) };
  const {
    workgroups,
    workgroupSize,
    takes,
    begins,
    flat = false,
  } = 'each' in parts ? spread(parts.each, dims) : { ...parts, begins: '' };
  const source = {
    enable,
    functions,
    shared,
    workgroupSize,
    takes,
    body: `${begins}\n${body}`,
    flat,
    ...(owns && { owns }),
  };
  return { name, dims, workgroups, flops, declared, source, code: codeOf(source, declared, dims) };
}

/** The same kernel, which keeps the named tensors in half precision. Each must allow it. */
export function inHalf(made: Kernel, names: readonly string[], half: Half): Kernel {
  if (names.length === 0) return made;
  const declared = made.declared.map((each) => (names.includes(each.name) ? ({ ...each, half } as Declaration) : each));
  const enable = half === 'native' ? ['f16', ...made.source.enable] : made.source.enable;
  const source = { ...made.source, enable };
  return { ...made, declared, source, code: codeOf(source, declared, made.dims) };
}

/** Whether a tensor of a kernel may be stored in half precision. */
export const takesHalf = ({ declared }: Kernel, name: string): boolean =>
  declared.some((each) => each.name === name && each.kind === 'tensor' && each.anyPrecision === true);

function fieldsOf(
  declared: readonly Declaration[],
  slices: Readonly<Record<string, SliceOf>>,
): Readonly<Record<string, number>> {
  const blocked = new Set(
    declared.flatMap((each) => (each.kind === 'tensor' && isBlocked(each) ? [sliceName(each)] : [])),
  );
  return Object.fromEntries(
    Object.entries(slices)
      .filter(([name]) => blocked.has(name.toUpperCase()))
      .flatMap(([name, { block, blocks }]) => [
        [`${name.toUpperCase()}_BLOCK`, block],
        [`${name.toUpperCase()}_BLOCKS`, blocks],
      ]),
  );
}

/**
 * The grid of one invocation for each index, and the WGSL that names the indices. Where `x` takes more workgroups than
 * a dispatch may have along an axis, as the pixels of a large plane do, they lie in several rows along `y`.
 */
function spread(
  { x, y = {}, z = {} }: Extract<KernelParts, { readonly each: unknown }>['each'],
  dims: Readonly<Record<string, number>>,
) {
  const count = (indices: Readonly<Record<string, string>>): number =>
    Object.values(indices).reduce((product, extent) => product * dims[extent]!, 1);
  const groups = Math.ceil(count(x) / WORKGROUP);
  const rows = Math.ceil(groups / MOST_WORKGROUPS);
  const across = Math.ceil(groups / rows);
  const [unit, below] = rows === 1 ? ['id.x', 'id.y'] : ['unit', `id.y / ${rows}u`];
  const folded = Object.entries(x).map(([index, extent], k, all) => {
    const inner = all.slice(k + 1).map(([, extent]) => `d.${extent}`);
    const outer = inner.length === 0 ? unit : `${unit} / ${inner.length === 1 ? inner[0] : `(${inner.join(' * ')})`}`;
    return `let ${index} = ${outer}${k === 0 ? '' : ` % d.${extent}`};`;
  });
  return {
    workgroups: [across, rows * count(y), count(z)] as const,
    workgroupSize: [WORKGROUP],
    takes: ['id'] as const,
    flat: rows === 1,
    begins: [
      ...(rows === 1 ? [] : [`let unit = id.y % ${rows}u * ${across * WORKGROUP}u + id.x;`]),
      `if (${unit} >= ${Object.values(x)
        .map((extent) => `d.${extent}`)
        .join(' * ')}) { return; }`,
      ...Object.keys(z).map((index) => `let ${index} = id.z;`),
      ...Object.keys(y).map((index) => `let ${index} = ${below};`),
      ...folded,
    ].join('\n'),
  };
}

/** Workgroups that cover `x` invocations with groups of {@link WORKGROUP}, for each of `y` × `z`. */
export function grid(x: number, y: number, z: number): readonly [number, number, number] {
  return [Math.ceil(x / WORKGROUP), y, z];
}

/** WGSL: what stands before `main`, with the functions of the tensors that are called. */
export function functionsIn(
  { functions, body }: KernelSource,
  declared: readonly Declaration[],
  dims: Readonly<Record<string, number>>,
): string {
  const fields = new Set(Object.keys(dims));
  const called = declared
    .filter((each): each is TensorDeclaration => each.kind === 'tensor')
    .flatMap((tensor) => functionsOf(tensor, fields))
    .filter(([name]) => functions.includes(`${name}(`) || body.includes(`${name}(`))
    .map(([, code]) => code);
  return [...called.flatMap((code) => [code, '']), functions].join('\n');
}

/** All of the WGSL. */
function codeOf(
  source: KernelSource,
  declared: readonly Declaration[],
  dims: Readonly<Record<string, number>>,
): string {
  const { enable, shared, workgroupSize, takes, body } = source;
  return tidy(
    [
      ...enable.map((extension) => `enable ${extension};`),
      uniform(dims),
      ...declared.map((each, k) => declarationOf(each, k + 1)),
      '',
      functionsIn(source, declared, dims),
      '',
      ...shared.map(({ name, length, shape }) => `var<workgroup> ${name}: array<vec4f, ${length}>; // ${shape}`),
      '',
      `@compute @workgroup_size(${workgroupSize.join(', ')})`,
      `fn main(${takes.map((builtin) => BUILTINS[builtin]).join(', ')}) {`,
      body,
      '}',
    ].join('\n'),
  );
}

/** The declaration of the uniform `d`; always binding 0. */
function uniform(dims: Readonly<Record<string, number>>): string {
  const rows: string[][] = [[]];
  for (const name of Object.keys(dims)) {
    if ([...rows.at(-1)!, name].join(': u32, ').length > 100) rows.push([]);
    rows.at(-1)!.push(name);
  }
  return `struct Dims {
${rows.map((row) => row.map((name) => `${name}: u32,`).join(' ')).join('\n')}
}
@group(0) @binding(0) var<uniform> d: Dims;`;
}

/** Lays WGSL out: two spaces for every open bracket, and at most one empty line, none beside a bracket. */
function tidy(code: string): string {
  const out: string[] = [];
  let depth = 0;
  for (const line of code.split('\n').map((raw) => raw.trim())) {
    const last = out.at(-1) ?? '';
    if (line === '') {
      if (last !== '' && !last.endsWith('{')) out.push('');
      continue;
    }
    if (line.startsWith('}') && last === '') out.pop();
    const [read] = line.split('//') as [string];
    const opened = (read.match(/[{(]/g) ?? []).length;
    const closed = (read.match(/[})]/g) ?? []).length;
    const leading = /^[})]*/.exec(read)![0].length;
    out.push('  '.repeat(depth - leading) + line);
    depth += opened - closed;
  }
  return `${out.join('\n').trim()}\n`;
}

/** A binding as the kernel declares it. */
export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly type: 'uniform' | 'read-only-storage' | 'storage' | TextureDeclaration['kind'] | 'storage-texture';
  /** Of a texture that is written. */
  readonly format?: StorageTextureDeclaration['format'];
}

/** What a kernel binds, the uniform `d` first. */
export function bindingsOf({ declared }: Kernel): Binding[] {
  return [
    { index: 0, name: 'd', type: 'uniform' },
    ...declared.map((each, k): Binding => {
      const { kind, name } = each;
      if (kind === 'storage-texture') return { index: k + 1, name, type: kind, format: each.format };
      if (kind !== 'tensor') return { index: k + 1, name, type: kind };
      return { index: k + 1, name, type: each.access === 'read' ? 'read-only-storage' : 'storage' };
    }),
  ];
}
