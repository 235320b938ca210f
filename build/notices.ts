/** The licences of what is built into the package, beside it: they ask to be passed on. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const FILE = 'THIRD_PARTY_NOTICES.md';

/** Writes a file with name, version and licence text of every package that has code in the bundle. */
export function thirdPartyNotices(): Plugin {
  return {
    name: 'gradlens:third-party-notices',
    apply: 'build',
    writeBundle({ dir = '.' }, bundle) {
      const modules = Object.values(bundle).flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
      const folders = new Set(modules.flatMap((id) => packageFolder(id) ?? []));
      const notices = [...folders].sort().map((folder) =>
        noticeOf(
          folder,
          modules.filter((id) => packageFolder(id) === folder),
        ),
      );
      writeFileSync(
        join(dir, FILE),
        `# Third-party notices\n\nParts of these packages are in this folder.\n\n${notices.join('\n')}`,
      );
    },
  };
}

/** The folder of the package that a module belongs to; undefined for our own. */
const packageFolder = (id: string): string | undefined =>
  /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll('\\', '/').replace(/^\0/, ''))?.[1];

function noticeOf(folder: string, modules: readonly string[]): string {
  const { name, version, license, homepage } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
    'name' | 'version' | 'license',
    string
  > & { homepage?: string };
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const texts = file ? [readFileSync(join(folder, file), 'utf8').trim()] : [...new Set(modules.flatMap(headsOf))];
  if (texts.length === 0) texts.push(`It brings no text of its licence. ${homepage ?? ''}`.trim());
  return `## ${name} ${version}: ${license}\n\n${texts.join('\n\n')}\n`;
}

/** Licences that stand at the head of a module's own text, where the package has no file for them. */
function headsOf(module: string): string[] {
  const lines = readFileSync(module.replace(/^\0|\?.*$/g, ''), 'utf8').split('\n');
  const code = lines.findIndex((line) => line !== '' && !line.startsWith('//'));
  return lines
    .slice(0, code)
    .map((line) => line.replace(/^\/\/ ?/, ''))
    .join('\n')
    .split(/\n(?=Copyright)/)
    .filter((text) => text.startsWith('Copyright'))
    .map((text) => text.trim());
}
