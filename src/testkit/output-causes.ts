import type { Handlers, UdfDefinition } from '../udf/definition.js';

/** The handler call that emitted an output: for an input, by its number from 0, or `stop` of a group. */
export type OutputCause =
  { readonly kind: 'input'; readonly number: number } | { readonly kind: 'stop'; readonly group: string };

/** Attributes the outputs of a UDF to the calls of its handlers. */
export class OutputCauses {
  /** Number of outputs before each call; calls of `stop` come last. */
  readonly #outputsBefore: number[] = [];
  /** The groups that `stop` was called for. */
  readonly #stopped: string[] = [];

  /** The definition with handlers that record their calls; `outputCount` is the number of its outputs so far. */
  instrument(definition: UdfDefinition, outputCount: () => number): UdfDefinition {
    const { handlers } = definition;
    const recorded =
      (handler: Handlers['point']): Handlers['point'] =>
      (input, context) => {
        this.#outputsBefore.push(outputCount());
        return handler?.(input, context);
      };
    const first = handlers.batch ? 'batch' : definition.wants === 'batch' ? 'beginBatch' : 'point';
    const { stop } = handlers;
    return {
      ...definition,
      handlers: {
        ...handlers,
        [first]: recorded(handlers[first]),
        stop:
          stop &&
          ((context) => {
            const { group }: { readonly group: string } = context;
            this.#stopped.push(group);
            this.#outputsBefore.push(outputCount());
            return stop(context);
          }),
      },
    };
  }

  /** The last call, which is the cause of a failure; `undefined` before the first. */
  get current(): OutputCause | undefined {
    return this.#cause(this.#outputsBefore.length - 1);
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
    if (call < 0) return undefined;
    const inputs = this.#outputsBefore.length - this.#stopped.length;
    if (call < inputs) return { kind: 'input', number: call };
    return { kind: 'stop', group: this.#stopped[call - inputs]! }; // one for each call of `stop`
  }
}
