/** What came in when this went out, as text. */
const descriptions = new WeakMap<object, () => string>();

/** Notes which input a point or batch comes from; the text is made when it is needed. */
export function setCausingInput(output: object, describe: () => string): void {
  descriptions.set(output, describe);
}

/**
 * The input at which a point or batch of a `runUdf` was emitted, such as `input point 3: cpu value=1 3`; `undefined`
 * for any other.
 */
export function causingInput(output: object): string | undefined {
  return descriptions.get(output)?.();
}
