import type { InstanceDefaults } from '../../../agent/defaults.js';
import type { RefusedRun } from '../../../agent/handler-runs.js';
import type { Revision } from '../../../agent/state/header.js';
import type { Limits } from '../../../agent/limits.js';
import { UdfError } from '../../../model/errors.js';
import type { Logger } from '../../../telemetry/logger.js';
import { snapshotFrameStart } from '../../../wire/framing.js';
import { decodeResponse, type Response } from '../../../wire/messages.js';
import { restoreTag } from '../../../wire/tags.js';
import type { UdfInfo } from './messages.js';
import { checkedInfo } from './udf-info.js';
import type { UdfWorker, UdfWorkerEvents } from './udf-worker.js';

/** What a worker is given before its first input. */
export interface LaunchOptions {
  readonly udf: UdfInfo;
  readonly defaults: InstanceDefaults;
  readonly limits: Limits;
  /** The frame of Kapacitor's init request. */
  readonly init: Buffer;
  /** The state to begin with. */
  readonly snapshot: Uint8Array | undefined;
  /** The time that its clock starts at; `undefined` for the system's clock. */
  readonly time: bigint | undefined;
  readonly keepsLetters: boolean;
  /** Runs that have ended two workers. */
  readonly refused: readonly RefusedRun[];
  /** The revision of a newer state that could not be restored. */
  readonly newerThan: Revision | undefined;
  /** The first bytes of its input whose calls must not overlap. */
  readonly sequentialBytes: number;
  readonly logger: Logger;
  readonly events: UdfWorkerEvents;
}

/** A worker's answers. With `problem`, it cannot go on with the snapshot. */
export interface Launched {
  readonly init: Extract<Response, { kind: 'init' }>;
  readonly problem: UdfError | undefined;
}

/** Waits until a worker has loaded its modules. Rejects with `invalid_module` if its UDF is not what Kapacitor knows. */
export async function checkUdf(worker: UdfWorker, udf: UdfInfo): Promise<void> {
  checkedInfo(
    udf,
    (await worker.loaded).find(({ name }) => name === udf.name),
  );
}

/** Gives a worker the task and the state. Does not settle if the worker ends. */
export async function launch(worker: UdfWorker, options: LaunchOptions): Promise<Launched> {
  const { udf, init, snapshot, logger, events, ...settings } = options;
  worker.serve({ udf: udf.name, ...settings }, logger, events);
  const answer = decodeResponse(await worker.request([init]));
  if (answer.kind !== 'init') throw new UdfError('internal', `init was answered by "${answer.kind}"`);
  if (!answer.success || snapshot === undefined) return { init: answer, problem: undefined };
  const restored = decodeResponse(await worker.request(restoreRequest(snapshot)));
  const isRestored = restored.kind === 'restore' && restored.success;
  return { init: answer, problem: isRestored ? undefined : restoreProblem(restored) };
}

/** A restore request, in pieces: the snapshot is not copied. */
export function restoreRequest(snapshot: Uint8Array): readonly Buffer[] {
  const { buffer, byteOffset, byteLength } = snapshot;
  return [snapshotFrameStart(byteLength, restoreTag), Buffer.from(buffer, byteOffset, byteLength)];
}

function restoreProblem(response: Response): UdfError {
  const text = response.kind === 'restore' ? response.error : 'the restore request was not answered';
  return new UdfError('snapshot_migration', text);
}
