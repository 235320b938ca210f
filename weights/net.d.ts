/** The net's manifest, `model.json`. */
export declare const manifest: URL;
/** The net's weights, safetensors. */
export declare const weights: URL;
declare const net: { readonly manifest: URL; readonly weights: URL };
/** What `engine.load` takes. */
export default net;
