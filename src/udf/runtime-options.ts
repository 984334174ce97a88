import { option, type OptionValues } from './option.js';

export const errorPolicies = ['stop', 'drop', 'pass'] as const;

/**
 * What follows when a handler throws: `stop` ends the task with the error (the protocol's own way, and the default),
 * `drop` counts and logs it and goes on, `pass` emits the input unchanged and goes on. What the handler had emitted before
 * it threw is not taken back.
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
    doc: "Forget a group's state after it had no points for so long, in the points' own time.",
  }),
  maxGroups: option.int({
    min: 1,
    doc: 'Keep the state of at most so many groups; the one used longest ago is forgotten first.',
  }),
  distinct: option.flag({
    doc: 'Drop points of a stream that repeat one of the last 64 of their group: the same time and fields.',
  }),
};

export type RuntimeOptions = OptionValues<typeof runtimeOptions>;
