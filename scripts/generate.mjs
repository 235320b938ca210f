// Writes what follows from the records of operators and methods: node scripts/generate.mjs, from the repository's
// folder. A test compares the same texts (test/generated.test.ts).
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'vite';

const server = await createServer({
  server: { middlewareMode: true, ws: false },
  appType: 'custom',
  logLevel: 'error',
});
const { generated } = await server.ssrLoadModule('/test/generated.ts');
for (const [path, text] of generated()) {
  if (readFileSync(path, 'utf8') === text) continue;
  writeFileSync(path, text);
  console.log(`wrote ${path}`);
}
await server.close();
