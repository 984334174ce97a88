import { edgeDetect, mirror } from 'kapacitor-udf/udfs';
import { expect, onTestFinished, test } from 'vitest';
import { servedHere } from '../../src/host/served-udf.js';
import { BatchBuilder, RecordReader } from '../../src/kafka/client/record-batch.js';
import { checkUdf, PartitionUdf } from '../../src/kafka/partition-udf.js';
import { silentLogger } from '../support/silent-logger.js';

const codec = { crc32c: () => 0, compress: unused, decompress: unused };
function unused(): never {
  throw new Error('not compressed');
}

/** A reader at a record with this value, or without one. */
function record(value: string | undefined): RecordReader {
  const batch = new BatchBuilder();
  batch.add(undefined, value === undefined ? undefined : Buffer.from(value));
  const bytes = batch.build(codec, 'none', { producerId: 1n, producerEpoch: 0, sequence: 0 });
  const reader = new RecordReader(codec, bytes, 0);
  reader.next();
  return reader;
}

/** What `mirror` emits for records, and what is dropped. */
async function mirrored(...values: readonly (string | undefined)[]) {
  const output: string[] = [];
  const dropped: string[] = [];
  const udf = new PartitionUdf({
    udf: servedHere(mirror),
    taskId: 'group',
    partition: 3,
    time: 0n,
    sink: { write: (chunk) => output.push(chunk.toString()), isBlocked: false },
    dropped: (line, reason) => dropped.push(`${line.toString()}: ${reason}`),
    logger: silentLogger,
  });
  onTestFinished(() => udf.destroy());
  await udf.start();
  const readers = values.map(record);
  for (const reader of readers) udf.record(reader);
  await udf.settled();
  return {
    output: output.join('').split('\n').slice(0, -1),
    dropped,
    times: readers.map(({ timestamp }) => timestamp),
  };
}

test('a record may have several lines, with Windows line ends, comments and no value', async () => {
  const { output, dropped } = await mirrored(
    'm v=1 1\r\n# a comment\r\n\r\nm v=2 2',
    undefined,
    '',
    'm v=3 3\n',
  );
  expect(output).toEqual(['m v=1 1', 'm v=2 2', 'm v=3 3']);
  expect(dropped).toEqual([]);
});

test('a line without a time goes out with that of its record', async () => {
  const { output, times } = await mirrored('m v=1 \nm s="a \r\nb"\r\n', 'm v=0 0');
  const time = `${times[0]!}000000`;
  expect(output.join('\n')).toBe(`m v=1 ${time}\nm s="a \r\nb" ${time}\nm v=0 0`);
});

test('a quote that is not closed ends with its record', async () => {
  const { output, dropped } = await mirrored('m s="open 1', 'm v=2 2');
  expect(output).toEqual(['m v=2 2']);
  expect(dropped).toEqual([expect.stringMatching(/^m s="open 1: .*no closing quote/)]);
});

test('a UDF is started once to see its options, which are returned as they are set', async () => {
  const settings = { udf: servedHere(edgeDetect), taskId: 'group' };
  await expect(checkUdf({ ...settings, set: ['field=a', 'as=b'] })).resolves.toEqual([
    { name: 'field', args: [{ type: 'string', value: 'a' }] },
    { name: 'as', args: [{ type: 'string', value: 'b' }] },
  ]);
  await expect(checkUdf({ ...settings, set: ['felt=a'] })).rejects.toMatchObject({ code: 'usage' });
  await expect(checkUdf(settings)).rejects.toMatchObject({ code: 'invalid_options' });
});
