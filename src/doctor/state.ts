import { statSync } from 'node:fs';
import { ownerOf } from '../host/state/directory-lock.js';
import { listStates, type StoredState } from '../host/state/inspect-states.js';
import { formatDuration } from '../model/duration.js';
import { messageOf } from '../model/errors.js';
import type { Server } from './contact-server.js';
import type { Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('state');

/** A host saves a changed state every ten seconds by default. */
const maxStateAgeMs = 10 * 60_000;
/** A restart of a host takes seconds; a snapshot that comes due meanwhile can crash Kapacitor. */
const minSnapshotIntervalMs = 10_000;
/** Missed snapshots that cannot be chance. */
const maxMissedSnapshots = 3;

/** Checks Kapacitor's snapshots and the host's state directory: that they are taken, recent and intact. */
export async function checkState(facts: Facts, now = Date.now()): Promise<Finding[]> {
  return [...snapshotSettings(facts), ...snapshotAge(facts, now), ...(await stateDirectory(facts, now))];
}

function snapshotSettings({ settings, settingsFile: file, options: { stateDir } }: Facts): Finding[] {
  if (!settings || !file) return [];
  const { snapshotIntervalMs } = settings;
  if (snapshotIntervalMs === 0) {
    if (stateDir !== undefined) return [];
    return [
      finding(
        'warning',
        file,
        'snapshot-interval is 0: Kapacitor keeps no state of tasks over its restarts',
        'write snapshot-interval = "1m" into [task], or start the host with --state-dir',
      ),
    ];
  }
  if (snapshotIntervalMs >= minSnapshotIntervalMs) return [];
  return [
    finding(
      'warning',
      file,
      `snapshot-interval is ${snapshotIntervalMs} ms: a snapshot that is due while the host restarts can crash Kapacitor`,
      'write snapshot-interval = "1m" into [task]',
    ),
  ];
}

/** Kapacitor does not tell when it took a snapshot, but each is a write to its database. */
function snapshotAge({ settings, server, reach }: Facts, now: number): Finding[] {
  if (!settings || !server || settings.snapshotIntervalMs === 0) return [];
  const { snapshotIntervalMs, boltdb } = settings;
  const maxAgeMs = maxMissedSnapshots * snapshotIntervalMs;
  const running = server.statuses.find(
    ({ state, udfs, enabledAt }) =>
      state === 'running' && udfs.length > 0 && now - Date.parse(enabledAt ?? '') > maxAgeMs,
  );
  const ageMs = now - (timeOf(reach(boltdb)) ?? now);
  if (!running || ageMs <= maxAgeMs) return [];
  return [
    finding(
      'warning',
      boltdb,
      `Kapacitor has stored no snapshot for ${ageText(ageMs)}, though task ${running.id} runs and one is due every ${ageText(snapshotIntervalMs)}`,
      'look for "snapshot" in the log of Kapacitor; start the host with --state-dir, which does not depend on it',
    ),
  ];
}

async function stateDirectory({ options, server }: Facts, now: number): Promise<Finding[]> {
  const { stateDir: directory } = options;
  if (directory === undefined) return [];
  try {
    const { states, problems } = await listStates(directory);
    const owner = await ownerOf(directory);
    return [
      ...problems.map((problem) =>
        finding(
          'error',
          directory,
          problem,
          'remove the file; its task starts afresh, or from its last snapshot',
        ),
      ),
      ...(owner === undefined
        ? [
            finding(
              'warning',
              directory,
              'no running host keeps its states there',
              `start it with --state-dir ${directory}`,
            ),
          ]
        : []),
      ...states.flatMap((state) => stateProblems(state, directory, server, now)),
    ];
  } catch (reason) {
    return [
      finding(
        'error',
        directory,
        messageOf(reason),
        `start the host with --state-dir ${directory}, as a user who may write there`,
      ),
    ];
  }
}

function stateProblems(
  state: StoredState,
  directory: string,
  server: Server | undefined,
  now: number,
): Finding[] {
  if (!server) return [];
  const { task, node, udf, savedAt } = state;
  const status = server.statuses.find(({ id }) => id === task);
  const where = `${directory}: ${task}, ${node}, @${udf}`;
  if (!status) {
    return [
      finding(
        'note',
        where,
        'Kapacitor has no such task any more',
        'nothing: the host removes it after --state-max-age; or kapacitor-udf state reset',
      ),
    ];
  }
  const ageMs = now - savedAt;
  if (status.state !== 'running' || status.throughput === 0 || ageMs <= maxStateAgeMs) return [];
  return [
    finding(
      'warning',
      where,
      `the state is ${ageText(ageMs)} old, though points flow: it is not saved, or does not change`,
      'see that the host runs with this --state-dir and that its log reports no failed write',
    ),
  ];
}

function timeOf(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined; // this user may not look
  }
}

/** Rounded to seconds below a minute, to minutes below an hour, and to hours above. */
function ageText(ms: number): string {
  const unit = ms < 60_000 ? 1_000 : ms < 3_600_000 ? 60_000 : 3_600_000;
  return formatDuration(BigInt(Math.max(1, Math.round(ms / unit)) * unit) * 1_000_000n);
}
