/** Descriptions of inputs by the points and batches that were emitted for them. */
const descriptions = new WeakMap<object, () => string>();

/** Records the input of a point or batch; `describe` is called when the text is needed. */
export function setCausingInput(output: object, describe: () => string): void {
  descriptions.set(output, describe);
}

/**
 * The input for which a UDF in `runUdf` emitted a point or batch, such as `input point 3: cpu value=1 3`, or its `stop`;
 * `undefined` for any other object.
 */
export function causingInput(output: object): string | undefined {
  return descriptions.get(output)?.();
}
