import { option, type OptionValues } from './option.js';

export const errorPolicies = ['stop', 'drop', 'pass'] as const;

/**
 * The handling of an input whose handler throws: `stop` ends the task with the error (default), `drop` counts and logs
 * the error and drops the input, `pass` does the same but emits the input unchanged. Items that the handler emitted
 * before it threw are still sent.
 */
export type ErrorPolicy = (typeof errorPolicies)[number];

/** The options that the runtime offers on every UDF. */
export const runtimeOptions = {
  onError: option.string({
    oneOf: errorPolicies,
    doc: 'When a point fails: stop the task, drop the point, or pass it on unchanged.',
  }),
  groupTtl: option.duration({
    min: '1ns',
    doc: "Forget a group's state after this time without points, measured by their own times.",
  }),
  maxGroups: option.int({
    min: 1,
    doc: 'Max number of groups with a state; the least recently used is forgotten first.',
  }),
  distinct: option.flag({
    doc: 'Drop points of a stream that repeat one of the last 64 of their group: the same time and fields.',
  }),
  distinctPoints: option.int({
    min: 1,
    max: 1_000_000,
    doc: 'As distinct, but compares only with the last points of the group: this many.',
  }),
  distinctTime: option.duration({
    min: '1ns',
    doc: 'As distinct, but compares only with the points of the group within this time, by their own times.',
  }),
  reorder: option.duration({
    min: '1ns',
    doc: 'Points of a stream wait this long, by their own times, and are handled in order of time within their group.',
  }),
};

export type RuntimeOptions = OptionValues<typeof runtimeOptions>;
