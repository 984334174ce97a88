import type { Handlers, UdfDefinition } from '../udf/definition.js';
import { keepSource } from '../udf/definition-source.js';

/** The handler call that emitted an output: for an input, by its number from 0, a timer, or `stop` of a group. */
export type OutputCause =
  | { readonly kind: 'input'; readonly number: number }
  /** One of several calls that overlap. */
  | { readonly kind: 'overlap' }
  | { readonly kind: 'timer'; readonly name: string; readonly time: bigint; readonly group: string }
  | { readonly kind: 'stop'; readonly group: string };

/** Attributes the outputs of a UDF to the calls of its handlers. */
export class OutputCauses {
  /** Number of outputs before each call. */
  readonly #outputsBefore: number[] = [];
  /** The cause of each call; for an input only its number, since there are many. */
  readonly #causes: (OutputCause | number)[] = [];
  #inputs = 0;

  /**
   * The definition with handlers that record their calls; `outputCount` is the number of its outputs so far. The output of
   * calls that overlap is ordered, so that it is the same each time.
   */
  instrument(definition: UdfDefinition, outputCount: () => number): UdfDefinition {
    const { handlers } = definition;
    const overlaps = definition.concurrency > 1;
    const record = (cause: OutputCause | number): void => {
      this.#outputsBefore.push(outputCount());
      this.#causes.push(cause);
    };
    const recorded =
      (handler: Handlers['point']): Handlers['point'] =>
      (input, context) => {
        record(overlaps ? { kind: 'overlap' } : this.#inputs++);
        return handler?.(input, context);
      };
    const first = handlers.batch ? 'batch' : definition.wants === 'batch' ? 'beginBatch' : 'point';
    const { timer, stop } = handlers;
    const instrumented: UdfDefinition = {
      ...definition,
      ordered: overlaps ? 'all' : definition.ordered,
      handlers: {
        ...handlers,
        [first]: recorded(handlers[first]),
        timer:
          timer &&
          ((fired, context) => {
            const { name, time }: { readonly name: string; readonly time: bigint } = fired;
            const { group }: { readonly group: string } = context;
            record({ kind: 'timer', name, time, group });
            return timer(fired, context);
          }),
        stop:
          stop &&
          ((context) => {
            const { group }: { readonly group: string } = context;
            record({ kind: 'stop', group });
            return stop(context);
          }),
      },
    };
    keepSource(instrumented, definition);
    return instrumented;
  }

  /** The last call, which is the cause of a failure; `undefined` before the first. */
  get current(): OutputCause | undefined {
    return this.#cause(this.#causes.length - 1);
  }

  /** The call at which the output of this number, from 0, was emitted. */
  of(output: number): OutputCause | undefined {
    let low = 0;
    let high = this.#outputsBefore.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#outputsBefore[middle]! <= output) low = middle + 1;
      else high = middle;
    }
    return this.#cause(low - 1);
  }

  #cause(call: number): OutputCause | undefined {
    const cause = this.#causes[call];
    return typeof cause === 'number' ? { kind: 'input', number: cause } : cause;
  }
}
