import { type FieldInputs, type Point, UdfError } from 'kapacitor-udf';
import { type Column, columnKinds, type FeatureReader, grown, part } from './columns.js';
import type { Plan } from './plan.js';
import type { ToFields } from './results.js';
import { loadRuntime, type Runtime, type Tensor } from './runtime.js';
import type { SharedModel } from './shared-model.js';

/** Rows that a batch begins with. */
const firstRows = 16;

/** The result for a point: its prediction, `undefined` if that is not a number, or why there is none. */
type Outcome = FieldInputs | undefined | UdfError;

/** Collects points and scores many in one run of the model. */
export class Batcher {
  readonly #model: SharedModel;
  readonly #plan: Plan;
  readonly #reader: FeatureReader;
  readonly #toFields: ToFields;
  readonly #outputs: readonly string[];
  #batch: Batch | undefined;

  constructor(model: SharedModel, plan: Plan, reader: FeatureReader, toFields: ToFields) {
    this.#model = model;
    this.#plan = plan;
    this.#reader = reader;
    this.#toFields = toFields;
    this.#outputs = [plan.prediction, plan.probabilities].filter((name) => name !== undefined);
  }

  /** Adds a point. Returns the promise of its fields, or what it lacks; the promise rejects with `handler`. */
  add(point: Point): Promise<FieldInputs | undefined> | string {
    const batch = (this.#batch ??= this.#begin());
    if (batch.count === batch.rows) batch.grow(this.#plan.maxRows);
    const missing = this.#reader.write(point, batch.columns, batch.count);
    if (missing !== undefined) return missing;
    const row = batch.count++;
    if (batch.count === this.#plan.maxRows) this.#score(batch);
    return batch.done.then((outcomes) => {
      const outcome = outcomes[row];
      if (outcome instanceof UdfError) throw outcome;
      return outcome;
    });
  }

  /** The points that have been read are in one batch: it is scored once the event loop has handled them. */
  #begin(): Batch {
    const batch = new Batch(this.#plan);
    setImmediate(() => {
      if (batch === this.#batch) this.#score(batch);
    });
    return batch;
  }

  #score(batch: Batch): void {
    this.#batch = undefined;
    if (batch.count === 0) return;
    this.#model.reloadIfChanged();
    this.#outcomes(batch).then(batch.resolve, batch.reject);
  }

  async #outcomes(batch: Batch): Promise<Outcome[]> {
    const runtime = await loadRuntime();
    await this.#model.ready();
    const outcomes = new Array<Outcome>(batch.count);
    await this.#run(runtime, batch, 0, batch.count, outcomes);
    return outcomes;
  }

  /** Scores rows. If the model fails, one of them is to blame: halves are scored until it is found. */
  async #run(runtime: Runtime, batch: Batch, start: number, end: number, outcomes: Outcome[]): Promise<void> {
    try {
      const results = await this.#model.run(batch.tensors(runtime, start, end), this.#outputs);
      this.#toFields(results, end - start, (row, fields) => {
        outcomes[start + row] = fields;
      });
    } catch (cause) {
      if (end - start === 1) {
        const reason = cause instanceof Error ? cause.message.split('\n', 1)[0]! : String(cause);
        outcomes[start] = new UdfError('handler', `the model '${this.#model.path}' fails: ${reason}`, {
          cause,
        });
        return;
      }
      const middle = (start + end) >>> 1;
      await this.#run(runtime, batch, start, middle, outcomes);
      await this.#run(runtime, batch, middle, end, outcomes);
    }
  }
}

/** Points that are scored together. */
class Batch {
  count = 0;
  rows: number;
  readonly columns: readonly Column[];
  readonly done: Promise<Outcome[]>;
  resolve!: (outcomes: Outcome[]) => void;
  reject!: (reason: unknown) => void;

  constructor({ inputs, maxRows }: Plan) {
    this.rows = Math.min(firstRows, maxRows);
    this.columns = inputs.map((input) => ({
      input,
      data: columnKinds[input.type].create(this.rows * input.features.length),
    }));
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  grow(maxRows: number): void {
    this.rows = Math.min(4 * this.rows, maxRows);
    for (const column of this.columns) {
      const { type, features } = column.input;
      column.data = grown(column.data, type, this.rows * features.length);
    }
  }

  /** The inputs of the model for some of the rows. */
  tensors({ Tensor }: Runtime, start: number, end: number): Record<string, Tensor> {
    return Object.fromEntries(
      this.columns.map(({ input: { name, type, isTable, features }, data }) => {
        const width = features.length;
        const dims = isTable ? [end - start, width] : [end - start];
        return [name, new Tensor(columnKinds[type].tensorType, part(data, start * width, end * width), dims)];
      }),
    );
  }
}
