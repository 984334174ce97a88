/**
 * What the points of a stream look like.
 *
 * @typedef {object} Shape
 * @property {number} tags How many tags a point has. Without any there is one group.
 * @property {number} fields How many fields, at least 3.
 * @property {'state' | 'value' | 'count' | 'flag'} watch Which field stays as it is for ten points on average: a
 *   string, double, int or bool. The others change with every point.
 * @property {number} textBytes The length of the watched string.
 * @property {number} groups How many groups the points are of, in turn.
 * @property {number} batch How many points a batch has, 0 for a stream.
 * @property {number} seed
 */

/** The shape that the aims are about: about 165 bytes a point. @type {Shape} */
export const defaultShape = {
  tags: 2,
  fields: 3,
  watch: 'state',
  textBytes: 8,
  groups: 100,
  batch: 0,
  seed: 1,
};

/** A small generator of random numbers that is the same everywhere (mulberry32). */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The tags of each group: the first is what the stream is grouped by. @param {Shape} shape */
export function groupTags({ tags }, group) {
  const all = [];
  if (tags > 0) all.push(['host', `router${String(group).padStart(3, '0')}`]);
  if (tags > 1) all.push(['region', 'eu-west']);
  for (let tag = 2; tag < tags; tag++) all.push([`tag${tag}`, `value-${tag}`]);
  return all;
}

/** The names and kinds of the fields. @param {Shape} shape */
export function fieldKinds({ fields, watch }) {
  const kinds = [
    ['value', 'double'],
    ['count', 'int'],
    watch === 'flag' ? ['flag', 'bool'] : ['state', 'string'],
  ];
  const cycle = ['double', 'int', 'string', 'bool'];
  for (let field = 3; field < fields; field++) kinds.push([`field${field}`, cycle[field % cycle.length]]);
  return kinds;
}

/**
 * A field's values, one call a point. The watched one stays as it was nine times out of ten.
 *
 * @param {Shape} shape
 */
export function fieldValues(shape, name, kind, next) {
  const value = freshValue(shape, name, kind, next);
  if (name !== shape.watch) return value;
  const last = new Map();
  return (group) => {
    const before = last.get(group);
    if (before !== undefined && next() < 0.9) return before;
    let now = value(group);
    while (now === before) now = value(group);
    last.set(group, now);
    return now;
  };
}

function freshValue({ textBytes }, name, kind, next) {
  if (kind === 'double') return () => Math.round(next() * 3000) / 10;
  if (kind === 'int') return () => Math.floor(next() ** 4 * 1e6) + 1;
  if (kind === 'bool') return () => next() < 0.5;
  if (name !== 'state') return () => (next() < 0.5 ? 'active' : 'idle');
  // They differ in their last byte only where they are long: the slowest to tell apart.
  const filler = 'x'.repeat(Math.max(0, textBytes - 9));
  return () =>
    next() < 0.5 ? `${filler}SHOWTIME1`.slice(-textBytes) : `${filler}SHOWTIME2`.slice(-textBytes);
}
