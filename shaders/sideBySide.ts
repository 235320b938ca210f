/**
 * Several kernels in one dispatch: each workgroup runs one of them, which one its number says. What a dispatch costs is
 * paid once, and a GPU that one of them leaves idle has others to run.
 *
 * Nothing in a kernel changes but names: WGSL has no modules, so what stands at module scope is told apart by a suffix,
 * `_0` for tensors and extents of the first kernel, `_of0` for its functions and types. Identifiers are renamed one by
 * one, wherever they stand, so that no local variable can take another's meaning.
 */
import { type Builtin, type Kernel, type SharedArray, MOST_WORKGROUPS, functionsIn, kernel } from './kernel';
import type { Declaration, TensorDeclaration } from './tensor';

/** A kernel, and which tensor each of its bindings is. */
export interface Bound {
  readonly kernel: Kernel;
  readonly bind: Readonly<Record<string, string>>;
  /** The part whose workgroups run this one too, once they are through with that: see {@link mayFollow}. */
  readonly after?: number;
}

/**
 * Whether a workgroup may run one after the other: each invocation then finds what it stored itself, and so may add to
 * it.
 */
export const mayFollow = (kernel: Kernel, before: Kernel): boolean =>
  kernel.source.owns !== undefined &&
  kernel.source.owns === before.source.owns &&
  kernel.workgroups.every((count, k) => count === before.workgroups[k]);

/** What WebGPU lets a dispatch have on every device. */
const MOST_STORAGE_BUFFERS = 8;
const MOST_SHARED_BYTES = 16_384;

/**
 * Whether that takes no more than every device has, and the workgroups of all can have as many invocations. Several
 * parts may write one tensor, in different places or one after the other; none may read what another writes.
 */
export function fitSideBySide(parts: readonly Bound[]): boolean {
  const kernels = parts.map(({ kernel }) => kernel);
  const shared = sharedBy(kernels).reduce((sum, { length }) => sum + length * 16, 0);
  const tensors = new Set(parts.flatMap(({ bind }) => Object.values(bind)));
  return (
    tensors.size <= MOST_STORAGE_BUFFERS &&
    shared <= MOST_SHARED_BYTES &&
    invocationsOf(kernels) !== null &&
    !kernels.some(({ source }) => source.functions.includes('var<workgroup>')) &&
    agree(parts)
  );
}

/** One kernel for all of `parts`, which {@link fitSideBySide}, and which tensor each of its bindings is. */
export function sideBySide(parts: readonly Bound[]): Bound {
  const invocations = invocationsOf(parts.map(({ kernel }) => kernel))!;
  const { declared, bind, names } = bindingsOf(parts);
  const grids = parts.map(({ kernel: { workgroups, source } }): Kernel['workgroups'] => {
    const [x, y, z] = workgroups;
    return source.flat ? [Math.ceil((x * source.workgroupSize[0]!) / invocations), y, z] : workgroups;
  });
  const counts = grids.map(([x, y, z], k) => (parts[k]!.after === undefined ? x * y * z : 0));
  const all = counts.reduce((sum, count) => sum + count, 0);
  const rows = Math.ceil(all / MOST_WORKGROUPS);
  const ACROSS = Math.ceil(all / rows);
  const dims = parts.map(({ kernel: { dims } }, k) => {
    const END = counts.slice(0, k + 1).reduce((sum, count) => sum + count, 0);
    return suffixed({ ...dims, GRID_X: grids[k]![0], GRID_Y: grids[k]![1], END }, k);
  });
  const kernels = parts.map(({ kernel: part }) => part);
  const joined = kernel({
    name: kernels.map(({ name }) => name).join(' + '),
    dims: Object.assign({ ACROSS }, ...dims) as Readonly<Record<string, number>>,
    tensors: declared,
    flops: kernels.reduce((sum, { flops }) => sum + flops, 0),
    enable: [...new Set(kernels.flatMap(({ source }) => source.enable))],
    shared: sharedBy(kernels),
    functions: kernels.map((part, k) => module(part, k, names[k]!)).join('\n'),
    workgroups: [ACROSS, rows, 1],
    workgroupSize: [invocations],
    takes: ['group', 'me', ...(kernels.some(({ source }) => source.takes.includes('lane')) ? ['lane' as const] : [])],
    body: `
let number = group.y * d.ACROSS + group.x;
${parts.flatMap(({ after }, k) => (after === undefined ? [branch(parts, k, invocations)] : [])).join(' else ')}`,
  });
  return { kernel: joined, bind };
}

/** Of a workgroup of all of them; null if they cannot be the same. Flat ones take any. */
function invocationsOf(kernels: readonly Kernel[]): number | null {
  const sizes = kernels.map(({ source: { flat, workgroupSize } }) => ({
    flat,
    size: workgroupSize.reduce((product, size) => product * size),
  }));
  const fixed = new Set(sizes.filter(({ flat }) => !flat).map(({ size }) => size));
  if (fixed.size > 1) return null;
  return [...fixed][0] ?? Math.max(...sizes.map(({ size }) => size));
}

/** Parts never run in one workgroup together: arrays of one name are one array. */
function sharedBy(kernels: readonly Kernel[]): readonly SharedArray[] {
  const arrays = new Map<string, SharedArray>();
  for (const array of kernels.flatMap(({ source }) => source.shared)) {
    const known = arrays.get(array.name);
    if (!known || known.length < array.length) arrays.set(array.name, array);
  }
  return [...arrays.values()];
}

