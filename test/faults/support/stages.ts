import { encodeRequest, type Request } from '../../../src/wire/messages.js';
import { pointRequest, type TestPoint } from '../../support/udf-messages.js';

/** A point, with what makes `faulty.mjs` fail if it names a fault. */
export const point = (fields: TestPoint['fields'] = {}) =>
  pointRequest({ time: 1n, name: 'cpu', fields: { v: 1, ...fields } });
const init: Request = { kind: 'init', taskID: 'task', nodeID: 'node', options: [] };
const begin: Request = { kind: 'begin', name: 'cpu', group: '', tags: {}, size: 5n, byName: false };
const middle = encodeRequest(point()).subarray(0, 10);

/** What Kapacitor has sent when its side fails. */
export const stages: Readonly<
  Record<string, readonly [udf: string, ...sent: readonly (Request | Buffer)[]]>
> = {
  'before info': ['faulty'],
  'in a length prefix': ['faulty', Buffer.of(0x80)],
  'between init and its answer': ['faulty', init],
  'in a frame': ['faulty', init, middle],
  'in a batch': ['faultyBatch', init, begin, point()],
  'in a snapshot': ['faulty', init, point(), { kind: 'snapshot' }],
  'in a restore': [
    'faulty',
    init,
    encodeRequest({ kind: 'restore', snapshot: Buffer.alloc(5000) }).subarray(0, 2000),
  ],
  'in an async handler': ['faulty', init, point({ fault: 'never' })],
};

export const bytesOf = (sent: readonly (Request | Buffer)[]): Buffer =>
  Buffer.concat(sent.map((part) => (Buffer.isBuffer(part) ? part : encodeRequest(part))));
