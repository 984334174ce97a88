import type { Options } from './options.js';
import { sameValue, type Value } from './same-value.js';
import type { Reading, Watch } from './watch.js';

/** Whether to emit a change; `before` is `undefined` for a group's first state. */
export type Wanted = (before: Reading | undefined, now: Reading) => boolean;

/** Creates the filter of `.from()` and `.to()`. With several fields and tags, at least one that changed must match. */
export function createFilter({ from, to }: Options, watch: Watch): Wanted {
  if (from.length === 0 && to.length === 0) return () => true;
  const leaves = matcher(from);
  const enters = matcher(to);
  return (before, now) => {
    const old = watch.values(before);
    const values = watch.values(now)!; // it was read by this watch
    if (!old) return from.length === 0 && values.some(enters);
    return values.some((value, index) => {
      const left = old[index]!;
      return !watch.sameValue(value, left) && leaves(left) && enters(value);
    });
  };
}

/** Whether a value is one of the states named in the TICKscript; any value if none is named. */
function matcher(texts: readonly string[]): (value: Value) => boolean {
  if (texts.length === 0) return () => true;
  const states = texts.map((text) => ({ text, number: numberIn(text) }));
  return (value) =>
    states.some(({ text, number }) => {
      if (value === null) return text === '';
      return typeof value === 'number' || typeof value === 'bigint'
        ? number !== undefined && sameValue(number, value)
        : String(value) === text;
    });
}

/** Parses a number, an integer exactly; `undefined` if the text is not a number. */
function numberIn(text: string): number | bigint | undefined {
  if (/^-?\d+$/.test(text)) return BigInt(text);
  if (text === 'NaN') return NaN;
  const number = text.trim() === '' ? NaN : Number(text);
  return Number.isNaN(number) ? undefined : number;
}