/** What binds one tensor, in whichever part, is one binding. */
function bindingsOf(parts: readonly Bound[]) {
  const byTensor = new Map<string, Declaration>();
  const bind: Record<string, string> = {};
  const names = parts.map(({ kernel: { declared }, bind: tensors }, k) => {
    const renamed = new Map<string, string>();
    for (const each of declared) {
      const tensor = each.kind === 'tensor' ? tensors[each.name]! : each.name;
      if (!byTensor.has(tensor)) {
        const name = each.kind === 'tensor' ? `${each.name}_${k}` : each.name;
        byTensor.set(tensor, { ...each, name });
        if (each.kind === 'tensor') bind[name] = tensor;
      }
      renamed.set(each.name, byTensor.get(tensor)!.name);
    }
    return renamed;
  });
  return { declared: [...byTensor.values()], bind, names };
}

/** Whether all parts mean the same by a tensor: that it is read or written, and of what elements. */
function agree(parts: readonly Bound[]): boolean {
  const known = new Map<string, string>();
  return parts.every(({ kernel: { declared }, bind }) =>
    declared.every((each) => {
      if (each.kind !== 'tensor') return each.kind === 'uniform';
      const tensor = bind[each.name];
      const { access, element, half }: TensorDeclaration = each;
      const meant = `${access} ${element} ${half ?? ''}`;
      if (tensor === undefined || (known.get(tensor) ?? meant) !== meant) return false;
      known.set(tensor, meant);
      return true;
    }),
  );
}

const suffixed = (fields: Readonly<Record<string, number>>, k: number): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${name}_${k}`, value]));

const PARAMETERS: Readonly<Record<Builtin, string>> = {
  id: 'id: vec3u',
  group: 'group: vec3u',
  own: 'own: vec3u',
  me: 'me: u32',
  lane: 'lane: u32',
};

/** WGSL: all of a kernel but its declarations, `main` as a function of its own. */
function module(part: Kernel, k: number, tensors: ReadonlyMap<string, string>): string {
  const { takes, body, shared } = part.source;
  const code = `
${functionsIn(part.source, part.declared, part.dims)}

fn main(${takes.map((builtin) => PARAMETERS[builtin]).join(', ')}) {
${body}
}
`;
  const renamed = new Map([
    ...shared.map(({ name }) => [name, name] as const),
    ...namesIn(code).map((name) => [name, `${name}_of${k}`] as const),
    ...tensors,
  ]);
  return rename(code, renamed, (field) => `${field}_${k}`);
}

/** WGSL: runs a part, and those after it, in the workgroups that are its own. */
function branch(parts: readonly Bound[], k: number, invocations: number): string {
  const before = k === 0 ? '0u' : `d.END_${k - 1}`;
  return `if (number < d.END_${k}) {
let own${k} = number - ${before};
let row${k} = own${k} / d.GRID_X_${k};
let at = vec3u(own${k} % d.GRID_X_${k}, row${k} % d.GRID_Y_${k}, row${k} / d.GRID_Y_${k});
${inTurn(parts, k)
  .map((each) => call(parts[each]!.kernel, each, invocations))
  .join('\n')}
}`;
}

/** A part and those after it. */
function inTurn(parts: readonly Bound[], k: number): readonly number[] {
  const next = parts.findIndex(({ after }) => after === k);
  return next < 0 ? [k] : [k, ...inTurn(parts, next)];
}

/** WGSL: runs part `k` as workgroup `at` of its own. */
function call({ source: { flat, takes, workgroupSize } }: Kernel, k: number, invocations: number): string {
  const [width = 1, height = 1, depth = 1] = flat ? [invocations] : workgroupSize;
  const own =
    height * depth === 1
      ? 'vec3u(me, 0u, 0u)'
      : `vec3u(me % ${width}u, me / ${width}u % ${height}u, me / ${width * height}u)`;
  const given: Readonly<Record<Builtin, string>> = {
    id: `at * vec3u(${width}u, ${height}u, ${depth}u) + ${own}`,
    group: 'at',
    own,
    me: 'me',
    lane: 'lane',
  };
  return `main_of${k}(${takes.map((builtin) => given[builtin]).join(', ')});`;
}

/** Comments, identifiers, numbers with their letters, everything else by itself. */
const TOKENS = /\/\/[^\n]*|[A-Za-z_]\w*|\d[\w.]*|\s+|[^]/g;
const isIdentifier = (token: string): boolean => /^[A-Za-z_]/.test(token);
const isSpace = (token: string): boolean => /^(\s|\/\/)/.test(token);

/** What a module declares: functions, types and constants. */
function namesIn(code: string): readonly string[] {
  const tokens = (code.match(TOKENS) ?? []).filter((token) => !isSpace(token));
  let depth = 0;
  return tokens.filter((token, at) => {
    if (token === '{') depth++;
    if (token === '}') depth--;
    return depth === 0 && ['fn', 'struct', 'const', 'alias'].includes(tokens[at - 1] ?? '');
  });
}

/** Other names for identifiers, and for what follows `d.`; other members keep theirs. */
function rename(code: string, names: ReadonlyMap<string, string>, ofField: (field: string) => string): string {
  let [before, last] = ['', ''];
  return (code.match(TOKENS) ?? [])
    .map((token) => {
      if (isSpace(token)) return token;
      const [owner, dot] = [before, last];
      [before, last] = [last, token];
      if (!isIdentifier(token)) return token;
      if (dot === '.') return owner === 'd' ? ofField(token) : token;
      return names.get(token) ?? token;
    })
    .join('');
}
