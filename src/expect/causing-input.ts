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
