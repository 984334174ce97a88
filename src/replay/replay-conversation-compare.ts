import { diffItems, type DiffStep } from '../expect/differences.js';
import type { Answer } from './replay-conversation-answers.js';

/** So many answers of each side are looked at together where they part. */
const window = 500;
/** So many answers wait at most for those of the other side. */
const maxWaiting = 20_000;
/** How many answers that are equal are shown around those that are not. */
const context = 3;

/**
 * Compares two streams of answers as they come, in memory that does not grow with them: `-` is what was recorded and does
 * not come any more, `+` what comes now. Where the streams part for longer than a window, the way from one to the other
 * is not the shortest.
 */
export class AnswerComparison {
  same = 0;
  missing = 0;
  extra = 0;
  readonly #expected = new Queue();
  readonly #actual = new Queue();
  readonly #show: (line: string) => void;
  readonly #tolerance: number;
  /** The last equal answers that were not shown, and how many were not. */
  #before: Answer[] = [];
  #unshown = 0;
  /** How many equal answers are still to be shown behind a difference. */
  #behind = 0;

  /** Doubles are equal that are so far apart, as a part of what was recorded. */
  constructor(show: (line: string) => void, tolerance: number) {
    this.#show = show;
    this.#tolerance = tolerance;
  }

  expect(answer: Answer): void {
    this.#expected.push(answer);
    this.#advance();
  }

  came(answer: Answer): void {
    this.#actual.push(answer);
    this.#advance();
  }

  /** No more comes, of either side. */
  finish(): void {
    while (this.#expected.length > 0 || this.#actual.length > 0) this.#window(true);
  }

  #advance(): void {
    const [expected, actual] = [this.#expected, this.#actual];
    while (expected.length > 0 && actual.length > 0 && expected.at(0).equals(actual.at(0), this.#tolerance)) {
      this.#equal(actual.at(0));
      expected.drop(1);
      actual.drop(1);
    }
    const both = Math.min(expected.length, actual.length) >= window;
    if (both || Math.max(expected.length, actual.length) >= maxWaiting) this.#window(false);
  }

  #window(final: boolean): void {
    const [expected, actual] = [this.#expected, this.#actual];
    const rows = Math.min(expected.length, window);
    const columns = Math.min(actual.length, window);
    const steps = diffItems(rows, columns, (row, column) =>
      expected.at(row).equals(actual.at(column), this.#tolerance),
    );
    const whole = final && rows === expected.length && columns === actual.length;
    const taken = whole ? steps : steps.slice(0, sure(steps));
    this.#take(taken.length > 0 ? taken : steps.slice(0, Math.ceil(steps.length / 2)));
  }

  #take(steps: readonly DiffStep[]): void {
    const [expected, actual] = [this.#expected, this.#actual];
    let gone: Answer[] = [];
    let come: Answer[] = [];
    for (const step of steps) {
      if (step.kind === 'missing') {
        gone.push(expected.at(step.expected));
      } else if (step.kind === 'extra') {
        come.push(actual.at(step.actual));
      } else {
        this.#differ(gone, come);
        gone = [];
        come = [];
        this.#equal(actual.at(step.actual));
      }
    }
    this.#differ(gone, come);
    expected.drop(steps.filter(({ kind }) => kind !== 'extra').length);
    actual.drop(steps.filter(({ kind }) => kind !== 'missing').length);
  }

  #equal(answer: Answer): void {
    this.same++;
    if (this.#behind > 0) {
      this.#behind--;
      this.#show(`  ${answer.text}`);
      return;
    }
    this.#unshown++;
    this.#before.push(answer);
    if (this.#before.length > context) this.#before.shift();
  }

  /** Shows what went and what came in one place: what is of one series and time side by side. */
  #differ(gone: readonly Answer[], come: readonly Answer[]): void {
    const left = new Set(come);
    for (const missing of gone) {
      const [instead] = left.size === 0 ? [] : [...left].filter((extra) => missing.hasPlaceOf(extra));
      const full = missing.text === instead?.text;
      this.missing++;
      this.#differs(`- ${full ? missing.fullText : missing.text}`);
      if (!instead) continue;
      left.delete(instead);
      this.extra++;
      this.#differs(`+ ${full ? instead.fullText : instead.text}`);
    }
    for (const extra of left) {
      this.extra++;
      this.#differs(`+ ${extra.text}`);
    }
  }

  #differs(line: string): void {
    const skipped = this.#unshown - this.#before.length;
    if (skipped > 0) this.#show(`  … ${skipped} equal`);
    for (const answer of this.#before) this.#show(`  ${answer.text}`);
    this.#before = [];
    this.#unshown = 0;
    this.#behind = context;
    this.#show(line);
  }
}

/** The steps up to the last that is the same: what follows may yet find its counterpart. */
function sure(steps: readonly DiffStep[]): number {
  return steps.findLastIndex(({ kind }) => kind === 'same') + 1;
}

/** Answers that wait, first in first out. */
class Queue {
  #items: Answer[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  at(index: number): Answer {
    return this.#items[this.#first + index]!; // callers stay within the length
  }

  push(answer: Answer): void {
    this.#items.push(answer);
  }

  drop(count: number): void {
    this.#first += count;
    if (this.#first < 1024 && this.#first < this.#items.length) return;
    this.#items = this.#items.slice(this.#first);
    this.#first = 0;
  }
}
