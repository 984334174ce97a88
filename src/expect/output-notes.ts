/** Descriptions of inputs, by emitted point or batch. */
const descriptions = new WeakMap<object, () => string>();

/** Associates an emitted point or batch with its input. `describe` is called lazily. */
export function setCausingInput(output: object, describe: () => string): void {
  descriptions.set(output, describe);
}

/**
 * Describes the input for which a UDF in `runUdf` emitted a point or batch: `input point 3: cpu value=1 3`, or its `stop`;
 * `undefined` for other objects.
 */
export function causingInput(output: object): string | undefined {
  return descriptions.get(output)?.();
}

/** Why there is no output, by the array that would hold it. */
const explanations = new WeakMap<object, () => string | undefined>();

/** Associates the array of a run's outputs with the reason why it is empty. `explain` is called lazily. */
export function setWhyEmpty(outputs: readonly object[], explain: () => string | undefined): void {
  explanations.set(outputs, explain);
}

/** Why an array of a run's outputs is empty: `point() returned nothing for 3 points, and emitted nothing`. */
export function whyEmpty(outputs: readonly object[]): string | undefined {
  return explanations.get(outputs)?.();
}
