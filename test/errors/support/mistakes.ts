import { defineUdf } from 'kapacitor-udf';
import type { runUdf } from 'kapacitor-udf/testkit';

export type Loose = Readonly<Record<string, unknown>>;

/** As `defineUdf`, for definitions that TypeScript refuses. */
export const define = defineUdf as unknown as (definition: Loose) => Parameters<typeof runUdf>[0];

/** The message that a mistake is answered with. */
export async function messageOf(mistake: () => unknown): Promise<string> {
  try {
    await mistake();
  } catch (reason) {
    return (reason as Error).message; // all that is thrown here is an Error
  }
  throw new Error('the mistake was not noticed');
}
