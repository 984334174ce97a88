import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../model/errors.js';
import { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import { kapacitorTarget } from '../kapacitor/target.js';
import type { Dbrp } from '../kapacitor/types.js';
import { ExitCode } from '../cli/exit-code.js';
import type { LogOptions } from '../cli/options.js';
import { print } from '../cli/print.js';
import { Applier, type Outcome } from './applier.js';
import { type Definition, readDefinitions } from './definitions.js';

export interface ApplyOptions extends LogOptions {
  readonly url?: string;
  readonly dbrp?: readonly Dbrp[];
  readonly dryRun?: true;
  readonly restart?: true;
  readonly wait?: bigint;
}

/** How long a UDF may take to find fault with its options, which Kapacitor tells only after the task is enabled. */
const startMs = 300;

/** Brings Kapacitor to what a directory says, and prints what it did; the exit code is 1 if some of it failed. */
export async function runApply(directory: string, options: ApplyOptions): Promise<void> {
  const api = new KapacitorApi(kapacitorTarget(options.url, process.env));
  const { definitions, problems } = readDefinitions(directory, options.dbrp);
  await answering(api, Number((options.wait ?? 0n) / 1_000_000n));
  const applier = new Applier(api, { dryRun: options.dryRun === true, restart: options.restart === true });
  const counts = new Map<Outcome['done'], number>();
  const report = async ({ done, details }: Outcome, what: string): Promise<void> => {
    counts.set(done, (counts.get(done) ?? 0) + 1);
    await print([`${done.padEnd(9)}  ${what}`, ...details.map((line) => `    ${line}`)].join('\n'));
  };
  for (const { file, message } of problems) await report({ done: 'failed', details: [message] }, file);
  const started: Definition[] = [];
  for (const definition of definitions) {
    const { kind, id, file } = definition;
    const outcome = await tried(applier, definition);
    if (kind === 'task' && !['failed', 'unchanged'].includes(outcome.done)) started.push(definition);
    await report(outcome, `${kind} ${id} (${file})`);
  }
  if (!options.dryRun && started.length > 0) await sleep(startMs);
  for (const { id, file } of options.dryRun ? [] : started) {
    const task = await api.task(id);
    if (!task || task.executing) continue;
    await report(
      { done: 'failed', details: [task.error] },
      `task ${id} (${file}) stopped as soon as it was started`,
    );
  }
  const summary = [...counts].map(([done, count]) => `${count} ${done}`).join(', ');
  await print(
    options.dryRun
      ? `${summary}; this was a dry run: nothing is done, and Kapacitor has checked nothing`
      : summary,
  );
  if (counts.has('failed')) throw new ExitCode(1);
}

/** One that fails does not keep the others from being applied; a Kapacitor that is away does. */
async function tried(applier: Applier, definition: Definition): Promise<Outcome> {
  try {
    return await applier.apply(definition);
  } catch (reason) {
    if (!(reason instanceof KapacitorRefusal)) throw reason;
    return { done: 'failed', details: reason.reason.split('\n') };
  }
}

/** Waits until Kapacitor answers. Rejects as the last attempt did. */
async function answering(api: KapacitorApi, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      await api.ping();
      return;
    } catch (reason) {
      if (performance.now() >= end) throw reason;
      process.stderr.write(`kapacitor-udf: waiting: ${messageOf(reason)}\n`);
    }
    await sleep(Math.min(1_000, Math.max(0, end - performance.now())));
  }
}
