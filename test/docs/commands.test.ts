import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { projectFiles } from '../../src/scaffold/project-files.js';
import { streamUdf } from '../../src/scaffold/stream-udf.js';
import { runCli } from '../support/spawn-cli.js';
import { codeBlocks, root } from './support/code-blocks.js';
import { type ShellCommand, shellCommands } from './support/shell-commands.js';

const commands = codeBlocks
  .filter(({ language }) => language === 'sh')
  .flatMap((block) =>
    shellCommands(block).map((command) => ({ place: `${block.page}:${command.line}`, ...command })),
  );

const ours = commands.filter(({ words: [name = ''] }) => /(^|\/)kapacitor-udf$/.test(name));
const scripts = commands.filter(({ words: [name] }) => name === 'npm');
const sessions = ours.filter(({ output }) => output !== undefined);

/** The scripts of this package, and of a project that `kapacitor-udf new` makes. */
const scriptNames = [readFileSync(join(root, 'package.json'), 'utf8'), newManifest()].flatMap((text) =>
  Object.keys((JSON.parse(text) as { readonly scripts: object }).scripts),
);

function newManifest(): string {
  const udf = streamUdf('stepSize', 'step-size');
  return projectFiles({ name: 'stepSize', file: 'step-size', dependency: '', udf })['package.json']!;
}

let program: Command;
beforeAll(async () => {
  program = await createProgram();
});

/** The problems of a command line, as the command itself finds them before it does anything. */
function problemsOf(words: readonly string[]): string[] {
  let command = program;
  let rest = words.slice(1);
  if (rest[0] === 'help') return [];
  for (;;) {
    const part = command.commands.find((candidate) => candidate.name() === rest[0]);
    if (!part) break;
    command = part;
    rest = rest.slice(1);
  }
  if (command.commands.length > 0) return [`no command ${rest[0] ?? ''} in ${command.name()}`];
  try {
    const { operands, unknown } = command.parseOptions(rest);
    const most = command.registeredArguments.at(-1)?.variadic ? Infinity : command.registeredArguments.length;
    const least = command.registeredArguments.filter(({ required }) => required).length;
    const fits = operands.length >= least && operands.length <= most;
    return [...unknown, ...(fits ? [] : [`${operands.length} arguments for ${command.name()}`])];
  } catch (reason) {
    return [String(reason)];
  }
}

describe('the commands of the documentation', () => {
  test.each(ours)('$place: $text', ({ words }) => {
    expect(problemsOf(words)).toEqual([]);
  });

  test('are refused if they are not taken', () => {
    expect(ours.length).toBeGreaterThan(20);
    expect(problemsOf(['kapacitor-udf', 'serv'])).toEqual(['no command serv in kapacitor-udf']);
    expect(problemsOf(['kapacitor-udf', 'tasks', 'aply'])).toEqual(['no command aply in tasks']);
    expect(problemsOf(['kapacitor-udf', 'serve', '--isolat'])).toEqual(['--isolat']);
    expect(problemsOf(['kapacitor-udf', 'replay'])).toEqual(['0 arguments for replay']);
    expect(problemsOf(['kapacitor-udf', 'serve', '--http', 'x:y:z'])).not.toEqual([]);
  });

  test.each(scripts.filter(({ words: [, verb] }) => verb === 'run' || verb === 'test'))(
    '$place: $text is a script of this package or of a new project',
    ({ words: [, ...words] }) => {
      const [verb, name] = words.filter((word) => !word.startsWith('-'));
      expect(scriptNames).toContain(verb === 'run' ? name : verb);
    },
  );

  test.each(sessions)('$place shows what it prints: $text', async ({ words, output }: ShellCommand) => {
    const { stdout, stderr } = await runCli(words.slice(1), { cwd: root });
    // Results go to standard output, the summary with its times to standard error.
    const withoutTimes = (text: string): string =>
      text.replace(/[\d.]+ s, [\d,]+ points\/s/g, '… s, … points/s');
    expect(withoutTimes(stdout + stderr).trimEnd()).toBe(withoutTimes((output ?? []).join('\n')).trimEnd());
  });
});
