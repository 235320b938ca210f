/**
 * Whether an answer of a server is what was asked for. One that is not comes with status 200 all the same: the start
 * page of a host that answers so for every file which is gone, or the login page of a hotel's network.
 */

/** What browsers insist on. Everything else may come as anything but a page: hosts do not know every type. */
const TYPES: readonly (readonly [address: RegExp, type: RegExp])[] = [
  [/(\/|\.html)$/, /^text\/html$/],
  [/\.m?js$/, /^(text|application)\/(x-)?javascript$/],
  [/\.css$/, /^text\/css$/],
];
const PAGE = /html/;

/** @param address without query and fragment */
export function fits(address: string, { status, redirected, headers }: Response): boolean {
  const type = (headers.get('content-type') ?? '').replace(/;.*$/, '').trim().toLowerCase();
  const [, expected] = TYPES.find(([ending]) => ending.test(address)) ?? [];
  return status === 200 && !redirected && (expected ? expected.test(type) : !PAGE.test(type));
}

/** SHA-256 in Base64, as the build writes it. */
export async function digestOf(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return btoa(String.fromCharCode(...digest));
}
