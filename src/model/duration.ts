import { UdfError } from './errors.js';

/** Units with their nanoseconds, longest first: those of TICKscript durations, and `ns`. */
const units: readonly (readonly [string, bigint])[] = [
  ['w', 604_800_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['u', 1_000n],
  ['ns', 1n],
];

const nanosecondsOf = new Map<string, bigint>([...units, ['µ', 1_000n]]);

/**
 * Parses a duration into nanoseconds: TICKscript literals (`30s`, `500ms`, `10u`, `1w`), and also `1m30s` and `7ns`; a
 * leading `-` negates all of it. Throws `invalid_argument` for anything else.
 */
export function parseDuration(text: string): bigint {
  const match = /^(-?)((?:\d+(?:ns|ms|[wdhmsuµ]))+)$/.exec(text);
  if (!match) {
    const names = units.map(([unit]) => unit).join(', ');
    throw new UdfError(
      'invalid_argument',
      `"${text}" is not a duration; write it as 30s, 1m30s or 500ms, in the units ${names}`,
    );
  }
  let total = 0n;
  for (const [, count, unit] of match[2]!.matchAll(/(\d+)(ns|ms|[wdhmsuµ])/g)) {
    total += BigInt(count!) * nanosecondsOf.get(unit!)!;
  }
  return match[1] === '-' ? -total : total;
}

/** Formats nanoseconds for people, exactly and in as few units as possible: `1m30s`, `0s`. */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  let rest = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  let text = nanoseconds < 0n ? '-' : '';
  for (const [unit, size] of units) {
    if (rest < size) continue;
    text += `${rest / size}${unit}`;
    rest %= size;
  }
  return text;
}

/** Formats nanoseconds as a TICKscript literal, which has one unit: `90s`. */
export function durationLiteral(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const [unit, size] = units.find(([, size]) => nanoseconds % size === 0n)!; // ns always fits
  return `${nanoseconds / size}${unit}`;
}

/** Max delay of a timer in Node.js, about 24 days; with a longer one it fires at once. */
export const maxTimerMs = 2 ** 31 - 1;
