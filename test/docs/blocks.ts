/** Blocks of code in documents and in comments, and how those of TypeScript become modules that run. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';

export interface Block {
  /** `README.md:20`: where it begins. */
  readonly at: string;
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a Markdown file, or of the TSDoc of a source. */
export function blocksIn(file: string): Block[] {
  const isSource = file.endsWith('.ts');
  const blocks: Block[] = [];
  let open: { readonly at: string; readonly language: string; readonly lines: string[] } | undefined;
  for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (isSource && !/^\s*\*/.test(line)) continue;
    const text = isSource ? line.replace(/^\s*\* ?/, '') : line;
    const fence = /^\s*```(\w*)/.exec(text);
    if (!fence) open?.lines.push(text);
    else if (open) {
      blocks.push({ at: open.at, language: open.language, code: open.lines.join('\n') });
      open = undefined;
    } else open = { at: `${file}:${i + 1}`, language: fence[1]!, lines: [] };
  }
  return blocks;
}

/** What needs a page: the rest runs in Node. */
const BROWSERS =
  /\b(document|navigator|canvas|video|window|createImageBitmap|requestAnimationFrame)\b|Engine\.create\(/;
export const isForBrowsers = ({ code }: Block): boolean => BROWSERS.test(code) && !code.includes("'gradlens/node'");

/**
 * A module that runs the block. Names that the block uses and does not declare are the text's, such as `model`: they
 * come from the prelude, and what is recorded into its `encoder` is submitted.
 */
export function moduleOf({ at, code }: Block, given: readonly string[]): string {
  const { used, declared } = namesIn(code);
  const wanted = given.filter((name) => used.has(name) && !declared.has(name));
  const records = used.has('encoder') && !declared.has('encoder');
  const names = [...new Set([...wanted, ...(records ? ['device'] : [])])].filter((name) => !declared.has(name));
  return [
    `// ${at}`,
    ...(names.length > 0 ? [`import { ${names.join(', ')} } from './prelude.js';`] : []),
    ...(records ? ['const encoder = device.createCommandEncoder();'] : []),
    code,
    ...(records ? ['device.queue.submit([encoder.finish()]);', 'await device.queue.onSubmittedWorkDone();'] : []),
    'export {};',
  ].join('\n');
}

function namesIn(code: string): { readonly used: ReadonlySet<string>; readonly declared: ReadonlySet<string> } {
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text);
    if (
      (ts.isVariableDeclaration(node) ||
        ts.isBindingElement(node) ||
        ts.isImportClause(node) ||
        ts.isImportSpecifier(node) ||
        ts.isFunctionDeclaration(node)) &&
      node.name &&
      ts.isIdentifier(node.name)
    )
      declared.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('block.ts', code, ts.ScriptTarget.ES2022, true));
  return { used, declared };
}

/**
 * Lines of a shell, each in whole: those that go on after a `\` are joined, and what a document says of them is cut.
 */
export const shellLines = ({ code }: Block): string[] =>
  code
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) =>
      line
        .replace(/ {3,}.*/, '')
        .replace(/\s+#.*/, '')
        .trim(),
    )
    .filter((line) => /^(npx|npm|node|gradlens) /.test(line))
    .map((line) => line.replace(/^gradlens/, 'npx gradlens'));
