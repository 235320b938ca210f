/**
 * A content security policy in every built page, as a <meta>: any static host serves it so, and needs to know nothing
 * of it.
 */
import type { Plugin } from 'vite';

/**
 * Nothing is loaded but what this says. Models may come from any address over https; no page talks to a server
 * otherwise.
 */
const PAGE = {
  'default-src': "'none'",
  'script-src': "'self'",
  'worker-src': "'self' blob:",
  'style-src': "'self'",
  'img-src': "'self' blob: data: https:",
  'media-src': "'self' blob:",
  'connect-src': "'self' blob: data: https:",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
};

/** Rivals are written in WebAssembly, and start their threads from scripts that they make as they run. */
const BENCH = { ...PAGE, 'script-src': "'self' blob: 'wasm-unsafe-eval'" };

export function contentSecurityPolicy(): Plugin {
  return {
    name: 'gradlens:content-security-policy',
    apply: 'build', // the server of `npm start` puts styles and scripts of its own into the page
    transformIndexHtml(_html, { path }) {
      const content = Object.entries(path.startsWith('/bench/') ? BENCH : PAGE)
        .map((directive) => directive.join(' '))
        .join('; ');
      return [{ tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content }, injectTo: 'head-prepend' }];
    },
  };
}
