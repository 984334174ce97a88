import type { CodeBlock } from './code-blocks.js';

/** A command of a shell block. */
export interface ShellCommand {
  readonly line: number;
  readonly words: readonly string[];
  /** The text as it stands, with continued lines joined. */
  readonly text: string;
  /** For a block that shows a session (`$ command`): the lines that follow it. */
  readonly output: readonly string[] | undefined;
}

/** The commands of a shell block: of pipes and lists each one, without the text of here-documents. */
export function shellCommands({ text, line: first }: CodeBlock): ShellCommand[] {
  const lines = text.split('\n').slice(0, -1);
  const isSession = lines.some((line) => line.startsWith('$ '));
  const commands: ShellCommand[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = first + 1 + index;
    if (isSession && !lines[index]!.startsWith('$ ')) continue;
    let command = lines[index]!.replace(/^\$ /, '');
    while (command.endsWith('\\')) command = command.slice(0, -1) + lines[++index]!.trimStart();
    const [, end] = /<<'?(\w+)'?/.exec(command) ?? [];
    if (end !== undefined) while (lines[++index] !== end) if (index >= lines.length) break;
    const output: string[] = [];
    while (isSession && index + 1 < lines.length && !lines[index + 1]!.startsWith('$ '))
      output.push(lines[++index]!);
    for (const words of splitWords(command)) {
      commands.push({ line, words, text: command, output: isSession ? output : undefined });
    }
  }
  return commands;
}

const token =
  /\s+|#.*|(?<operator>&&|\|\||[|;&]|\d?>>?|<<?)|(?<word>(?:'[^']*'|"[^"]*"|\\.|[^\s'"|;&<>\\])+)/gy;

/** The words of each command of a line, unquoted, without redirections, assignments and what only starts another command. */
function splitWords(line: string): string[][] {
  const commands: string[][] = [[]];
  let redirected = false;
  for (const { groups } of line.matchAll(token)) {
    const { operator, word } = groups ?? {};
    if (operator !== undefined) {
      redirected = /[<>]/.test(operator);
      if (!redirected) commands.push([]);
    } else if (word !== undefined) {
      if (!redirected) commands.at(-1)!.push(word.replace(/'([^']*)'|"([^"]*)"|\\(.)/g, '$1$2$3'));
      redirected = false;
    }
  }
  return commands.map(withoutPrefix).filter((words) => words.length > 0);
}

function withoutPrefix(words: readonly string[]): string[] {
  const first = words.findIndex((word) => !/^\w+=/.test(word) && !['sudo', 'npx'].includes(word));
  return first < 0 ? [] : words.slice(first);
}
