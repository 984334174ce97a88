import { inspect } from 'node:util';
import Table from 'cli-table3';
import { formatDuration } from '../../model/duration.js';
import type { ShownState, StateReset, StoredState } from './inspect-states.js';

const noMatch = 'No state matches.';

/** States as a table for people: a row each. */
export function stateTable(states: readonly StoredState[], now: number = Date.now()): string {
  if (states.length === 0) return noMatch;
  const table = new Table({
    head: ['task', 'node', 'udf', 'groups', 'bytes', 'age', 'options'],
    style: { head: [], border: [] },
  });
  for (const { task, node, udf, groups, bytes, savedAt, options, isReset } of states) {
    const seconds = Math.max(0, Math.round((now - savedAt) / 1000));
    const set = Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${JSON.stringify(jsonValue(value))}`);
    const age = formatDuration(BigInt(seconds) * 1_000_000_000n);
    table.push([task, node, udf, groups, bytes, age, isReset ? '(reset)' : set.join(' ')]);
  }
  return table.toString();
}

/** The groups of states for people. */
export function shownStatesText(states: readonly ShownState[]): string {
  if (states.length === 0) return noMatch;
  const sections = states.map(({ task, node, udf, groups, shown }) => {
    const lines = shown.map(({ group, state }) => {
      const value = inspect(state, { breakLength: 100, maxStringLength: 200, maxArrayLength: 50 });
      return `  ${group === '' ? '(no group)' : group}  ${value.replaceAll('\n', '\n    ')}`;
    });
    return [`${task} ${node} @${udf}()  ${groups} groups`, ...lines].join('\n');
  });
  return sections.join('\n\n');
}

/** What was reset, for people: a line each. */
export function resetText({ reset, host }: StateReset): string {
  const when = host === undefined ? 'when their tasks start next' : `by the running host (process ${host})`;
  return reset.map(({ task, node, udf }) => `${task} ${node} @${udf}(): reset ${when}`).join('\n');
}

/** A state, with its groups if they are shown, as data for JSON. */
export function stateJson(state: StoredState | ShownState): object {
  const { task, node, udf, groups, bytes, savedAt, version, options, isReset } = state;
  const saved = new Date(savedAt).toISOString();
  return {
    task,
    node,
    udf,
    groups,
    bytes,
    saved,
    version,
    options: jsonValue(options),
    isReset,
    ...('shown' in state && { shown: state.shown.map(jsonValue) }),
  };
}

/** What was reset, as data for JSON; `host` is `null` if none uses the directory. */
export function resetJson({ reset, host }: StateReset): object {
  return { reset: reset.map(({ task, node, udf }) => ({ task, node, udf })), host: host ?? null };
}

/** A value as JSON can hold it: 64-bit integers, special numbers, patterns and errors as text, sets, maps and bytes as arrays. */
function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value ?? null;
  if ('toJSON' in value) return value;
  if (value instanceof Map || value instanceof Set) return Array.from(value as Iterable<unknown>, jsonValue);
  if (Array.isArray(value)) return Array.from(value, jsonValue);
  if (value instanceof RegExp || value instanceof Error) return String(value);
  if (value instanceof ArrayBuffer) return Array.from(new Uint8Array(value));
  if (value instanceof DataView) {
    return Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  // Every other view of a buffer is a typed array.
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, jsonValue);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item)]));
}
