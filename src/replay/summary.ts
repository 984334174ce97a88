import type { Replay } from './replay.js';

/** So many malformed entries are told one by one. */
const maxReported = 10;

/** What is said of a replay on standard error. */
export class Summary {
  readonly #start = performance.now();
  #bad = 0;

  bad(message: string): void {
    this.#bad++;
    if (this.#bad <= maxReported) say(`left out ${message}`);
    if (this.#bad === maxReported) say('what else is malformed is only counted');
  }

  print({ pointsIn, pointsOut, batchesIn, batchesOut, errors }: Replay, skipped: number): void {
    const seconds = (performance.now() - this.#start) / 1000;
    const rate = Math.round(pointsIn / seconds);
    const parts = [
      `${amount(pointsIn, 'point')} in${ofBatches(batchesIn)}`,
      `${amount(pointsOut, 'point')} out${ofBatches(batchesOut)}`,
      ...(errors === undefined ? [] : [amount(errors, 'error')]),
      ...(skipped === 0 ? [] : [`${number(skipped)} malformed left out`]),
    ];
    say(`${parts.join(', ')}; ${seconds.toFixed(2)} s, ${number(rate)} points/s`);
  }

  /** So many points are not on the page. */
  note(left: number, page: string): void {
    if (left > 0) say(`${page} shows the first 100,000 points each way; ${number(left)} are not on it`);
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function ofBatches(batches: number): string {
  return batches === 0 ? '' : ` (${batches === 1 ? '1 batch' : `${number(batches)} batches`})`;
}

function amount(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
