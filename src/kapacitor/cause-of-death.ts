import { isNameless } from './connections.js';
import { listedPath } from './inspect-machine.js';

/** Why an enabled task does not run. */
export interface CauseOfDeath {
  /**
   * `connection`: the connection to a UDF was lost, or could not be made. `own`: an error of the task itself, or one that
   * the UDF has reported, which would come again. `unexplained`: Kapacitor has stored no error.
   */
  readonly kind: 'connection' | 'own' | 'unexplained';
  /** The UDF whose node failed, if the connection was lost. */
  readonly udf?: string;
  /** The path that the lost connection's socket was bound to, if Kapacitor tells it. */
  readonly socket?: string;
  /** For people, in one line. */
  readonly reason: string;
}

/**
 * How Kapacitor 1.5 to 1.8 words the loss of a connection. What a UDF reports itself begins with the UDF's name instead, so
 * the beginning of the text tells them apart whatever a UDF writes.
 */
const lostConnection = new RegExp(
  '^(?:stopping UDF server: |closing UDF socket connection: )?(?:' +
    'write error: |' +
    'read error: (?:read unix |unexpected EOF|EOF)|' +
    'keepalive timedout, |' +
    'dial unix |' +
    'server already stopped|' +
    'node aborted|' +
    'close unix )',
);

/** In `write unix @->/run/udf/.edgeDetect.sock.1a2b3c4: write: broken pipe` or `dial unix /run/udf/edgeDetect.sock: connect: …`. */
const socketInText = /(?:->|dial unix )(\/.*?): /;

/** Determines from a task's stored error why it stopped; `udfs` are the names of the UDFs that it uses. */
export function causeOfDeath(error: string, udfs: readonly string[]): CauseOfDeath {
  if (error === '') return { kind: 'unexplained', reason: 'it stopped without an error' };
  const reason = error.replace(/\s*\n\s*/g, ' ');
  // Kapacitor names the node first: the UDF's name and a number.
  const udf = udfs.find((name) => error.startsWith(name) && /^\d+: /.test(error.slice(name.length)));
  const text = error.replace(/^\w+: /, '');
  if (udf === undefined || !lostConnection.test(text)) return { kind: 'own', reason };
  const bound = socketInText.exec(text)?.[1];
  const isNamed = bound !== undefined && !isNameless(bound);
  return { kind: 'connection', udf, reason, ...(isNamed && { socket: listedPath(bound) }) };
}
