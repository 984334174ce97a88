import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../../src/agent/limits.js';
import { execdCommand } from '../../src/cli/execd.js';
import { addIsolationOptions, type IsolationFlags } from '../../src/cli/isolation-options.js';
import { addRunOptions, connectionOptions, type RunOptions } from '../../src/cli/options.js';
import { flagOf } from '../../src/cli/read-options.js';
import { serveCommand } from '../../src/cli/serve.js';
import { stdioCommand } from '../../src/cli/stdio.js';

const limitNames = Object.keys(defaultLimits) as (keyof Limits)[]; // has no other keys

async function limitsOf(...args: string[]): Promise<Partial<Limits> | undefined> {
  const command = addRunOptions(addIsolationOptions(new Command())).parse(args, { from: 'user' });
  return (await connectionOptions(command.opts<RunOptions & IsolationFlags>())).limits;
}

describe('every limit of a connection', () => {
  const flagsOf = (command: Command) => command.options.map(({ long }) => long);

  test.each(limitNames)('%s has an option of serve and stdio', (name) => {
    expect(flagsOf(serveCommand())).toContain(flagOf(name));
    expect(flagsOf(stdioCommand())).toContain(flagOf(name));
  });

  test.each(limitNames.filter((name) => name !== 'journalBytes'))('%s has an option of execd', (name) => {
    expect(flagsOf(execdCommand())).toContain(flagOf(name));
  });

  test('is the default one unless its option is given', async () => {
    expect(await limitsOf()).toEqual(defaultLimits);
  });

  test.each(limitNames)('%s is as its option says', async (name) => {
    expect(await limitsOf(flagOf(name), '4096')).toEqual({ ...defaultLimits, [name]: 4096 });
  });
});

test('execd, which isolates nothing, has no option for the journal', () => {
  expect(execdCommand().options.map(({ long }) => long)).not.toContain('--journal-bytes');
});
