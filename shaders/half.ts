/**
 * Half precision in memory only: the same kernel, which keeps some of its `array<vec4f>` as four halves where it had
 * four floats. It widens what it loads and rounds what it stores; everything between is float32.
 */
import type { Kernel } from './kernel';

/**
 * The type `f16`, which needs the feature `shader-f16`; or pairs of halves in a `u32`, which every device has. The same
 * bytes.
 */
export type Half = 'native' | 'packed';

/** The largest half. What is beyond is stored as this: WGSL knows no infinity. */
export const LARGEST_HALF = 65504;

const FORMS: Readonly<Record<Half, { readonly type: string; readonly widen: string; readonly round: string }>> = {
  native: { type: 'vec4<f16>', widen: 'vec4f(stored)', round: 'vec4<f16>(held)' },
  packed: {
    type: 'vec2u',
    widen: 'vec4f(unpack2x16float(stored.x), unpack2x16float(stored.y))',
    round: 'vec2u(pack2x16float(held.xy), pack2x16float(held.zw))',
  },
};

/** The named bindings, each an `array<vec4f>`, in half precision. */
export function inHalf(kernel: Kernel, names: readonly string[], half: Half): Kernel {
  if (names.length === 0) return kernel;
  const code = names.reduce((text, name) => storedInHalf(text, name, half), kernel.code);
  return { ...kernel, code: half === 'native' ? `enable f16;\n${code}` : code };
}

function storedInHalf(code: string, name: string, half: Half): string {
  const { type, widen, round } = FORMS[half];
  const declaration = new RegExp(`^@group.* ${name}: array<vec4f>;.*$`, 'm');
  const [declared] = declaration.exec(code)!;
  const writes = declared.includes('read_write');
  return accessesBy(code, name).replace(
    declared,
    `${declared.replace('array<vec4f>', `array<${type}>`)}
fn load_${name}(i: u32) -> vec4f { let stored = ${name}[i]; return ${widen}; }${
      writes
        ? `
fn store_${name}(i: u32, value: vec4f) { let held = clamp(value, vec4f(-${LARGEST_HALF}.0), vec4f(${LARGEST_HALF}.0)); ${name}[i] = ${round}; }
fn store_lane_${name}(i: u32, lane: u32, value: f32) { var block = load_${name}(i); block[lane] = value; store_${name}(i, block); }`
        : ''
    }`,
  );
}

/** `x[i]`, `x[i] = v;` and `x[i][lane] = v;` as calls of what is declared above; the brackets may hold others. */
function accessesBy(code: string, name: string): string {
  const access = new RegExp(`\\b${name}\\[`, 'g');
  let text = '';
  let at = 0;
  for (let found = access.exec(code); found; found = access.exec(code)) {
    const [index, afterIndex] = bracketed(code, found.index + name.length);
    const inner = accessesBy(index, name);
    const [lane, afterLane] = code[afterIndex] === '[' ? bracketed(code, afterIndex) : ['', afterIndex];
    const store = /^ = ([^;]*);/.exec(code.slice(afterLane));
    text += code.slice(at, found.index);
    if (!store) {
      text += `load_${name}(${inner})`;
      at = afterIndex;
    } else {
      text += lane
        ? `store_lane_${name}(${inner}, ${lane}, ${accessesBy(store[1]!, name)});`
        : `store_${name}(${inner}, ${accessesBy(store[1]!, name)});`;
      at = afterLane + store[0].length;
    }
    access.lastIndex = at;
  }
  return text + code.slice(at);
}

/** What stands in the brackets that open at `open`, and the place after them. */
function bracketed(code: string, open: number): [inside: string, after: number] {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === '[') depth++;
    if (code[at] === ']' && --depth === 0) return [code.slice(open + 1, at), at + 1];
  }
  throw new Error(`a bracket opens and does not close: ${code.slice(open, open + 40)}`);
}
