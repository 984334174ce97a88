import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compareRevisions,
  emptySnapshot,
  readHeader,
  type SnapshotHeader,
  type StateOptions,
} from '../../agent/state/header.js';
import { readSnapshot } from '../../agent/state/snapshot.js';
import { GroupTable } from '../../agent/state/table.js';
import { messageOf, systemCode, UdfError } from '../../model/errors.js';
import type { UseId } from '../../model/statistics.js';
import { ownerOf } from './directory-lock.js';
import {
  readStateFile,
  readStateHeader,
  resetExtension,
  stateExtension,
  type StateIdentity,
  stateFileName,
  writeStateFile,
} from './state-file.js';

/** Which states are meant: those for which each given name is equal. */
export type StateFilter = Partial<UseId>;

/** A state that is kept for a use. */
export interface StoredState extends UseId {
  readonly groups: number;
  readonly bytes: number;
  /** When it was saved, in Unix milliseconds. */
  readonly savedAt: number;
  /** The version of the UDF's state. */
  readonly version: number;
  /** The options that the state depends on. */
  readonly options: StateOptions;
  /** Whether it is to be reset when its task starts, or stores its state, next. */
  readonly isReset: boolean;
}

/** The stored states of a directory that match, by task, node and UDF, and what is wrong with files that are not intact. */
export interface StoredStates {
  readonly states: readonly StoredState[];
  readonly problems: readonly string[];
}

/** A group of a state. */
export interface StoredGroup {
  readonly group: string;
  readonly state: unknown;
}

/** The groups of one use. */
export interface ShownState extends StoredState {
  readonly shown: readonly StoredGroup[];
}

/** Lists the states in a directory. Rejects with `invalid_config` if it cannot be read. */
export async function listStates(directory: string, filter: StateFilter = {}): Promise<StoredStates> {
  const states: StoredState[] = [];
  const problems: string[] = [];
  for (const name of await stateNames(directory)) {
    const path = join(directory, name);
    try {
      const kept = await headerAt(path + stateExtension);
      const reset = await headerAt(path + resetExtension);
      const isReset =
        reset !== undefined && compareRevisions(reset.header.revision, kept?.header.revision) > 0;
      const found = isReset ? reset : kept;
      if (!found || !matches(found.identity, filter)) continue;
      const { identity, header } = found;
      const { groups, version, options = {} } = header;
      states.push({ ...identity, groups, version, options, isReset });
    } catch (reason) {
      problems.push(messageOf(reason));
    }
  }
  const keyOf = ({ task, node, udf }: UseId): string => [task, node, udf].join('\0');
  return { states: states.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)), problems };
}

/**
 * Decodes the matching states, with at most `maxGroups` groups each, whose names contain `group`. Rejects with
 * `invalid_config` if the directory cannot be read, and with the codes of snapshots if a state is not intact.
 */
export async function showStates(
  directory: string,
  filter: StateFilter,
  { maxGroups, group = '' }: { readonly maxGroups: number; readonly group?: string | undefined },
): Promise<readonly ShownState[]> {
  const { states } = await listStates(directory, filter);
  const shown: ShownState[] = [];
  for (const state of states) {
    const extension = state.isReset ? resetExtension : stateExtension;
    const { snapshot } = await readStateFile(join(directory, stateFileName(state)) + extension);
    const groups = new GroupTable(() => undefined);
    await readSnapshot(ownerOfAny(readHeader(snapshot).header), groups, snapshot);
    const found: StoredGroup[] = [];
    for (const [binary, value] of groups.entries()) {
      const name = Buffer.from(binary, 'latin1').toString();
      if (name.includes(group) && found.push({ group: name, state: value }) === maxGroups) break;
    }
    shown.push({ ...state, shown: found });
  }
  return shown;
}

/** What `resetStates` has done. */
export interface StateReset {
  readonly reset: readonly UseId[];
  /** The process of the host that uses the directory, which resets running tasks at once; `undefined` if none answers. */
  readonly host: string | undefined;
}

/**
 * Resets the matching states: running tasks start afresh at once, others when they start next, even if Kapacitor has kept
 * a snapshot. A use that is named in full is reset whether or not a state is kept for it.
 *
 * Rejects with `invalid_config` if nothing matches, or the directory cannot be read or written.
 */
export async function resetStates(directory: string, filter: StateFilter): Promise<StateReset> {
  const { states } = await listStates(directory, filter);
  const { udf, task, node } = filter;
  const isOne = udf !== undefined && task !== undefined && node !== undefined;
  const uses: readonly UseId[] = states.length === 0 && isOne ? [{ udf, task, node }] : states;
  if (uses.length === 0) {
    throw new UdfError(
      'invalid_config',
      `no state in ${directory} matches; see kapacitor-udf state list, or name --task, --node and --udf`,
    );
  }
  for (const use of uses) {
    const path = join(directory, stateFileName(use));
    const kept = (await headerAt(path + stateExtension))?.header.revision;
    const earlier = (await headerAt(path + resetExtension))?.header.revision;
    const newest = compareRevisions(kept, earlier) > 0 ? kept : earlier;
    try {
      await writeStateFile(path + resetExtension, use, [emptySnapshot(use.udf, newest)]);
    } catch (cause) {
      throw new UdfError('invalid_config', `cannot write to ${directory}: ${messageOf(cause)}`, { cause });
    }
  }
  return { reset: uses, host: await ownerOf(directory) };
}

/** The names of the files of uses, without extension. */
async function stateNames(directory: string): Promise<readonly string[]> {
  let files: readonly string[];
  try {
    files = await readdir(directory);
  } catch (cause) {
    const problem = systemCode(cause) === 'ENOENT' ? 'there is no such directory' : messageOf(cause);
    throw new UdfError('invalid_config', `cannot read the state directory ${directory}: ${problem}`, {
      cause,
    });
  }
  const names = [stateExtension, resetExtension].flatMap((extension) =>
    files.filter((file) => file.endsWith(extension)).map((file) => file.slice(0, -extension.length)),
  );
  return [...new Set(names)];
}

async function headerAt(
  path: string,
): Promise<{ readonly identity: StateIdentity; readonly header: SnapshotHeader } | undefined> {
  try {
    return await readStateHeader(path);
  } catch (reason) {
    if (systemCode(reason) === 'ENOENT') return undefined;
    throw reason;
  }
}

function matches(use: UseId, filter: StateFilter): boolean {
  return (['udf', 'task', 'node'] as const).every(
    (key) => filter[key] === undefined || filter[key] === use[key],
  );
}

/** An owner that takes any state as it is. */
function ownerOfAny({ udf, version, options = {} }: SnapshotHeader): Parameters<typeof readSnapshot>[0] {
  return {
    name: udf,
    version,
    migrate: undefined,
    isState: undefined,
    options,
    defaults: {},
    checkState: () => undefined,
    inspect: () => undefined,
  };
}
