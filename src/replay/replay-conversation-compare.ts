import { diffItems, type DiffStep } from '../expect/differences.js';
import type { Answer } from './replay-conversation-answers.js';

/** Answers of each side that are compared with each other where the two differ. */
const windowLength = 500;
/** Max answers of one side that wait for those of the other. */
const maxWaiting = 20_000;
/** Equal answers that are shown before and after a difference. */
const contextLength = 3;

/**
 * Compares two streams of answers as they come, in bounded memory: `-` was recorded only, `+` is received only. Where the
 * two differ for longer than a window, the difference is not the shortest.
 */
export class AnswerComparison {
  same = 0;
  missing = 0;
  extra = 0;
  readonly #expected = new Queue();
  readonly #actual = new Queue();
  readonly #show: (line: string) => void;
  readonly #tolerance: number;
  /** The last equal answers that are not shown yet, and the number of all since the last shown line. */
  #before: Answer[] = [];
  #unshown = 0;
  /** How many equal answers are still to be shown after a difference. */
  #after = 0;

  /** `tolerance` is that of doubles, relative to the recorded value. */
  constructor(show: (line: string) => void, tolerance: number) {
    this.#show = show;
    this.#tolerance = tolerance;
  }

  addExpected(answer: Answer): void {
    this.#expected.push(answer);
    this.#advance();
  }

  addActual(answer: Answer): void {
    this.#actual.push(answer);
    this.#advance();
  }

  /** To be called after the last answer of both sides. */
  finish(): void {
    while (this.#expected.length > 0 || this.#actual.length > 0) this.#compareWindow(true);
  }

  #advance(): void {
    const [expected, actual] = [this.#expected, this.#actual];
    while (expected.length > 0 && actual.length > 0 && expected.at(0).equals(actual.at(0), this.#tolerance)) {
      this.#equal(actual.at(0));
      expected.drop(1);
      actual.drop(1);
    }
    const both = Math.min(expected.length, actual.length) >= windowLength;
    if (both || Math.max(expected.length, actual.length) >= maxWaiting) this.#compareWindow(false);
  }

  #compareWindow(final: boolean): void {
    const [expected, actual] = [this.#expected, this.#actual];
    const rows = Math.min(expected.length, windowLength);
    const columns = Math.min(actual.length, windowLength);
    const steps = diffItems(rows, columns, (row, column) =>
      expected.at(row).equals(actual.at(column), this.#tolerance),
    );
    const complete = final && rows === expected.length && columns === actual.length;
    const settled = complete ? steps : steps.slice(0, settledLength(steps));
    this.#take(settled.length > 0 ? settled : steps.slice(0, Math.ceil(steps.length / 2)));
  }

  #take(steps: readonly DiffStep[]): void {
    const [expected, actual] = [this.#expected, this.#actual];
    let missing: Answer[] = [];
    let extra: Answer[] = [];
    for (const step of steps) {
      if (step.kind === 'missing') {
        missing.push(expected.at(step.expected));
      } else if (step.kind === 'extra') {
        extra.push(actual.at(step.actual));
      } else {
        this.#showDifference(missing, extra);
        missing = [];
        extra = [];
        this.#equal(actual.at(step.actual));
      }
    }
    this.#showDifference(missing, extra);
    expected.drop(steps.filter(({ kind }) => kind !== 'extra').length);
    actual.drop(steps.filter(({ kind }) => kind !== 'missing').length);
  }

  #equal(answer: Answer): void {
    this.same++;
    if (this.#after > 0) {
      this.#after--;
      this.#show(`  ${answer.text}`);
      return;
    }
    this.#unshown++;
    this.#before.push(answer);
    if (this.#before.length > contextLength) this.#before.shift();
  }

  /** Shows the differences at one place: points of one series and time side by side. */
  #showDifference(missing: readonly Answer[], extra: readonly Answer[]): void {
    const unpaired = new Set(extra);
    for (const recorded of missing) {
      const received =
        unpaired.size === 0 ? undefined : [...unpaired].find((answer) => recorded.hasPlaceOf(answer));
      const full = recorded.text === received?.text;
      this.missing++;
      this.#showLine(`- ${full ? recorded.fullText : recorded.text}`);
      if (!received) continue;
      unpaired.delete(received);
      this.extra++;
      this.#showLine(`+ ${full ? received.fullText : received.text}`);
    }
    for (const answer of unpaired) {
      this.extra++;
      this.#showLine(`+ ${answer.text}`);
    }
  }

  #showLine(line: string): void {
    const skipped = this.#unshown - this.#before.length;
    if (skipped > 0) this.#show(`  … ${skipped} equal`);
    for (const answer of this.#before) this.#show(`  ${answer.text}`);
    this.#before = [];
    this.#unshown = 0;
    this.#after = contextLength;
    this.#show(line);
  }
}

/** The number of steps up to the last equal one: later answers may still find their counterparts. */
function settledLength(steps: readonly DiffStep[]): number {
  return steps.findLastIndex(({ kind }) => kind === 'same') + 1;
}

/** A first-in, first-out queue of answers. */
class Queue {
  #items: Answer[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  at(index: number): Answer {
    return this.#items[this.#first + index]!; // `index` is below `length`
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
