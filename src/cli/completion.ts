import { script } from '@bomb.sh/tab';
import { Argument, Command, type Option } from 'commander';
import { print } from './print.js';

const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** Commands whose arguments are names of UDFs. */
const udfCommands: ReadonlySet<string> = new Set([
  'serve',
  'stdio',
  'execd',
  'kafka',
  'list',
  'config',
  'check',
  'watch', // tasks watch
]);

/**
 * Adds `completion`, which prints a shell's script, and the hidden `complete`, which that script calls with the words of
 * the command line. The last word is the one to complete.
 */
export function addCompletion(program: Command): void {
  const completion = new Command('completion')
    .summary('print the script by which a shell completes commands')
    .description('Prints the script by which a shell completes commands, options and names of UDFs.')
    .addArgument(new Argument('<shell>', 'the shell that is to complete').choices(shells))
    .addHelpText(
      'after',
      '\nExamples:\n  $ source <(kapacitor-udf completion bash)\n  $ kapacitor-udf completion fish | source',
    )
    .action((shell: string) => print(shellScript(shell)));
  const complete = new Command('complete').argument('[words...]').action(async (words: string[]) => {
    await print(await candidates(program, words));
  });
  program.addCommand(completion.copyInheritedSettings(program));
  program.addCommand(complete.copyInheritedSettings(program), { hidden: true });
}

function shellScript(shell: string): string {
  const lines: string[] = [];
  // `script` only prints.
  const { log } = console;
  console.log = (text: string) => void lines.push(text);
  try {
    script(shell, 'kapacitor-udf', 'kapacitor-udf');
  } finally {
    console.log = log;
  }
  // Bash fails to assign a constant again: when the script is sourced twice, and after that of another program.
  return lines.join('\n').replace(/^readonly (\w+)=(\d+)$/gm, ': "${$1:=$2}"');
}

/** What may stand for the last word, and whether file names may. */
interface Completions {
  readonly words: readonly (readonly [word: string, doc: string])[];
  readonly withUdfs?: boolean;
  readonly withFiles?: boolean;
}

/** Cobra's numbers, which the scripts read: file names when nothing is offered, or not. */
const directives = { files: 0, noFiles: 4 };

/** Candidates in the scripts' format: a line each with a tab before its description, then the directive. */
export async function candidates(program: Command, words: readonly string[]): Promise<string> {
  const last = words.at(-1) ?? '';
  const { words: found, withUdfs, withFiles } = completionsOf(program, words.slice(0, -1), last);
  const flag = /^--[^=]+=/.exec(last)?.[0] ?? '';
  const lines = [...found, ...(withUdfs ? await udfNames() : [])]
    .map(([word, doc]) => [flag + word, doc] as const)
    .filter(([word]) => word.startsWith(last))
    .map(([word, doc]) => `${word}\t${doc.split('\n', 1)[0]}`);
  return [...lines, `:${withFiles ? directives.files : directives.noFiles}`].join('\n');
}

function completionsOf(program: Command, before: readonly string[], last: string): Completions {
  let command = program;
  let valued: Option | undefined; // the option whose value comes next
  let position = 0;
  for (const word of before) {
    if (word.startsWith('-')) {
      const option = optionsOf(command).find(({ long, short }) => word === long || word === short);
      valued = option && takesValue(option) ? option : undefined;
    } else if (valued) {
      if (!valued.variadic) valued = undefined;
    } else {
      const sub = position === 0 ? subcommands(command).find((one) => one.name() === word) : undefined;
      if (sub) command = sub;
      else position++;
    }
  }
  const [, flag] = /^(--[^=]+)=/.exec(last) ?? [];
  if (flag !== undefined) {
    const option = optionsOf(command).find(({ long }) => long === flag);
    return option ? valuesOf(option) : { words: [] };
  }
  if (last.startsWith('-')) {
    return { words: optionsOf(command).map(({ long, flags, description }) => [long ?? flags, description]) };
  }
  if (valued) {
    const values = valuesOf(valued);
    // More values may follow, but so may the command's own arguments.
    if (!valued.variadic || values.withFiles) return values;
  }
  const subs = subcommands(command);
  if (subs.length > 0) return { words: subs.map((sub) => [sub.name(), sub.summary() || sub.description()]) };
  const argument = command.registeredArguments.at(position) ?? command.registeredArguments.at(-1);
  if (!argument || (position > 0 && !argument.variadic)) return { words: [] };
  return argumentValues(command, argument);
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function subcommands(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

const fileValue = /<(file|dir|path|golden|module)(\.\.\.)?>/;

function valuesOf(option: Option): Completions {
  if (option.argChoices) return { words: option.argChoices.map((choice) => [choice, '']) };
  if (option.long === '--udf') return { words: [], withUdfs: true };
  return { words: [], withFiles: fileValue.test(option.flags) };
}

function argumentValues(command: Command, argument: Argument): Completions {
  if (argument.argChoices) return { words: argument.argChoices.map((choice) => [choice, '']) };
  if (udfCommands.has(command.name())) return { words: [], withUdfs: true };
  return { words: [], withFiles: true };
}

/** Loaded only when asked for: it brings the whole runtime. */
async function udfNames(): Promise<readonly (readonly [string, string])[]> {
  const { bundledUdfs } = await import('../../udfs/index.js');
  return bundledUdfs.map(({ name, doc }) => [name, doc]);
}
