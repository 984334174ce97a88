/**
 * What several rounds gave.
 *
 * @typedef {{ median: number, min: number, max: number }} Spread
 */

/** The value below which a share of the values lie, between the two nearest ones. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.ceil(place);
  return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}

/** @returns {Spread} */
export function spread(values) {
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) };
}

/** What isolated UDFs reach of the plain host's number, as a spread; `undefined` if they were not measured. */
export function isolatedShare({ ratios }) {
  const ofPlain = ratios.isolated; // a ratio is of what is measured, the plain host, to the other one
  return ofPlain && { median: 1 / ofPlain.median, min: 1 / ofPlain.max, max: 1 / ofPlain.min };
}

/**
 * Measures subjects in turn, round by round, so that what disturbs the machine disturbs them alike.
 *
 * Returns, for each number that `measure` gives: by subject its spread over the rounds, and by every other subject the
 * spread of the ratios of what is measured (the subject labelled `this`) to it in the same round.
 *
 * @template {{ label: string }} Subject
 * @param {readonly Subject[]} subjects
 * @param {{ rounds: number, warmUps?: number }} plan
 * @param {(subject: Subject, index: number, warmUp: boolean) => Promise<Record<string, number>>} measure
 */
export async function inTurn(subjects, plan, measure) {
  return summaries(subjects, await takeTurns(subjects, plan, measure));
}

/** The same, but returns what each round gave, by subject. */
export async function takeTurns(subjects, { rounds, warmUps = 1 }, measure) {
  const taken = subjects.map(() => []);
  for (let round = -warmUps; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const numbers = await measure(subject, index, round < 0);
      if (round >= 0) taken[index].push(numbers);
    }
  }
  return taken;
}

/** What `inTurn` returns, of rounds that have been taken. */
export function summaries(subjects, taken) {
  const metrics = Object.keys(taken[0][0]);
  return Object.fromEntries(metrics.map((metric) => [metric, summary(subjects, taken, metric)]));
}

function summary(subjects, taken, metric) {
  const numbers = taken.map((rounds) => rounds.map((round) => round[metric]));
  const own = numbers[subjects.findIndex(({ label }) => label === 'this')];
  const values = {};
  const ratios = {};
  for (const [index, { label }] of subjects.entries()) {
    values[label] = spread(numbers[index]);
    if (label !== 'this') ratios[label] = spread(own.map((value, round) => value / numbers[index][round]));
  }
  return { values, ratios };
}
