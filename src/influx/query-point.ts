import type { Fields, Tags } from '../model/values.js';

/** A point that a query found. */
export interface QueriedPoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  readonly time: bigint;
}
