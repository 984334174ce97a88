import { claimStdout } from './claim-stdout.js';
import type { Transport } from './transport.js';

/**
 * Standard input and output, as Kapacitor connects them to a UDF that it starts itself. From here on standard output
 * carries frames and nothing else; see `claimStdout` for how far that holds where.
 *
 * To be called once, before any code that might print is loaded.
 */
export function stdioTransport(): Transport {
  const input = process.stdin;
  const output = claimStdout();
  return {
    description: 'stdio',
    input,
    output,
    destroy: (error) => {
      input.destroy(error);
      output.destroy(error);
    },
  };
}
