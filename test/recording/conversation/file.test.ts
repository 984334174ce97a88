import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConversationEntry,
  encodeEntry,
  encodeHeader,
  isConversation,
} from '../../../src/recording/conversation/format.js';
import { openConversation, readConversation } from '../../../src/recording/conversation/reader.js';
import { ConversationWriter } from '../../../src/recording/conversation/writer.js';
import { runs } from '../../support/runs.js';
import { tempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';

const header = { udf: 'mirror', socket: '/run/udf/mirror.sock', startedAt: '2026-01-02T03:04:05.678Z' };

/** A whole file with one of each entry. */
const file = Buffer.concat([
  encodeHeader(header),
  encodeEntry('request', 1n, Buffer.from('ask')),
  encodeEntry('response', 2n, Buffer.from('answer')),
  encodeEntry('request-end', 3n, Buffer.alloc(0)),
  encodeEntry('response-end', 4n, Buffer.alloc(0)),
  encodeEntry('close', 5n, Buffer.from('why')),
]);

async function entriesOf(
  chunks: Iterable<Buffer>,
  options: { allowTruncated?: boolean } = {},
): Promise<ConversationEntry[]> {
  const { entries } = await openConversation('a.conversation', Readable.from(chunks), options);
  const found: ConversationEntry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

describe('the file of a conversation', () => {
  test('begins with lines that a person can read', () => {
    expect(file.toString().split('\n', 2)).toEqual(['kapacitor-udf conversation 1', JSON.stringify(header)]);
    expect(isConversation(file)).toBe(true);
    expect(isConversation(Buffer.from('cpu value=1 2'))).toBe(false);
  });

  test('gives back what was written, with both ends and times that do not go backwards', async () => {
    const path = join(tempDir(), 'a.conversation');
    const writer = new ConversationWriter(createWriteStream(path), header);
    writer.request(Buffer.from([1, 2]));
    writer.response(Buffer.from([3]));
    writer.end('request-end');
    writer.end('response-end');
    await writer.close('the end');
    const read = await readConversation(path);
    expect(read.header).toEqual(header);
    const found: ConversationEntry[] = [];
    for await (const entry of read.entries) found.push(entry);
    expect(found).toMatchObject([
      { kind: 'request', bytes: Buffer.from([1, 2]) },
      { kind: 'response', bytes: Buffer.from([3]) },
      { kind: 'request-end' },
      { kind: 'response-end' },
      { kind: 'close', problem: 'the end' },
    ]);
    const times = found.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
    expect(Math.abs(Number(times[0]! / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  });

  test('reads the same however its bytes arrive', async () => {
    const whole = await entriesOf([file]);
    expect(whole).toHaveLength(5);
    expect(await entriesOf(Array.from(file, (byte) => Buffer.from([byte])))).toEqual(whole);
  });

  test('holds any bytes at any times', async () => {
    const entry = fc.record({
      kind: fc.constantFrom('request' as const, 'response' as const),
      time: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry), async (entries) => {
        const bytes = entries.map((one) => encodeEntry(one.kind, one.time, one.bytes));
        expect(await entriesOf([encodeHeader({}), ...bytes], { allowTruncated: true })).toEqual(entries);
      }),
      runs(50),
    );
  });

  test('splits a chunk that is larger than an entry may be, and loses nothing', async () => {
    const path = join(tempDir(), 'a.conversation');
    const writer = new ConversationWriter(createWriteStream(path), {});
    const large = Buffer.alloc(2_500_000, 'abc');
    writer.request(large);
    await writer.close();
    const parts = (await entriesOf([readFileSync(path)])).flatMap((entry) =>
      entry.kind === 'request' ? [entry.bytes] : [],
    );
    expect(parts).toHaveLength(3);
    expect(Buffer.concat(parts).equals(large)).toBe(true);
  });
});

describe('a file that is no whole conversation is told apart:', () => {
  test('one that was cut off, at whichever byte', async () => {
    for (let length = 0; length < file.length; length++) {
      await expect(entriesOf([file.subarray(0, length)]), `of ${length} bytes`).rejects.toThrow(/cut off/);
    }
  });

  test('one that was cut off is taken as far as it goes if that is wanted', async () => {
    const whole = await entriesOf([file]);
    expect(await entriesOf([file.subarray(0, -1)], { allowTruncated: true })).toEqual(whole.slice(0, -1));
  });

  test.each([
    [
      'one of another kind',
      Buffer.from('cpu value=1 2\n'),
      'a.conversation: this is not a recorded conversation',
    ],
    [
      'one of a newer version',
      Buffer.from('kapacitor-udf conversation 2\n{}\n'),
      'a.conversation: this conversation is in format 2, and this version of kapacitor-udf reads up to 1; update it',
    ],
    [
      'one with a damaged header',
      Buffer.from('kapacitor-udf conversation 1\n{"udf\n'),
      'a.conversation: the header of this conversation is damaged',
    ],
    [
      'one with a header without end',
      Buffer.from(`kapacitor-udf conversation 1\n${'x'.repeat(70_000)}`),
      'a.conversation: the header of this conversation is damaged',
    ],
    [
      'one with a damaged entry',
      Buffer.concat([encodeHeader({}), encodeEntry('request', 1n, Buffer.from('a')), Buffer.alloc(13)]),
      'a.conversation: entry 2, byte 46: this is not an entry',
    ],
    [
      'one that goes on behind its end',
      Buffer.concat([file, Buffer.from('x')]),
      `a.conversation: entry 6, byte ${file.length}: bytes follow the end of the conversation`,
    ],
  ])('%s', async (_what, bytes, problem) => {
    await expect(entriesOf([bytes])).rejects.toMatchObject({ code: 'malformed', message: problem });
  });

  test('an entry that announces more than one can hold takes no memory', async () => {
    const head = encodeEntry('request', 1n, Buffer.alloc(0));
    head.writeUInt32LE(0xffff_ffff, 9);
    await expect(entriesOf([encodeHeader({}), head])).rejects.toThrow('this is not an entry');
  });

  test('one that is not there', async () => {
    const path = join(tempDir(), 'a.conversation');
    await expect(readConversation(path)).rejects.toMatchObject({
      code: 'invalid_config',
      message: `cannot read ${path}: there is no such file`,
    });
  });

  test('one of no bytes', async () => {
    const path = join(tempDir(), 'a.conversation');
    writeFileSync(path, '');
    await expect(readConversation(path)).rejects.toThrow(`${path}: it was cut off inside its header`);
  });
});

describe('a recording that cannot go on', () => {
  test.skipIf(process.platform !== 'linux')(
    'ends with a problem that is told once when the disk is full',
    async () => {
      const problems: string[] = [];
      const writer = new ConversationWriter(createWriteStream('/dev/full'), header, {
        onFailure: (problem) => problems.push(problem),
      });
      writer.request(Buffer.from('ask'));
      await until('it fails', () => problems.length > 0);
      writer.request(Buffer.from('ask'));
      writer.end('request-end');
      await writer.close();
      expect(problems).toEqual([expect.stringContaining('no space left on device')]);
    },
  );

  test('ends when more waits for the disk than may: memory stays bounded', async () => {
    const problems: string[] = [];
    const stuck = new Writable({ write: () => undefined });
    const writer = new ConversationWriter(stuck, header, {
      maxPendingBytes: 1000,
      onFailure: (problem) => problems.push(problem),
    });
    for (let count = 0; count < 100; count++) writer.request(Buffer.alloc(100));
    expect(problems).toEqual(['the disk is too slow: more than 1000 bytes are waiting for it']);
    expect(stuck.destroyed).toBe(true);
    await writer.close();
  });
});
