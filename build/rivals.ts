/**
 * The benchmark's rivals, which are many times as large as everything else. They are part of a built page only where
 * they are asked for (`npm run build -- --rivals`), and of a page that is served from its sources only if they are
 * installed. Elsewhere whoever wants one is told so.
 */
import { existsSync } from 'node:fs';
import type { Plugin } from 'vite';

const RIVALS = /^(onnxruntime-web|@tensorflow\/[^/?]+|@jax-js\/jax)(?=[/?]|$)/;
const ABSENT = '\0gradlens:absent-rival';

/** `wanted`: whether a build has them. */
export function rivals(wanted: boolean): Plugin {
  let isBuild = false;
  const isThere = (name: string): boolean => (isBuild ? wanted : existsSync(`node_modules/${name}`));
  return {
    name: 'gradlens:rivals',
    enforce: 'pre',
    configResolved({ command }) {
      isBuild = command === 'build';
    },
    resolveId(id) {
      const name = RIVALS.exec(id)?.[1];
      return name === undefined || isThere(name) ? null : ABSENT;
    },
    load(id) {
      if (id !== ABSENT) return null;
      const how = isBuild ? 'this build leaves rivals out: npm run build -- --rivals' : 'it is not installed: npm ci';
      return `throw new Error(${JSON.stringify(how)});\nexport default '';`;
    },
  };
}
