import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A fenced block of code on a page. */
export interface CodeBlock {
  /** The Markdown file, from the repository's root. */
  readonly page: string;
  /** The line of its first fence, from 1. */
  readonly line: number;
  /** What stands behind the fence; empty if nothing does. */
  readonly language: string;
  readonly text: string;
}

/** The pages whose blocks are checked: all that are written for users of the package. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...filesIn('docs', /^[^/]+\.md$/),
  ...filesIn('udfs', /^[^/]+\/README\.md$/),
  'examples/README.md',
  'tickscripts/README.md',
  ...filesIn('docker', /(^|\/)README\.md$/),
  'test/bench/README.md',
];

function filesIn(directory: string, pattern: RegExp): string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((file) => pattern.test(file) && !file.includes('node_modules'))
    .map((file) => `${directory}/${file}`)
    .sort();
}

export const codeBlocks: readonly CodeBlock[] = pages.flatMap(blocksOf);

function blocksOf(page: string): CodeBlock[] {
  const source = readFileSync(join(root, page), 'utf8');
  return [...source.matchAll(/^( *)```(\S*)[^\n]*\n(.*?)^\1```$/gms)].map((match) => {
    const [, indent = '', language = '', text = ''] = match;
    const line = source.slice(0, match.index).split('\n').length;
    return { page, line, language, text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), '') };
  });
}

/** Whether a block is JavaScript; TICKscripts are written in blocks of that language too, for its colours. */
export function isJavaScript({ language, text }: CodeBlock): boolean {
  return language === 'js' && /^(import|export) /m.test(text);
}

export const tickscripts = codeBlocks.filter((block) => block.language === 'js' && !isJavaScript(block));

/** Where a block is, as a test's title says it. */
export function placeOf({ page, line }: CodeBlock): string {
  return `${page}:${line}`;
}

/** The blocks of TypeScript and JavaScript of a page: together they are one project. */
export function sourcesOf(page: string): readonly CodeBlock[] {
  return codeBlocks.filter(
    (block) => block.page === page && (block.language === 'ts' || isJavaScript(block)),
  );
}

/** The path that a block gives itself in its first line (`// rate-limit.ts: …`), or one made of its line. */
export function fileNameOf({ text, line, language }: CodeBlock): string {
  return /^\/\/ ([\w./-]+\.[tj]s)\b/.exec(text)?.[1] ?? `line-${line}.${language}`;
}

/** Writes the sources of a page into a directory in which the package is installed, as npm does with a local one. */
export function writeProject(
  directory: string,
  page: string,
  write: (block: CodeBlock, file: string) => void,
): void {
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  symlinkSync(root, join(directory, 'node_modules', 'kapacitor-udf'), 'dir');
  for (const name of ['vitest', '@types']) {
    const link = join(directory, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'dir');
  }
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  const names = new Set<string>();
  for (const block of sourcesOf(page)) {
    const name = fileNameOf(block);
    if (names.has(name)) throw new Error(`${page} has two blocks that are named ${name}`);
    names.add(name);
    const file = join(directory, name);
    mkdirSync(dirname(file), { recursive: true });
    write(block, file);
  }
}
