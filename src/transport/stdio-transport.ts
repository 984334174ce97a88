import type { Writable } from 'node:stream';
import type { Transport } from './transport.js';

/** Standard input, and frames on `output`: what `claimStdout` returns when Kapacitor has started the process. */
export function stdioTransport(output: Writable): Transport {
  const input = process.stdin;
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
