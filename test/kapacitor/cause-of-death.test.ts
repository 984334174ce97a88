import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { causeOfDeath } from '../../src/kapacitor/cause-of-death.js';

const udfs = ['edgeDetect', 'mirror'];
const kindOf = (error: string) => causeOfDeath(error, udfs).kind;
const stopping = 'edgeDetect2: stopping UDF server: ';

describe('the cause of a death', () => {
  it.each([
    `${stopping}write error: write unix @->/run/.edgeDetect.sock.a91e66b: write: broken pipe`,
    `${stopping}read error: read unix @->/run/edgeDetect.sock: read: connection reset by peer`,
    `${stopping}read error: unexpected EOF`,
    `${stopping}keepalive timedout, last keepalive received was: 2026-11-27 15:27:58 +0000 UTC`,
    `${stopping}node aborted`,
    'edgeDetect2: write error: write unix @->/run/edgeDetect.sock: write: broken pipe',
    'mirror13: dial unix /run/mirror.sock: connect: no such file or directory',
    'mirror13: dial unix /run/mirror.sock: connect: connection refused',
    'mirror13: server already stopped',
  ])('is the connection: %s', (error) => {
    expect(kindOf(error)).toBe('connection');
  });

  it.each([
    'edgeDetect2: failed to initialize processes edgeDetect: .field() is required',
    'edgeDetect2: error restoring snapshot: edgeDetect: the snapshot is damaged',
    `${stopping}edgeDetect: task t: write error: broken pipe`,
    `${stopping}edgeDetect: task t: handler failed on the point at 3`,
    `${stopping}read error: proto: illegal wireType 7`,
    'eval3: undefined variable: value',
    'other2: stopping UDF server: write error: write unix @->/run/other.sock: write: broken pipe',
    'invalid TICKscript: line 1 char 1: unexpected ident',
  ])('is its own: %s', (error) => {
    expect(kindOf(error)).toBe('own');
  });

  it('is unexplained without an error', () => {
    expect(kindOf('')).toBe('unexplained');
  });

  it('names the UDF and the path of the socket, not the temporary name it was bound to', () => {
    const bound = `${stopping}write error: write unix @->/run/udf/.edgeDetect.sock.a91e66b: write: broken pipe`;
    expect(causeOfDeath(bound, udfs)).toMatchObject({
      udf: 'edgeDetect',
      socket: '/run/udf/edgeDetect.sock',
    });
    expect(causeOfDeath('mirror3: dial unix /run/mirror.sock: connect: x', udfs)).toMatchObject({
      udf: 'mirror',
      socket: '/run/mirror.sock',
    });
    expect(
      causeOfDeath(`${stopping}write error: write unix @->/run/.a91e66b: write: x`, udfs).socket,
    ).toBeUndefined();
  });

  it('finds the right one of UDFs whose names begin alike', () => {
    const error = 'edge23: stopping UDF server: node aborted';
    expect(causeOfDeath(error, ['edge', 'edge2']).udf).toBeDefined();
    expect(causeOfDeath('edgeDetect2: stopping UDF server: node aborted', ['edge']).kind).toBe('own');
  });

  it('is its own whatever text a UDF reports', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(kindOf(`${stopping}edgeDetect: task t: ${text}`)).toBe('own');
      }),
    );
  });

  it('is told in one line', () => {
    expect(causeOfDeath('eval3: one\n  two', udfs).reason).toBe('eval3: one two');
  });
});
