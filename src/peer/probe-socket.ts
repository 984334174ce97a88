import { createConnection } from 'node:net';
import { UdfError } from '../model/errors.js';
import type { EdgeType } from '../model/values.js';
import { FrameReader } from '../wire/frame-reader.js';
import { decodeResponse, encodeRequest } from '../wire/messages.js';
import { connectProblem } from './connect-problem.js';

/** What answered on a socket. */
export interface Answer {
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  /** From the first attempt to connect to the last answer. */
  readonly ms: number;
}

/** An answer to Info and to a keepalive is short. */
const maxAnswerBytes = 16 * 1024 * 1024;

/**
 * Asks whoever listens on a socket for its Info and for a keepalive, as Kapacitor does. Throws `socket_failed` if nobody
 * answers both in time, and `malformed`, `limit` or `protocol` for what is no answer.
 */
export async function probeSocket(path: string, timeoutMs: number): Promise<Answer> {
  const started = performance.now();
  const socket = createConnection(path);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const time = BigInt(Date.now()) * 1_000_000n;
      timer = setTimeout(() => {
        reject(new UdfError('socket_failed', `no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      let info: { wants: EdgeType; provides: EdgeType } | undefined;
      const reader = new FrameReader(maxAnswerBytes, (buf, _frame, payload, end) => {
        const response = decodeResponse(buf.subarray(payload, end));
        if (response.kind === 'info') {
          info = response;
        } else if (response.kind === 'error') {
          throw new UdfError('protocol', `it answers with an error: ${response.error}`);
        } else if (info && response.kind === 'keepalive' && response.time === time) {
          resolve({
            wants: info.wants,
            provides: info.provides,
            ms: Math.round((performance.now() - started) * 10) / 10,
          });
        }
      });
      socket.on('data', (chunk) => {
        try {
          reader.push(chunk);
        } catch (reason) {
          reject(UdfError.from(reason, 'malformed'));
        }
      });
      socket.on('error', (reason) => {
        reject(new UdfError('socket_failed', connectProblem(reason), { cause: reason }));
      });
      socket.once('close', () => {
        reject(new UdfError('socket_failed', 'it closed the connection without an answer'));
      });
      socket.write(
        Buffer.concat([encodeRequest({ kind: 'info' }), encodeRequest({ kind: 'keepalive', time })]),
      );
    });
  } finally {
    clearTimeout(timer);
    socket.end();
    socket.unref();
  }
}
