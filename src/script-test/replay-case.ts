import { setTimeout as sleep } from 'node:timers/promises';
import { UdfError } from '../model/errors.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import type { TaskSettings, TopicEvent } from '../kapacitor/types.js';
import { batchNodes } from './batch-nodes.js';
import type { TestCase } from './cases.js';
import type { IsolatedScript, Observed } from './isolated-script.js';
import { judge } from './judge.js';
import { alertsOf, pointsOf, type SeenAlert, seriesOf, told } from './observation.js';
import type { CaseOptions } from './run-case-options.js';

export interface ReplayCaseOptions extends CaseOptions {
  /** The name of the task, which whoever calls deletes. */
  readonly id: string;
  readonly settings: TaskSettings;
}

/**
 * Runs a case with a recording that Kapacitor has. It replays it to the task apart from all that runs, and ends when all
 * has passed through; what came out is read from topics afterwards.
 */
export async function replayCase(
  test: TestCase,
  isolated: IsolatedScript,
  { api, id, settings, withinMs, signal }: ReplayCaseOptions,
): Promise<string[]> {
  if (settings.dbrps?.length === 0) {
    throw new UdfError('invalid_config', 'the case must say by db and rp where its recording comes from');
  }
  const { watched, alerts } = isolated;
  const batches = await batchNodes(api, id, isolated, settings);
  for (const [name, observed] of watched) {
    if (batches.has(observed)) {
      throw new UdfError('invalid_config', `${name} carries batches, whose points a replay does not show`);
    }
  }
  await api.createTask(id, { ...settings, script: isolated.text(batches) });
  const replay = { task: id, recording: test.recordingId!, 'recording-time': true, clock: 'fast' as const };
  const { id: work } = await api.replay(replay);
  try {
    const end = Date.now() + withinMs;
    for (;;) {
      signal.throwIfAborted();
      const { status, error } = await api.replayState(work);
      if (status === 'failed') return [`the replay failed: ${error}`];
      if (status === 'finished') break;
      if (Date.now() >= end) return [`the replay did not end within ${withinMs} ms`];
      await sleep(25, undefined, { signal });
    }
    const series = async ({ topic }: Observed) => seriesOf(await eventsIn(api, topic));
    const points = new Map<string, ReturnType<typeof pointsOf>>();
    for (const [name, observed] of watched) points.set(name, pointsOf(await series(observed), observed, 0n));
    const came: SeenAlert[] = [];
    for (const observed of alerts) came.push(...alertsOf(await series(observed), observed, 0n));
    return judge(test.expects, {
      points,
      counts: new Map([...points].map(([name, all]) => [name, all.length])),
      triggered: new Map(
        [...test.expects.triggered.keys()].map((level) => [
          level,
          came.filter((alert) => alert.level === level).length,
        ]),
      ),
      alerts: told(came, id, test.task),
      errors: [],
    });
  } finally {
    await api.deleteReplay(work).catch(() => undefined);
    for (const { topic } of [...watched.values(), ...alerts])
      await api.deleteTopic(topic).catch(() => undefined);
  }
}

/** Kapacitor does not know a topic that nothing has come into. */
async function eventsIn(api: KapacitorApi, topic: string): Promise<readonly TopicEvent[]> {
  try {
    return await api.topicEvents(topic);
  } catch (reason) {
    if (reason instanceof KapacitorRefusal && reason.reason.includes('unknown topic')) return [];
    throw reason;
  }
}
