import { UdfError } from '../model/errors.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition } from '../udf/definition.js';
import { snapshotFrameStart } from '../wire/framing.js';
import type { Instance } from './instance.js';
import { isMigrationRefusal, readSnapshot, type SnapshotOwner, writeSnapshot } from './state/snapshot.js';

/** The frame of a snapshot response, in pieces. Rejects with `limit` above `maxBytes`, and `handler`. */
export async function snapshotFrame(
  definition: UdfDefinition,
  instance: Instance,
  maxBytes: number,
): Promise<readonly Buffer[]> {
  const owner = ownerOf(definition, instance);
  const { pieces, size } = await writeSnapshot(owner, instance.groups, maxBytes);
  return [snapshotFrameStart(size), ...pieces];
}

export interface RestoreSettings {
  readonly maxBytes: number;
  /** Refuse a snapshot that cannot be restored, instead of starting with fresh state. */
  readonly isStrict: boolean;
  readonly logger: Logger;
}

/**
 * Replaces an instance's state by a snapshot's. If that is not possible the state is empty: the reason is logged, and
 * returned if the restore is to be refused. Rejects with `limit` for a snapshot above `maxBytes`.
 */
export async function restoreSnapshot(
  definition: UdfDefinition,
  instance: Instance,
  snapshot: Uint8Array,
  { maxBytes, isStrict, logger }: RestoreSettings,
): Promise<UdfError | undefined> {
  const { groups } = instance;
  const { name } = definition;
  if (snapshot.length > maxBytes) {
    throw new UdfError(
      'limit',
      `a snapshot of ${snapshot.length} bytes is above the limit of ${maxBytes} (snapshotBytes)`,
    );
  }
  groups.clear();
  try {
    const changes = await readSnapshot(ownerOf(definition, instance), groups, snapshot);
    if (changes.length > 0) {
      const what = `the state depends on options that have changed since the snapshot: ${changes.join(', ')}`;
      logger.warn({}, capText(`${name}: ${what}; starting with fresh state`));
    }
    return undefined;
  } catch (reason) {
    groups.clear();
    const error = UdfError.from(reason);
    const { code } = error;
    const message = cannotRestore(name, error);
    // By default not refused: the task would then fail each time it is enabled, until somebody deletes it.
    if (isStrict) logger.error({ code, err: error }, message);
    else if (isMigrationRefusal(error.cause)) logger.warn({ code }, `${message}; starting with fresh state`);
    else logger.error({ code, err: error }, `${message}; starting with fresh state`);
    return isStrict ? error : undefined;
  }
}

/** The message of a restore that failed, as Kapacitor and the log show it. */
export function cannotRestore(udf: string, { message }: UdfError): string {
  return capText(`${udf}: cannot restore: ${message}`);
}

function ownerOf({ name, version, handlers, options }: UdfDefinition, instance: Instance): SnapshotOwner {
  return {
    name,
    version,
    migrate: handlers.migrate,
    isState: handlers.isState,
    options: instance.stateOptions,
    defaults: Object.fromEntries(Object.entries(options).map(([key, spec]) => [key, spec.default])),
    checkState: (state) => {
      instance.checkState(state);
    },
    inspect: (state) => {
      instance.inspectState(state);
    },
  };
}
