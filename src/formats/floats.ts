/** How the floating point numbers (or bytes) of a file are stored, little-endian, by safetensors' names. */
export type StoredType = 'F16' | 'BF16' | 'F32' | 'F64' | 'U8';

export const bytesPerElement: Readonly<Record<StoredType, number>> = { F16: 2, BF16: 2, F32: 4, F64: 8, U8: 1 };

/**
 * Stored numbers as float32, in a buffer of their own. All but F64 are exact; F64 rounds to nearest, and may so become
 * infinite. `bytes.length` must be a multiple of the element's size. Hosts of WebGPU are little-endian, as the files
 * are.
 */
export function decodeFloats(type: StoredType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  // a copy, since a file's tensors lie at any offset, and typed arrays want alignment
  const { buffer } = new Uint8Array(bytes);
  switch (type) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return new Float32Array(new Float64Array(buffer));
    case 'U8':
      return new Float32Array(new Uint8Array(buffer));
    case 'F16':
      return decodeHalves(new Uint16Array(buffer));
    case 'BF16':
      return decodeBrainFloats(new Uint16Array(buffer));
  }
}

/** IEEE half precision codes as float32, exactly. Every NaN becomes the one NaN. */
export function decodeHalves(codes: ArrayLike<number>): Float32Array<ArrayBuffer> {
  halves ??= Float32Array.from({ length: 65536 }, (_, code) => decodeHalf(code));
  const floats = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) floats[i] = halves[codes[i]! & 0xffff]!;
  return floats;
}

/** bfloat16 codes as float32, exactly: they are its upper 16 bits. */
export function decodeBrainFloats(codes: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(codes.length);
  for (let i = 0; i < codes.length; i++) bits[i] = codes[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** Every half by its code, made on first use: 256 KiB, and ten times as fast as decoding one by one. */
let halves: Float32Array | undefined;

function decodeHalf(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 10) & 0x1f;
  const fraction = code & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** Each by {@link encodeHalf}. A plain loop: `Uint16Array.from` takes forty times as long. */
export function encodeHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < codes.length; i++) codes[i] = encodeHalf(values[i]!);
  return codes;
}

/** A float32 as the nearest IEEE half, ties to even; from 65520 on that is infinity. */
export function encodeHalf(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00; // from 65536 on
  // below 2⁻¹⁴ halves are multiples of 2⁻²⁴
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(scratch[0]) * 2 ** 24);
  const rebiased = magnitude - (112 << 23); // exponents count from −127 in a float32, from −15 in a half
  return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
