/** The net's two files, each by an address that a bundler follows. */
export const manifest = new URL('./model.json', import.meta.url);
export const weights = new URL('./everyday-64-robust.safetensors', import.meta.url);
export default { manifest, weights };
