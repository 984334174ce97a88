import { setTimeout as sleep } from 'node:timers/promises';
import { UdfError } from '../model/errors.js';
import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import type { TaskSettings } from '../kapacitor/types.js';
import { findBatchNodes } from './batch-nodes.js';
import type { CaseOptions } from './case-options.js';
import type { TestCase } from './cases.js';
import { compareOutput } from './compare-output.js';
import type { IsolatedScript } from './isolated-script.js';
import {
  alertsOf,
  asEmitted,
  normalizeAlerts,
  type OutputAlert,
  type OutputPoint,
  pointsOfEvents,
} from './read-output.js';

export interface ReplayCaseOptions extends CaseOptions {
  /** The name of the task, which the caller deletes. */
  readonly id: string;
  readonly settings: TaskSettings;
}

const pollIntervalMs = 25;

/**
 * Runs a case with a recording that Kapacitor stores: replays it to the task, and reads the output from topics once the
 * replay has finished. Returns the differences from what is expected.
 */
export async function replayCase(
  test: TestCase,
  isolated: IsolatedScript,
  { api, id, settings, caseTimeoutMs, signal }: ReplayCaseOptions,
): Promise<string[]> {
  if (settings.dbrps?.length === 0) {
    throw new UdfError('invalid_config', 'the case must say by db and rp where its recording comes from');
  }
  const { watched, alerts } = isolated;
  const batches = await findBatchNodes(api, id, isolated, settings);
  for (const [name, node] of watched) {
    if (batches.has(node)) {
      throw new UdfError('invalid_config', `${name} carries batches, whose points a replay does not show`);
    }
  }
  await api.createTask(id, { ...settings, script: isolated.text({ batches, output: 'topics' }) });
  const { id: replay } = await api.replay({
    task: id,
    recording: test.recordingId!,
    'recording-time': true,
    clock: 'fast', // run-case.ts checks the id
  });
  try {
    const end = Date.now() + caseTimeoutMs;
    for (;;) {
      signal.throwIfAborted();
      const { status, error } = await api.replayStatus(replay);
      if (status === 'failed') return [`the replay failed: ${error}`];
      if (status === 'finished') break;
      if (Date.now() >= end) return [`the replay did not end within ${caseTimeoutMs} ms`];
      await sleep(pollIntervalMs, undefined, { signal });
    }
    const points = new Map<string, OutputPoint[]>();
    for (const [name, node] of watched) {
      points.set(name, asEmitted(await topicPoints(api, node.topic), node, 0n));
    }
    const outputAlerts: OutputAlert[] = [];
    for (const { topic } of alerts) outputAlerts.push(...alertsOf(await topicPoints(api, topic), 0n, false));
    return compareOutput(test.expects, {
      points,
      counts: new Map([...points].map(([name, all]) => [name, all.length])),
      triggered: new Map(
        [...test.expects.triggered.keys()].map((level) => [
          level,
          outputAlerts.filter((alert) => alert.level === level).length,
        ]),
      ),
      alerts: normalizeAlerts(outputAlerts, id, test.task),
      errors: [],
    });
  } finally {
    await api.deleteReplay(replay).catch(() => undefined);
    await deleteTopics(api, isolated);
  }
}

/** The points in a topic; empty if Kapacitor does not know the topic, which is created by its first event. */
export async function topicPoints(api: KapacitorApi, topic: string): Promise<OutputPoint[]> {
  try {
    return pointsOfEvents(await api.topicEvents(topic));
  } catch (reason) {
    if (reason instanceof KapacitorRefusal && reason.reason.includes('unknown topic')) return [];
    throw reason;
  }
}

/** Deletes the topics of a script's copy. Never rejects. */
export async function deleteTopics(api: KapacitorApi, { watched, alerts }: IsolatedScript): Promise<void> {
  for (const { topic } of [...watched.values(), ...alerts]) {
    await api.deleteTopic(topic).catch(() => undefined);
  }
}
