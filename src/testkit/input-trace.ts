import type { Handlers, UdfDefinition } from '../udf/definition.js';

/** Follows which input a UDF is working on, and so which of its outputs came from which. */
export class InputTrace {
  /** How many outputs there had been when the handler was called for each input. */
  readonly #outputsBefore: number[] = [];

  /** The same UDF, followed; `outputs` tells how many it has emitted so far. */
  follow(definition: UdfDefinition, outputs: () => number): UdfDefinition {
    const { handlers } = definition;
    const followed =
      (handler: Handlers['point']): Handlers['point'] =>
      (input, context) => {
        this.#outputsBefore.push(outputs());
        return handler?.(input, context);
      };
    const first = handlers.batch ? 'batch' : definition.wants === 'batch' ? 'beginBatch' : 'point';
    return { ...definition, handlers: { ...handlers, [first]: followed(handlers[first]) } };
  }

  /** The number of the input that the handler was last called for, from 0; -1 if it was not yet. */
  get current(): number {
    return this.#outputsBefore.length - 1;
  }

  /** The number of the input at which the output of this number was emitted. */
  inputOf(output: number): number {
    let low = 0;
    let high = this.#outputsBefore.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#outputsBefore[middle]! <= output) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
