import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UdfError } from '../model/errors.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import type { Task, TaskSettings } from '../kapacitor/types.js';
import { formatLine } from '../recording/format-line.js';
import type { TestCase } from './cases.js';
import { isolate, type IsolatedScript } from './isolated-script.js';
import { judge, type Seen } from './judge.js';
import {
  alertsOf,
  countOf,
  figuresOf,
  nodesOf,
  pointsOf,
  stalledOf,
  type SeenAlert,
  told,
  triggeredOf,
} from './observation.js';
import { batchNodes } from './batch-nodes.js';
import { replayCase } from './replay-case.js';
import type { CaseOptions } from './run-case-options.js';
import type { CaseScript } from './script.js';
import { SourceDatabase } from './source-database.js';

/** Kapacitor takes bodies up to a size. */
const linesAtOnce = 5_000;
const second = 1_000_000_000n;
/** So many seconds ahead a query is planned: Kapacitor must have started the task by then. */
const aheadMs = 2_000;

/**
 * Runs a case in a task and databases of its own, which are gone afterwards, however it ends. Returns what is not as
 * expected, nothing if all is. Rejects if it cannot be run.
 */
export async function runCase(test: TestCase, source: CaseScript, options: CaseOptions): Promise<string[]> {
  const id = `kapacitor-udf-test-${randomBytes(6).toString('hex')}`;
  const { api, influx, signal } = options;
  /** What ends the task goes first. `otherwise` says how to do it later. */
  const cleanUps: { readonly run: () => Promise<void>; readonly otherwise: string }[] = [];
  try {
    const { script, vars } = source;
    const due = new Date(Date.now() + aheadMs);
    const dbrps = [
      ...source.dbrps,
      ...(test.db === undefined ? [] : [{ db: test.db, rp: test.rp ?? 'autogen' }]),
    ];
    const isolated = isolate(script, {
      watch: [...test.expects.points.keys(), ...test.expects.counts.keys()],
      alerts: test.expects.alerts !== undefined || test.recordingId !== undefined,
      database: id,
      others: dbrps,
      cron: `${due.getUTCSeconds()} * * * * * *`,
      topics: test.recordingId !== undefined,
    });
    const type = isolated.type ?? test.type ?? 'stream';
    cleanUps.push({
      run: () => api.deleteTask(id),
      otherwise: `kapacitor delete tasks ${id} removes the task, once the host of its UDFs runs`,
    });
    if (test.recordingId !== undefined) {
      return await replayCase(test, isolated, { ...options, id, settings: { type, vars, dbrps } });
    }
    const rp = test.rp ?? dbrps[0]?.rp ?? 'autogen';
    const { lines, offset } = timed(test, type === 'batch');
    const settings: TaskSettings = { type, vars, dbrps: [{ db: id, rp }] };

    if (type === 'batch') {
      if (influx === undefined) {
        throw new UdfError(
          'invalid_config',
          'a batch task queries InfluxDB: give the one of Kapacitor with --influx URL',
        );
      }
      const database = new SourceDatabase(influx, id, rp);
      cleanUps.push({ run: () => database.drop(), otherwise: `DROP DATABASE "${id}" removes the database` });
      await database.create(lines.join('\n'));
    }
    const batches = await batchNodes(api, id, isolated, settings);
    signal.throwIfAborted();
    await api.createTask(id, { ...settings, script: isolated.text(batches), status: 'enabled' });
    for (let at = 0; type === 'stream' && at < lines.length; at += linesAtOnce) {
      signal.throwIfAborted();
      await api.write(id, rp, lines.slice(at, at + linesAtOnce).join('\n'));
    }
    return await outcome(test, isolated, id, offset, type === 'batch' ? due.getTime() : undefined, options);
  } finally {
    for (const { run, otherwise } of cleanUps) {
      await run().catch((reason: unknown) => {
        process.stderr.write(`kapacitor-udf: ${id} is left behind: ${messageOf(reason)}; ${otherwise}\n`);
      });
    }
  }
}

/** Lines with times: a second after the one before where they have none; for queries up to the present. */
function timed({ data }: TestCase, recent: boolean): { lines: string[]; offset: bigint } {
  const present = (BigInt(Date.now()) / 1_000n) * second;
  let next = present - BigInt(data.length) * second;
  const points = data.map((point) => {
    const time = point.time ?? next;
    next = time + second;
    return { ...point, time };
  });
  const newest = points.reduce((most, { time }) => (time > most ? time : most), 0n);
  const given = data.some(({ time }) => time !== undefined);
  const offset = recent && given ? present - second - newest : 0n;
  return { lines: points.map((point) => formatLine({ ...point, time: point.time + offset })), offset };
}

/** Looks until all is as expected and nothing moves any more, or it is clear that it will not be. */
async function outcome(
  test: TestCase,
  isolated: IsolatedScript,
  id: string,
  offset: bigint,
  due: number | undefined,
  { api, settleMs, withinMs, signal }: CaseOptions,
): Promise<string[]> {
  const end = Date.now() + withinMs;
  // A query that finds nothing leaves no trace: some time after it was due it has been carried out.
  const earliest = due === undefined ? 0 : due + 1_000;
  let figures = '';
  let since = performance.now();
  for (;;) {
    const task = await api.task(id);
    if (!task) throw new UdfError('refused', 'somebody deleted the task while the case ran');
    // Kapacitor stops a task before it notes why.
    if (!task.executing && (task.error !== '' || performance.now() - since >= settleMs)) {
      return [`the task stopped: ${task.error}`];
    }
    const now = figuresOf(task);
    if (now !== figures) since = performance.now();
    figures = now;
    const calm = performance.now() - since;
    if (calm >= settleMs && Date.now() >= earliest) {
      const problems = judge(test.expects, await seen(api, task, isolated, test, offset));
      // What is late may still come.
      if (problems.length === 0 || calm >= 4 * settleMs || Date.now() >= end) return problems;
    } else if (Date.now() >= end) {
      return [`it did not come to rest within ${withinMs} ms`];
    }
    await sleep(25, undefined, { signal });
  }
}

async function seen(
  api: KapacitorApi,
  task: Task,
  { watched, alerts }: IsolatedScript,
  { expects, task: taskFile }: TestCase,
  offset: bigint,
): Promise<Seen> {
  const points = new Map<string, ReturnType<typeof pointsOf>>();
  for (const name of expects.points.keys()) {
    const observed = watched.get(name)!; // all that are expected are watched
    points.set(name, pointsOf(await api.output(task.id, observed.endpoint), observed, offset));
  }
  const came: SeenAlert[] = [];
  for (const observed of alerts) {
    came.push(...alertsOf(await api.output(task.id, observed.endpoint), observed, offset));
  }
  const errors = Object.entries(nodesOf(task)).flatMap(([name, { errors = 0 }]) =>
    errors > 0 ? [`${name} had ${errors} errors; the log of Kapacitor tells which`] : [],
  );
  return {
    points,
    counts: new Map(
      [...expects.counts.keys()].map((name) => [name, countOf(task, watched.get(name)!.node.number)]),
    ),
    triggered: new Map([...expects.triggered.keys()].map((level) => [level, triggeredOf(task, level)])),
    alerts: told(came, task.id, taskFile),
    errors: [...errors, ...stalledOf(task)],
  };
}
