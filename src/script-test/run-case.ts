import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UdfError } from '../model/errors.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import type { Task, TaskSettings } from '../kapacitor/types.js';
import { ScratchDatabase } from '../influx/scratch-database.js';
import { formatLine } from '../recording/format-line.js';
import { findBatchNodes } from './batch-nodes.js';
import type { CaseOptions } from './case-options.js';
import type { TestCase } from './cases.js';
import { type CaseOutput, compareOutput } from './compare-output.js';
import type { CaseScript } from './find-script.js';
import { isolate, type IsolatedScript, type ObservedNode, type OutputKind } from './isolated-script.js';
import {
  alertsOf,
  asEmitted,
  changingStats,
  countOf,
  nodeStats,
  normalizeAlerts,
  type OutputAlert,
  type OutputPoint,
  pointsOfSeries,
  stalledNodes,
  triggeredOf,
} from './read-output.js';
import { deleteTopics, replayCase, topicPoints } from './replay-case.js';

/** Kapacitor limits the size of a request's body. */
const maxLinesPerWrite = 5_000;
const second = 1_000_000_000n;
/** From scheduling a query to running it: Kapacitor must have started the task by then. */
const queryDelayMs = 2_000;
const pollIntervalMs = 25;

/** Time for a UDF to take its first point: a host that runs it in a worker starts one. */
const udfStartMs = 5_000;

/**
 * Runs a case in a task and a database of its own, which are removed afterwards, however it ends. Returns the differences
 * from what is expected, none if it passes. Rejects if it cannot be run.
 */
export async function runCase(test: TestCase, source: CaseScript, options: CaseOptions): Promise<string[]> {
  try {
    return await runWithOutput('http', test, source, options);
  } catch (reason) {
    // Topics can show NaN, but take longer.
    if (reason instanceof UnshowableOutput) return await runWithOutput('topics', test, source, options);
    throw reason;
  }
}

/** An `httpOut` endpoint of a stream holds NaN or an infinity, which JSON cannot hold. */
class UnshowableOutput extends Error {}

async function runWithOutput(
  output: OutputKind,
  test: TestCase,
  { script, vars, dbrps: scriptDbrps }: CaseScript,
  options: CaseOptions,
): Promise<string[]> {
  const id = `kapacitor-udf-test-${randomBytes(6).toString('hex')}`;
  const { api, influx, signal, onLeftover } = options;
  /** In the order in which they run. `byHand`: how the user can do the same. */
  const cleanUps: { readonly run: () => Promise<void>; readonly byHand: string }[] = [];
  try {
    const queryTime = new Date(Date.now() + queryDelayMs);
    const dbrps = [
      ...scriptDbrps,
      ...(test.db === undefined ? [] : [{ db: test.db, rp: test.rp ?? 'autogen' }]),
    ];
    const isolated = isolate(script, {
      watch: [...test.expects.points.keys(), ...test.expects.counts.keys()],
      alerts: test.expects.alerts !== undefined || test.recordingId !== undefined,
      database: id,
      others: dbrps,
      cron: `${queryTime.getUTCSeconds()} * * * * * *`,
    });
    const type = isolated.type ?? test.type ?? 'stream';
    cleanUps.push({
      run: () => api.deleteTask(id),
      byHand: `kapacitor delete tasks ${id} removes the task, once the host of its UDFs runs`,
    });
    if (test.recordingId !== undefined) {
      return await replayCase(test, isolated, { ...options, id, settings: { type, vars, dbrps } });
    }
    const rp = test.rp ?? dbrps[0]?.rp ?? 'autogen';
    const { lines, offset } = timedLines(test, type === 'batch');
    const settings: TaskSettings = { type, vars, dbrps: [{ db: id, rp }] };
    if (output === 'topics') {
      cleanUps.push({ run: () => deleteTopics(api, isolated), byHand: `its topics begin with ${id}` });
    }
    if (type === 'batch') {
      if (!influx) {
        throw new UdfError(
          'invalid_config',
          'a batch task queries InfluxDB: give the InfluxDB 1.x of Kapacitor with --influx URL',
        );
      }
      const database = new ScratchDatabase(influx, id, rp);
      cleanUps.push({ run: () => database.drop(), byHand: `DROP DATABASE "${id}" removes the database` });
      await database.create(lines.join('\n'));
    }
    const batches = await findBatchNodes(api, id, isolated, settings);
    signal.throwIfAborted();
    await api.createTask(id, { ...settings, script: isolated.text({ batches, output }), status: 'enabled' });
    for (let at = 0; type === 'stream' && at < lines.length; at += maxLinesPerWrite) {
      signal.throwIfAborted();
      await api.write(id, rp, lines.slice(at, at + maxLinesPerWrite).join('\n'));
    }
    return await settledOutcome(
      { test, isolated, id, batches, output, offset, queryTime: type === 'batch' ? queryTime.getTime() : 0 },
      options,
    );
  } finally {
    for (const { run, byHand } of cleanUps) {
      await run().catch((reason: unknown) => {
        onLeftover(`${id} is left behind: ${messageOf(reason)}; ${byHand}`);
      });
    }
  }
}

