import { diffItems, type DiffStep } from '../expect/differences.js';
import type { Answer } from './replay-conversation-answers.js';

/** Answers per side that are diffed at once. */
const windowLength = 500;
/** Max queued answers of one side. */
const maxWaiting = 20_000;
/** Equal answers shown before and after a difference. */
const contextLength = 3;

/**
 * Compares two streams of answers incrementally, in bounded memory: `-` was recorded only, `+` is received only. A
 * difference longer than the window may not be minimal.
 */
export class AnswerComparison {
  same = 0;
  missing = 0;
  extra = 0;
  readonly #expected = new Queue();
  readonly #actual = new Queue();
  readonly #show: (line: string) => void;
  readonly #tolerance: number;
  /** The last equal answers not shown yet, and the number of all since the last shown line. */
  #contextBefore: Answer[] = [];
  #unshown = 0;
  /** Equal answers still to show after a difference. */
  #contextAfter = 0;

  /** `tolerance` of doubles is relative to the recorded value. */
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

  /** Compares the remaining answers. Call after the last answer of both sides. */
  finish(): void {
    while (this.#expected.length > 0 || this.#actual.length > 0) this.#compareWindow(true);
  }

  #advance(): void {
    const [expected, actual] = [this.#expected, this.#actual];
    while (expected.length > 0 && actual.length > 0 && expected.at(0).equals(actual.at(0), this.#tolerance)) {
      this.#addSame(actual.at(0));
      expected.drop(1);
      actual.drop(1);
    }
    const both = Math.min(expected.length, actual.length) >= windowLength;
    if (both || Math.max(expected.length, actual.length) >= maxWaiting) this.#compareWindow(false);
  }

  #compareWindow(isFinal: boolean): void {
    const [expected, actual] = [this.#expected, this.#actual];
    const rows = Math.min(expected.length, windowLength);
    const columns = Math.min(actual.length, windowLength);
    const steps = diffItems(rows, columns, (row, column) =>
      expected.at(row).equals(actual.at(column), this.#tolerance),
    );
    const isComplete = isFinal && rows === expected.length && columns === actual.length;
    const settled = isComplete ? steps : steps.slice(0, settledCount(steps));
    this.#applySteps(settled.length > 0 ? settled : steps.slice(0, Math.ceil(steps.length / 2)));
  }

  #applySteps(steps: readonly DiffStep[]): void {
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
        this.#addSame(actual.at(step.actual));
      }
    }
    this.#showDifference(missing, extra);
    expected.drop(steps.filter(({ kind }) => kind !== 'extra').length);
    actual.drop(steps.filter(({ kind }) => kind !== 'missing').length);
  }

  #addSame(answer: Answer): void {
    this.same++;
    if (this.#contextAfter > 0) {
      this.#contextAfter--;
      this.#show(`  ${answer.text}`);
      return;
    }
    this.#unshown++;
    this.#contextBefore.push(answer);
    if (this.#contextBefore.length > contextLength) this.#contextBefore.shift();
  }

  /** Shows consecutive differences, pairing points of one series and time. */
  #showDifference(missing: readonly Answer[], extra: readonly Answer[]): void {
    const unpaired = new Set(extra);
    for (const recorded of missing) {
      const received =
        unpaired.size === 0
          ? undefined
          : [...unpaired].find((answer) => recorded.hasSameSeriesAndTime(answer));
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
    const skipped = this.#unshown - this.#contextBefore.length;
    if (skipped > 0) this.#show(`  … ${skipped} equal`);
    for (const answer of this.#contextBefore) this.#show(`  ${answer.text}`);
    this.#contextBefore = [];
    this.#unshown = 0;
    this.#contextAfter = contextLength;
    this.#show(line);
  }
}

/** The number of steps up to the last equal one; later answers may still match ones to come. */
function settledCount(steps: readonly DiffStep[]): number {
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
