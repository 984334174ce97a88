import type { Command } from 'commander';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkCommand } from '../../src/cli/check.js';
import { replayCommand } from '../../src/cli/replay.js';
import { serveCommand } from '../../src/cli/serve.js';
import { stateCommand } from '../../src/cli/state.js';
import { stdioCommand } from '../../src/cli/stdio.js';
import { tasksCommand } from '../../src/cli/tasks.js';
import { metricSpecs } from '../../src/telemetry/metric-specs.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/faults.md'), 'utf8');
const sources = sourceText();

/** All sources without comments, with string literals that are joined by `+` as one line. */
function sourceText(): string {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
    .join('\n')
    .replace(/^\s*(?:\/\/|\/?\*).*$/gm, '')
    .replace(/(['"`])\s*\+\s*(['"`])/g, '');
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

/** What stands in backticks. */
const code = unique([...page.matchAll(/`([^`]+)`/g)].map(([, text]) => text!));
/** What stands in quotation marks: texts of the program, with … for what varies. */
const quotes = unique([...page.matchAll(/“([^”]+)”/g)].map(([, text]) => text!.replace(/\s+/g, ' ')));

function longOptions(command: Command): readonly string[] {
  return [...command.options.map(({ long }) => long ?? ''), ...command.commands.flatMap(longOptions)];
}

/** Whether a line of the sources has the fixed parts of a quoted text in their order. */
function isInSources(quote: string): boolean {
  const parts = quote.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.*?')).test(sources);
}

describe('the page of faults', () => {
  test('names options that a command has', () => {
    const commands = [
      serveCommand(),
      stdioCommand(),
      checkCommand(),
      stateCommand(),
      tasksCommand(),
      replayCommand(),
    ];
    const known = new Set(commands.flatMap(longOptions));
    const named = code.filter((text) => text.startsWith('--')).map((text) => text.split(/[ =]/)[0]!);
    expect(named).toContain('--isolate');
    expect(named.filter((option) => !known.has(option))).toEqual([]);
  });

  test('names metrics and events that exist', () => {
    const known = new Set(metricSpecs.map(({ name }) => name));
    const metrics = code.flatMap((text) => {
      const [, name, event] =
        /^([a-z]+(?:_[a-z]+)+|connections|groups)(?:\{(?:event="(\w+)")?.*\})?$/.exec(text) ?? [];
      return name === undefined || name.startsWith('nodejs_') ? [] : [{ name, event }];
    });
    expect(metrics.length).toBeGreaterThan(15);
    expect(metrics.filter(({ name }) => !known.has(name))).toEqual([]);
    const events = metrics.flatMap(({ event }) => event ?? []);
    expect(events).toContain('task_revived');
    expect(events.filter((event) => !sources.includes(`: '${event}'`))).toEqual([]);
  });

  test('quotes texts as the sources have them', () => {
    expect(quotes.length).toBeGreaterThan(40);
    expect(quotes.filter((quote) => quote !== 'quotation marks' && !isInSources(quote))).toEqual([]);
  });

  test('is checked against the code, not its comments', () => {
    expect(isInSources('the event loop is stuck: …')).toBe(false);
    expect(isInSources('The state of one use across connections')).toBe(false); // a comment of state-keeper.ts
    expect(isInSources('waits for Kapacitor: …')).toBe(true);
  });
});
