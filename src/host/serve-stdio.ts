import type { UdfDefinition } from '../udf/definition.js';
import type { StdioOptions } from './host-options.js';
import { servedHere } from './served-udf.js';
import { runStdio } from './stdio-process.js';

export type { StdioOptions } from './host-options.js';

// Apart from runStdio, so that the declarations of the public API compile without @types/node.
/**
 * Serves a UDF on standard input and output, as Kapacitor's `prog` and `args` start it; resolves when the conversation
 * has ended. From the call on, standard output carries frames only: whatever else is printed goes to standard error.
 * A definition that is loaded by code which might print is given as a function, called once that is so. Sets V8's flags
 * for this work, which are of the whole process.
 *
 * Rejects with the `UdfError` that ended the conversation, which is logged, and with what `definition` throws.
 *
 * Where standard output is a socket (with a parent on Node.js), the script is run once more in a child process that
 * serves in its place; the call then resolves when the child ends, and `process.exitCode` is the child's.
 */
export async function serveStdio(
  definition: UdfDefinition | (() => UdfDefinition | Promise<UdfDefinition>),
  options: StdioOptions = {},
): Promise<void> {
  const load = typeof definition === 'function' ? definition : (): UdfDefinition => definition;
  const failure = await runStdio(async () => servedHere(await load()), options);
  if (failure) throw failure;
}
