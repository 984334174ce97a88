import { resolveLimits } from '../../agent/limits.js';
import { defaultsProblem } from '../../agent/defaults.js';
import type { HandlerRun, RefusedRun } from '../../agent/handler-runs.js';
import { messageOf, UdfError } from '../../model/errors.js';
import type { PlainError, UdfInfo } from '../isolation/worker/messages.js';
import type { WorkerEndCause } from '../isolation/worker/worker-end.js';
import type { ServeSettings, WorkerMessage } from '../isolation/worker/worker-port.js';

/** What a proxy sends to a host beside the worker's input. */
export type ToHost =
  | { readonly kind: 'serve'; readonly settings: ServeSettings }
  /** The input has ended. */
  | { readonly kind: 'end' }
  /** Statistics are to come with the next acknowledgement. */
  | { readonly kind: 'stats' };

/** What a host sends to a proxy beside the worker's output. */
export type FromHost =
  | WorkerMessage
  | { readonly kind: 'loaded'; readonly udfs: readonly UdfInfo[] }
  /** What the worker does, or did at its end; precedes its output. See `HandlerRunsReader`. */
  | { readonly kind: 'runs'; readonly current: HandlerRun | undefined; readonly begunBytes: number }
  | {
      readonly kind: 'ended';
      readonly cause: WorkerEndCause;
      readonly text: string;
      readonly error: PlainError | undefined;
    }
  /** The host has loaded new code. */
  | { readonly kind: 'reload' };

/** A proxy's messages are short. */
export const maxToHostBytes = 64 * 1024;
/** A host's may contain the points of a whole batch, as dead letters. */
export const maxFromHostBytes = 512 * 1024 * 1024;

/** Stand-ins for values that JSON lacks: an object with this one key. An object that looks like one is sent as its entries. */
const bigintKey = '$bigint';
const bytesKey = '$bytes';
const numberKey = '$number';
const entriesKey = '$entries';

/** Deeper parts of a log line's details are left out: they may contain themselves. */
const maxDepth = 16;

/** Encodes a message as JSON. */
export function encodeMessage(message: ToHost | FromHost): Buffer {
  return Buffer.from(JSON.stringify(plain(message)));
}

function plain(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return { [bigintKey]: String(value) };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { [numberKey]: String(value) };
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return { [bytesKey]: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
  }
  if (depth === maxDepth) return '…';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => [key, plain(item, depth + 1)] as const);
  const isSpecial = entries.length === 1 && entries[0]![0].startsWith('$');
  return isSpecial ? { [entriesKey]: entries } : Object.fromEntries(entries);
}

/** Decodes a message of the other side. Throws `malformed` unless it is an object with a `kind`. */
export function decodeMessage(payload: Buffer): { readonly kind: string } {
  let message: unknown;
  try {
    message = JSON.parse(payload.toString('utf8'), revive);
  } catch (cause) {
    throw new UdfError('malformed', `a message is not as expected: ${messageOf(cause)}`, { cause });
  }
  if (typeof message === 'object' && message !== null && 'kind' in message) {
    if (typeof message.kind === 'string') return message as { readonly kind: string };
  }
  throw new UdfError('malformed', 'a message has no kind');
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const [first, ...others] = Object.entries(value) as [string, unknown][];
  if (first === undefined || others.length > 0) return value;
  const [key, content] = first;
  if (key === entriesKey && Array.isArray(content)) return Object.fromEntries(content as [string, unknown][]);
  if (typeof content !== 'string') return value;
  switch (key) {
    case bigintKey:
      return BigInt(content);
    case bytesKey:
      return Buffer.from(content, 'base64');
    case numberKey:
      return Number(content);
    default:
      return value;
  }
}

/** Decodes a proxy's message. Throws `malformed` if it is not one, and `invalid_argument` for an invalid limit. */
export function decodeToHost(payload: Buffer): ToHost {
  const message = decodeMessage(payload) as { readonly kind: string; readonly settings?: unknown };
  switch (message.kind) {
    case 'end':
    case 'stats':
      return { kind: message.kind };
    case 'serve':
      return { kind: 'serve', settings: checkedSettings(message.settings) };
    default:
      throw new UdfError('malformed', `there is no message "${message.kind.slice(0, 100)}"`);
  }
}

/** Checks what a worker would rely on. */
function checkedSettings(given: unknown): ServeSettings {
  const settings = (given ?? {}) as Partial<Record<keyof ServeSettings, unknown>>;
  const { udf, keepsLetters, time, newerThan, sequentialBytes, refused } = settings;
  const isKnown =
    typeof udf === 'string' &&
    typeof keepsLetters === 'boolean' &&
    typeof sequentialBytes === 'number' &&
    (time === undefined || typeof time === 'bigint') &&
    (newerThan === undefined || isRevision(newerThan)) &&
    Array.isArray(refused) &&
    refused.every(isRefusedRun) &&
    isObject(settings.limits) &&
    isObject(settings.defaults);
  if (!isKnown) throw new UdfError('malformed', 'the settings of a session are not as expected');
  const limits = resolveLimits(settings.limits as Partial<ServeSettings['limits']>); // which checks each
  const defaults = settings.defaults as ServeSettings['defaults']; // checked next
  const problem = defaultsProblem(defaults);
  if (problem !== undefined) throw new UdfError('malformed', problem);
  return {
    udf,
    keepsLetters,
    sequentialBytes,
    limits,
    defaults,
    refused,
    time,
    newerThan: newerThan as ServeSettings['newerThan'], // checked above
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isRefusedRun(value: unknown): value is RefusedRun {
  if (!isObject(value)) return false;
  const { kind, number, reason } = value as Record<string, unknown>;
  return typeof kind === 'number' && typeof number === 'number' && typeof reason === 'string';
}

function isRevision(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { epoch, run, sequence } = value as Record<string, unknown>;
  return [epoch, run, sequence].every(Number.isSafeInteger);
}
