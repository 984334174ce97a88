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
 * @returns {{ points: number, changes: number, averages: number, streams: Buffer[][] }} `changes` and `averages` are how
 *   many points a change detection and Kapacitor's own moving average let through. A group is in one stream of bodies,
 *   so that its points arrive in order.
 */
export function createLoad(points) {
  const lines = Array.from({ length: writers }, () => []);
  let changes = 0;
  for (let index = 0; index < points; index++) {
    const round = Math.floor(index / groups);
    const group = index % groups;
    const state = Math.floor((round + group) / 10);
    if (round === 0 || (round + group) % 10 === 0) changes++;
    const value = ((index * 7919) % 10_007) / 100;
    const time = start + BigInt(index) * 1_000_000n;
    lines[group % writers].push(
      `load,host=server${group},region=eu value=${value},count=${round}i,state="s${state % 3}" ${time}`,
    );
  }
  const averages = points - Math.min(points, groups * (window - 1));
  return { points, changes, averages, streams: lines.map(bodiesOf) };
}

function bodiesOf(lines) {
  const bodies = [];
  for (let from = 0; from < lines.length; from += linesPerBody) {
    bodies.push(Buffer.from(lines.slice(from, from + linesPerBody).join('\n')));
  }
  return bodies;
}
