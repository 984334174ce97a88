import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { decodeRequest, type Request } from '../../src/wire/messages.js';

/** What the test needs to know of the benchmark's plain JavaScript. */
interface Block {
  readonly bytes: Buffer;
  readonly points: number;
  readonly units: number;
  stamp(pass: number, end: number): void;
  changes(points: number): number;
}
type CreateBlock = (shape: object, minBytes: number) => Block;

const load = async (path: string): Promise<unknown> => import(path);
const { createBlock } = (await load('./corpus/block.mjs')) as { createBlock: CreateBlock };
const { defaultShape } = (await load('./corpus/shape.mjs')) as { defaultShape: object };

const blockOf = (changed: object, minBytes = 50_000): Block =>
  createBlock({ ...defaultShape, ...changed }, minBytes);

function requestsOf(bytes: Buffer): Request[] {
  const requests: Request[] = [];
  new FrameReader(Infinity, (buf, _frame, payload, end) => {
    requests.push(decodeRequest(buf.subarray(payload, end)));
  }).push(bytes);
  return requests;
}

const pointsOf = (bytes: Buffer) =>
  requestsOf(bytes)
    .filter((request) => request.kind === 'point')
    .map(({ fieldsDouble, fieldsInt, fieldsString, fieldsBool, ...point }) => ({
      ...point,
      fields: { ...fieldsDouble, ...fieldsInt, ...fieldsString, ...fieldsBool },
    }));

describe("the benchmark's corpus", () => {
  it('is the same whenever it is made', () => {
    expect(blockOf({}).bytes.equals(blockOf({}).bytes)).toBe(true);
  });

  it('has points of about 165 bytes by default, each of a group with two tags and three fields', () => {
    const block = blockOf({});
    const points = pointsOf(block.bytes);
    expect(points).toHaveLength(block.points);
    expect(block.bytes.length / points.length).toBeGreaterThan(155);
    expect(block.bytes.length / points.length).toBeLessThan(175);
    expect(new Set(points.map(({ group }) => group)).size).toBe(100);
    expect(points[0]).toMatchObject({
      name: 'adsl_connection',
      group: 'host=router000',
      dimensions: ['host'],
      tags: { host: 'router000', region: 'eu-west' },
      fields: { value: expect.any(Number) as number, count: expect.any(BigInt) as bigint },
    });
  });

  it.each([
    [{ fields: 12 }, 12, 2],
    [{ fields: 50 }, 50, 2],
    [{ tags: 0 }, 3, 0],
    [{ tags: 20 }, 3, 20],
    [{ watch: 'flag' }, 3, 2],
  ])('has the fields and tags that are asked for: %j', (changed, fields, tags) => {
    const [point] = pointsOf(blockOf(changed).bytes);
    expect(Object.keys(point!.fields)).toHaveLength(fields);
    expect(Object.keys(point!.tags)).toHaveLength(tags);
  });

  it('has whole batches of the size that they announce', () => {
    const kinds = requestsOf(blockOf({ batch: 10, groups: 3 }).bytes).map((request) =>
      request.kind === 'begin' ? `begin of ${request.size}` : request.kind,
    );
    const batch = ['begin of 10', ...Array<string>(10).fill('point'), 'end'];
    expect(kinds.slice(0, 24)).toEqual([...batch, ...batch]);
    expect(kinds.length % 12).toBe(0);
  });

  it('moves every time on with each pass, within a group too', () => {
    const block = blockOf({ groups: 7 });
    const times: bigint[] = [];
    for (const pass of [0, 1, 127, 128, 5000]) {
      block.stamp(pass, block.bytes.length / 2);
      block.stamp(pass, block.bytes.length);
      times.push(...pointsOf(block.bytes).map(({ time }) => time));
    }
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(times).size).toBe(times.length);
  });

  it('tells how many points change the watched field, over several passes', () => {
    const block = blockOf({ groups: 5, watch: 'count' }, 10_000);
    const values = pointsOf(block.bytes).map(({ group, fields }) => ({ group, count: fields.count }));
    const last = new Map<string, unknown>();
    let changes = 0;
    [...values, ...values, ...values].forEach(({ group, count }, index) => {
      expect(block.changes(index)).toBe(changes);
      if (last.get(group) !== count) changes++;
      last.set(group, count);
    });
  });
});