/**
 * Line protocol of a case's points. Points without a time are a second apart. The points of a query end at the present,
 * `offset` later than the case says.
 */
function timedLines({ data }: TestCase, queried: boolean): { lines: string[]; offset: bigint } {
  const present = (BigInt(Date.now()) / 1_000n) * second;
  let next = present - BigInt(data.length) * second;
  const points = data.map((point) => {
    const time = point.time ?? next;
    next = time + second;
    return { ...point, time };
  });
  const newest = points.reduce((max, { time }) => (time > max ? time : max), 0n);
  const given = data.some(({ time }) => time !== undefined);
  const offset = queried && given ? present - second - newest : 0n;
  return { lines: points.map((point) => formatLine({ ...point, time: point.time + offset })), offset };
}

/** A case whose task is running. */
interface RunningCase {
  readonly test: TestCase;
  readonly isolated: IsolatedScript;
  readonly id: string;
  readonly batches: ReadonlySet<ObservedNode>;
  readonly output: OutputKind;
  readonly offset: bigint;
  /** When the query runs, in milliseconds since the epoch; 0 for a stream. */
  readonly queryTime: number;
}

/** Polls until the task's statistics have settled and the output is as expected, or a timeout. */
async function settledOutcome(
  running: RunningCase,
  { api, settleMs, caseTimeoutMs, signal }: CaseOptions,
): Promise<string[]> {
  const end = Date.now() + caseTimeoutMs;
  // A query without results leaves no trace in the statistics: allow a second for it to run.
  const earliest = running.queryTime + 1_000;
  let stats = '';
  let since = performance.now();
  for (;;) {
    const task = await api.task(running.id);
    if (!task) throw new UdfError('refused', 'the task was deleted while the case ran');
    // Kapacitor stops a task before it sets the task's error.
    if (!task.executing && (task.error !== '' || performance.now() - since >= settleMs)) {
      return [`the task stopped: ${task.error}`];
    }
    const now = changingStats(task);
    if (now !== stats) since = performance.now();
    stats = now;
    const calmMs = performance.now() - since;
    if (calmMs >= settleMs && Date.now() >= earliest) {
      const problems = compareOutput(running.test.expects, await readOutput(api, task, running));
      // Late output may still come, and a UDF that has taken nothing may still be starting.
      const maxCalmMs = stalledNodes(task).length > 0 ? Math.max(udfStartMs, 4 * settleMs) : 4 * settleMs;
      if (problems.length === 0 || calmMs >= maxCalmMs || Date.now() >= end) return problems;
    } else if (Date.now() >= end) {
      return [`its statistics did not settle within ${caseTimeoutMs} ms`];
    }
    await sleep(pollIntervalMs, undefined, { signal });
  }
}

async function readOutput(api: KapacitorApi, task: Task, running: RunningCase): Promise<CaseOutput> {
  const { test, isolated, batches, offset } = running;
  const { watched, alerts } = isolated;
  const { expects } = test;
  const points = new Map<string, OutputPoint[]>();
  for (const name of expects.points.keys()) {
    const node = watched.get(name)!; // all nodes with expected points are watched
    points.set(name, asEmitted(await nodePoints(api, node, running), node, offset));
  }
  const outputAlerts: OutputAlert[] = [];
  for (const node of alerts) {
    outputAlerts.push(...alertsOf(await nodePoints(api, node, running), offset, batches.has(node)));
  }
  const errors = Object.entries(nodeStats(task)).flatMap(([name, { errors = 0 }]) =>
    errors > 0 ? [`${name} had ${errors} errors; they are in Kapacitor's log`] : [],
  );
  return {
    points,
    counts: new Map(
      [...expects.counts.keys()].map((name) => [name, countOf(task, watched.get(name)!.node.number)]),
    ),
    triggered: new Map([...expects.triggered.keys()].map((level) => [level, triggeredOf(task, level)])),
    alerts: normalizeAlerts(outputAlerts, task.id, test.task),
    errors: [...errors, ...stalledNodes(task)],
  };
}

async function nodePoints(
  api: KapacitorApi,
  observed: ObservedNode,
  { id, batches, output }: RunningCase,
): Promise<OutputPoint[]> {
  if (output === 'topics' && !batches.has(observed)) return topicPoints(api, observed.topic);
  try {
    return pointsOfSeries(await api.output(id, observed.endpoint));
  } catch (reason) {
    const unsupported = reason instanceof KapacitorRefusal && /unsupported value: (\S+)/.exec(reason.reason);
    if (!unsupported) throw reason;
    if (!batches.has(observed)) throw new UnshowableOutput();
    const { name, number } = observed.node;
    throw new UdfError(
      'refused',
      `a batch of ${name}${number} has a field that is ${unsupported[1]}, which Kapacitor's HTTP API cannot show`,
      { cause: reason },
    );
  }
}
