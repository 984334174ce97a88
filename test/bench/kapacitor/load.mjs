const groups = 100;
const linesPerBody = 5000;
const start = 1_514_979_051_000_000_000n;

/** The size of `|movingAverage()`, which emits nothing until its window is full. */
const window = 10;

/** Requests that are written at a time; more do not make Kapacitor faster. */
const writers = 2;

/**
 * Points in InfluxDB's line protocol, the same in every run: 100 groups in turn, whose state changes every tenth time.
 *
 * @typedef {object} Part
 * @property {Buffer[][]} streams Bodies, in order. A group is in one stream only, so that its points arrive in order.
 * @property {Record<'points' | 'changes' | 'averages', number>} total How many points there are up to its end, and how
 *   many of them a change detection and Kapacitor's own moving average let through.
 *
 * @param {number[]} sizes Points of each part.
 * @returns {Part[]} Each continues the one before.
 */
export function createLoad(sizes) {
  const total = { points: 0, changes: 0, averages: 0 };
  return sizes.map((size) => ({ streams: createStreams(total, size), total: { ...total } }));
}

function createStreams(total, size) {
  const lines = Array.from({ length: writers }, () => []);
  for (const end = total.points + size; total.points < end; total.points++) {
    const round = Math.floor(total.points / groups);
    const group = total.points % groups;
    const state = Math.floor((round + group) / 10);
    if (round === 0 || (round + group) % 10 === 0) total.changes++;
    if (round >= window - 1) total.averages++;
    const value = ((total.points * 7919) % 10_007) / 100;
    const time = start + BigInt(total.points) * 1_000_000n;
    lines[group % writers].push(
      `load,host=server${group},region=eu value=${value},count=${round}i,state="s${state % 3}" ${time}`,
    );
  }
  return lines.map(bodiesOf);
}

function bodiesOf(lines) {
  const bodies = [];
  for (let from = 0; from < lines.length; from += linesPerBody) {
    bodies.push(Buffer.from(lines.slice(from, from + linesPerBody).join('\n')));
  }
  return bodies;
}
