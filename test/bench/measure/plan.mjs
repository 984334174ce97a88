import { groups } from './groups.mjs';
import { roundTrip } from './round-trip.mjs';
import { slowReader } from './slow-reader.mjs';
import { startUp } from './start-up.mjs';
import { throughput } from './throughput.mjs';

/**
 * What a measurement works with.
 *
 * @typedef {object} Bench
 * @property {import('../agents.mjs').Agent[]} agents The yardstick first, then what is measured.
 * @property {import('../generator.mjs').Generator} generator
 * @property {string} directory For sockets; removed at the end.
 * @property {number} rounds
 * @property {number} processes How many processes of an agent share the rounds of a measurement of throughput.
 * @property {number} seconds How long each round of a measurement of throughput takes.
 * @property {number} groups How many very many groups are.
 */

/**
 * @typedef {object} Measurement
 * @property {string} kind
 * @property {string} udf
 * @property {string} variant
 * @property {boolean} quick Whether it is done when there is little time.
 * @property {(bench: Bench) => Promise<Record<string, object>>} run See `inTurn` for what it returns.
 */

/** @type {Measurement[]} */
const all = [...throughput, ...roundTrip, ...startUp, ...slowReader, ...groups];

/** What is measured in little time, or in a run of everything, or of what a pattern matches. */
export function measurements({ quick, only }) {
  const pattern = only === undefined ? undefined : new RegExp(only, 'i');
  return all.filter((measurement) =>
    pattern ? pattern.test(titleOf(measurement)) : !quick || measurement.quick,
  );
}

export function titleOf({ kind, udf, variant }) {
  return `${kind}: ${udf}, ${variant}`;
}
