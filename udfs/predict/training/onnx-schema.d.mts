/** A list of attributes from `{ name: { floats: […] } }` and the like; texts are bytes. */
export function attributes(given: Readonly<Record<string, object>>): object[];

/** The bytes of a file with this model. Throws for what the schema does not have. */
export function encodeModel(model: object): Uint8Array;
