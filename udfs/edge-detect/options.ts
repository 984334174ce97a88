import { lateOptions, option, type OptionValues } from 'kapacitor-udf';

export const options = {
  field: option.field({
    repeatable: true,
    doc: 'Field to watch. Called again, it watches another one too: a change in any of them counts.',
  }),
  tag: option.tag({
    repeatable: true,
    doc: 'Tag to watch, one that the stream is not grouped by. With others and with fields, a change in any counts.',
  }),
  as: option.field({
    repeatable: true,
    doc: 'Field that gets the new state, also when it is repeated. For several fields and tags: one for each.',
  }),
  previousAs: option.field({
    repeatable: true,
    doc: 'Field that gets the old state. For several fields and tags: one for each.',
  }),
  durationAs: option.field({ doc: 'Field that gets how long the old state lasted, as a double.' }),
  unit: option.duration({ default: '1s', min: '1ns', doc: 'What durationAs and totalsEvery count in.' }),
  countAs: option.field({ doc: 'Field that gets how many points the old state lasted, as an integer.' }),
  emitFirst: option.bool({ default: true, doc: "Emit a group's first point, which has no old state." }),
  from: option.string({
    repeatable: true,
    doc: 'Emit only changes from this state. Called again: or from that one.',
  }),
  to: option.string({
    repeatable: true,
    doc: 'Emit only changes to this state. Called again: or to that one.',
  }),
  deadband: option.double({
    min: 0,
    doc: 'A number changes only when it differs by more than this from the one last emitted.',
  }),
  above: option.double({
    doc: "The state is 'high' once the number is above this, else 'low'.",
  }),
  hysteresis: option.double({
    min: 0,
    doc: "With above: 'high' turns 'low' once it is this far below the threshold.",
  }),
  hold: option.duration({
    min: '0s',
    doc: 'A new state counts once it has lasted this long; emitted with the time it began.',
  }),
  every: option.duration({
    min: '1ns',
    doc: 'Repeat an unchanged state this long after it was last emitted: with the next point, or by the clock.',
  }),
  clock: option.string({
    oneOf: ['event', 'wall'],
    default: 'event',
    doc: "What hold, every, silentAfter and totalsEvery go by: the points' own time, or the time of day.",
  }),
  silentAfter: option.duration({
    min: '1ns',
    doc: 'Emit a point when nothing has come from a group for this long, and the next point that comes.',
  }),
  silentAs: option.field({
    doc: "With silentAfter: field that is TRUE for silence, FALSE for all else; 'silent' if not given.",
  }),
  newAs: option.field({
    doc: "Field that is TRUE for a group's first point, which is always emitted, FALSE for all else.",
  }),
  totalsEvery: option.duration({
    min: '1s',
    doc: "At the end of each interval of this length, emit a group's total time in each state: one point per state.",
  }),
  totalAs: option.field({
    doc: "With totalsEvery: field that gets the time, as a double; 'total' if not given.",
  }),
  stateTag: option.tag({
    doc: "With totalsEvery: tag that gets the state, none that the group has; 'state' if not given.",
  }),
  onMissing: option.string({
    oneOf: ['skip', 'change', 'error'],
    default: 'skip',
    doc: 'When a point lacks the field: leave it out, take that for a state of its own, or fail.',
  }),
  late: option.string({
    oneOf: ['drop', 'process'],
    default: 'drop',
    doc: "When a point is older than its group's newest: drop it, or take it as it comes.",
  }),
  ...lateOptions,
};

export type Options = OptionValues<typeof options>;

/** The field that marks silence. */
export function silentName({ silentAs = 'silent' }: Options): string {
  return silentAs;
}

/** The field of the time in a state. */
export function totalName({ totalAs = 'total' }: Options): string {
  return totalAs;
}
