import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { createBatch, defineUdf, option, type UdfDefinition, UdfError } from 'kapacitor-udf';
import { formatLine } from 'kapacitor-udf/testkit';
import { edgeDetect, mirror, outliers } from 'kapacitor-udf/udfs';
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.js';
import { type LineProcessing, LineProcessor } from '../../src/execd/process-lines.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import { MemoryStateStore } from '../support/memory-state-store.js';
import { silentLogger } from '../support/silent-logger.js';
import { until } from '../support/until.js';

interface Given extends Partial<Pick<LineProcessing, 'set' | 'groupBy' | 'onError' | 'output' | 'id'>> {
  readonly stateStore?: MemoryStateStore;
  /** Bytes of each chunk of the input. */
  readonly chunkBytes?: number;
}

/** A processor at work. */
function start(definition: UdfDefinition, { stateStore, ...given }: Given = {}) {
  const [transport, peerTransport] = memoryTransportPair();
  const agent = createAgent({
    definition,
    transport,
    logger: silentLogger,
    stateStore,
    onError: given.onError,
  });
  const log: LogLine[] = [];
  const input = new PassThrough();
  const written: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(Buffer.from(chunk));
      done();
    },
  });
  const processor = new LineProcessor({
    transport: peerTransport,
    input,
    output,
    udf: definition.name,
    id: 'test',
    logger: memoryLogger(log),
    ...given,
  });
  const text = (): string => Buffer.concat(written).toString();
  const counts = processor.run().finally(() => agent.closed);
  counts.catch(() => undefined); // awaited by the test
  return { input, processor, counts, text, log };
}

/** What comes out for a whole input. */
async function process(definition: UdfDefinition, text: string, given: Given = {}) {
  const { input, counts, text: output, log } = start(definition, given);
  const bytes = Buffer.from(text);
  const { chunkBytes = bytes.length } = given;
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    input.write(bytes.subarray(at, at + chunkBytes));
    if (chunkBytes < bytes.length) await new Promise(setImmediate);
  }
  input.end();
  return {
    counts: await counts,
    output: output(),
    log: log.map(({ level, message }) => `${level}: ${message}`),
  };
}

/** Adds 1 to the double `v` of each point. */
const increment = defineUdf({
  name: 'increment',
  wants: 'stream',
  provides: 'stream',
  point: (point) => point.withField('v', (point.number('v') ?? 0) + 1),
});

/** Throws for each point whose `v` is 2. */
const failing = defineUdf({
  name: 'failing',
  wants: 'stream',
  provides: 'stream',
  point(point) {
    if (point.number('v') === 2) throw new Error('two');
    return point;
  },
});

const lines = `cpu,host=a,dc=x v=1.50,state="on",n=3i,up=t 1514979051065000000
cpu,host=b,dc=x v=2,state="on" 1514979051065000000
mem,host=a  free=5u 1514979051065000001
cpu,dc=x,host=a v=1e2,state="off" 1514979051065000002
`;

describe('lines that a UDF leaves unchanged', () => {
  test('go out byte for byte, in order, at every cut of the input', async () => {
    for (const chunkBytes of [1, 7, 64, 1000]) {
      expect((await process(mirror, lines, { chunkBytes })).output).toBe(lines);
    }
  });

  test('with Windows line ends go out with ours', async () => {
    expect((await process(mirror, 'm v=1 1\r\n\r\nm v=2\r\n')).output).toBe('m v=1 1\nm v=2\n');
  });

  test('go out equal, whatever the parser accepts', async () => {
    const word = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 8 })
      .filter((text) => !/\n|\\(?:[, ="]|$)|^[#\t\0]/.test(text));
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.boolean(),
      fc.string({ unit: 'binary', maxLength: 12 }),
    );
    const point = fc.record({
      name: word,
      tags: fc.dictionary(word, word, { maxKeys: 3, noNullPrototype: true }),
      fields: fc.dictionary(word, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
      time: fc.option(fc.bigInt({ min: -(2n ** 63n) + 2n, max: 2n ** 63n - 2n }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(point, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 5, max: 200 }),
        async (points, chunkBytes) => {
          const text = points.map((each) => `${formatLine(each)}\n`).join('');
          expect((await process(mirror, text, { chunkBytes })).output).toBe(text);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('are found again where a UDF drops most, also at equal times', async () => {
    const time = '1514979051065000000';
    const all = Array.from({ length: 5000 }, (_, index) => {
      const state = index % 700 < 350 ? 'on' : 'off';
      return `m,host=h${index % 7} v=${index}.0,state="${state}" ${time}\n`;
    });
    const { output } = await process(edgeDetect, all.join(''), { set: ['field=state', 'late=process'] });
    const changes = output.split('\n').slice(0, -1);
    expect(changes.length).toBeGreaterThan(50);
    expect(changes.filter((line) => !all.includes(`${line}\n`))).toEqual([]);
  });
});

describe('points that a UDF makes', () => {
  test('keep measurement and tags as they are written', async () => {
    const { output } = await process(increment, 'a\\ b,z=1,host=x\\=y v=1.50,n=3i,s="q\\"",up=true 5\n');
    expect(output).toMatch(/^a\\ b,z=1,host=x\\=y /);
    expect(output).toContain('v=2.5');
    expect(output).toContain('n=3i');
    expect(output).toContain('s="q\\""');
    expect(output).toMatch(/ 5\n$/);
  });

  test('may have another name, other tags and another time', async () => {
    const moved = defineUdf({
      name: 'moved',
      wants: 'stream',
      provides: 'stream',
      point: (point) => point.withName('n w').withTag('dc', 'y').withTime(-1n),
    });
    expect((await process(moved, 'm,host=a v=1 5\n')).output).toBe('n\\ w,host=a,dc=y v=1 -1\n');
  });

  test('that line protocol cannot hold are skipped, counted and logged once in a while', async () => {
    const invalid = defineUdf({
      name: 'invalid',
      wants: 'stream',
      provides: 'stream',
      point: (point) => (point.number('v') === 1 ? point.withField('v', NaN) : point),
    });
    const { output, counts, log } = await process(invalid, 'm v=1 1\nm v=2 2\nm v=1 3\n');
    expect(output).toBe('m v=2 2\n');
    expect(counts).toEqual({ pointsIn: 3, pointsOut: 1, skipped: 2 });
    expect(log).toEqual([
      'error: an emitted point is skipped: line protocol cannot hold NaN, the value of field "v"',
    ]);
  });

  test('of batches go out one a line, with the name and the tags of their batch', async () => {
    const pairs = defineUdf({
      name: 'pairs',
      wants: 'stream',
      provides: 'batch',
      state: () => ({ values: [] as number[] }),
      point(point, { state }) {
        state.values.push(point.number('v')!);
        if (state.values.length < 2) return undefined;
        const points = state.values
          .splice(0)
          .map((v, index) => ({ time: point.time + BigInt(index), fields: { v } }));
        return createBatch({
          name: point.name,
          tags: { host: point.tag('host')! },
          time: point.time,
          points,
        });
      },
    });
    const { output } = await process(pairs, 'm,host=a v=1 1\nm,host=b v=2 2\nm,host=a v=3 3\n');
    expect(output).toBe('m,host=a v=1 3\nm,host=a v=3 4\n');
  });

  test('by handlers that wait come out in the order of their input, all before the end', async () => {
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      async point(point) {
        await new Promise(setImmediate);
        return point;
      },
    });
    expect((await process(slow, lines)).output).toBe(lines);
  });
});

describe('timers', () => {
  const watched = defineUdf({
    name: 'watched',
    wants: 'stream',
    provides: 'stream',
    options: { clock: option.string({ required: true, oneOf: ['wall', 'event'], doc: 'The clock.' }) },
    state: () => ({}),
    point(_point, { options, timers }) {
      timers.set('silence', { after: '10ms', clock: options.clock });
    },
    timer: (_timer, { newPoint }) => newPoint({ silent: true }),
  });

  test('of the wall clock write lines while no input comes', async () => {
    const { input, counts, text } = start(watched, { set: ['clock=wall'] });
    input.write(`m,host=a v=1 1\n`);
    await until('the timer fires', () => /^m,host=a silent=true \d{19}\n$/.test(text()));
    input.end();
    await counts;
  });

  test("of the points' time write theirs before the line that moves it", async () => {
    const { output } = await process(watched, 'm,host=a v=1 0\nm,host=a v=2 20000000\n', {
      set: ['clock=event'],
    });
    expect(output).toBe('m,host=a silent=true 10000000\n');
  });
});

describe('groups', () => {
  const counting = defineUdf({
    name: 'counting',
    wants: 'stream',
    provides: 'stream',
    state: () => ({ count: 0 }),
    point: (point, { state }) => point.replaceFields({ count: BigInt(++state.count) }),
  });
  const given = 'a,dc=x,host=1 v=1 1\na,dc=x,host=2 v=1 2\nb,dc=x,host=1 v=1 3\na,dc=y,host=1 v=1 4\n';
  const countsIn = (output: string) => output.match(/count=\d/g)?.join(' ');

  test.each([
    ['by measurement and all tags', undefined, 'count=1 count=1 count=1 count=1'],
    ['by measurement and the given tags', ['dc'], 'count=1 count=2 count=1 count=1'],
    ['by measurement alone', [], 'count=1 count=2 count=1 count=3'],
  ])('are %s', async (_what, groupBy, expected) => {
    expect(countsIn((await process(counting, given, { groupBy })).output)).toBe(expected);
  });

  test('continue after a restart with the state that was stored under the name', async () => {
    const stateStore = new MemoryStateStore();
    await process(counting, 'a v=1 1\na v=1 2\n', { stateStore });
    expect((await process(counting, 'a v=1 3\n', { stateStore })).output).toBe('a count=3i 3\n');
    expect((await process(counting, 'a v=1 4\n', { stateStore, id: 'other' })).output).toBe('a count=1i 4\n');
  });
});

describe('a line that is malformed', () => {
  test('is skipped, counted, and logged with what is wrong, at most once in ten seconds', async () => {
    const { output, counts, log } = await process(
      mirror,
      'm v=1 1\nno fields\nm v= 2\n\n# comment\nm v=3 3\n',
    );
    expect(output).toBe('m v=1 1\nm v=3 3\n');
    expect(counts).toEqual({ pointsIn: 2, pointsOut: 2, skipped: 2 });
    expect(log).toEqual([
      'error: a malformed line is skipped: field "fields" has no value (column 10): "no fields"',
    ]);
  });

  test('is logged in part if it is long', async () => {
    const { log } = await process(mirror, `${'x'.repeat(100_000)}\n`);
    expect(log).toHaveLength(1);
    expect(log[0]!.length).toBeLessThan(1000);
  });

  test('without a closing quote takes no other line with it, and holds none back for long', async () => {
    const { input, counts, text } = start(mirror);
    input.write('m v="open 1\nm v=2 2\n');
    await until('the line behind it comes out', () => text() === 'm v=2 2\n');
    input.write('m v="a\nb" 3\n');
    await until('a text with a newline comes out', () => text().endsWith('m v="a\nb" 3\n'));
    input.end();
    expect(await counts).toMatchObject({ pointsIn: 2, skipped: 1 });
  });
});

describe('an unsigned integer', () => {
  test('is an integer to the UDF, and goes out unsigned, as far as it is not negative', async () => {
    const given = 'm n=5u,v=1 1\nm n=6u,v=2 2\n';
    expect((await process(mirror, given)).output).toBe(given);
    expect((await process(increment, given)).output).toMatch(
      /^m (?=.*v=2)(?=.*n=5u).* 1\nm (?=.*n=6u).* 2\n$/,
    );
    const negate = defineUdf({
      name: 'negate',
      wants: 'stream',
      provides: 'stream',
      point: (point) => point.withField('n', -(point.field('n') as bigint)),
    });
    expect((await process(negate, 'm n=5u 1\n')).output).toBe('m n=-5i 1\n');
  });

  const beyond = 'm v=1 1\nm n=9223372036854775808u 2\nm v=3 3\n';

  test('beyond an int64 ends the UDF by default', async () => {
    await expect(process(mirror, beyond)).rejects.toMatchObject({
      code: 'limit',
      message: expect.stringContaining('field "n" is 9223372036854775808u') as string,
    });
  });

  test.each<readonly [string, Given]>([
    ['by the policy of the host', { onError: 'drop' }],
    ['by the policy in the options', { set: ['onError=drop'] }],
  ])('beyond an int64 is dropped %s', async (_how, given) => {
    const { output, counts, log } = await process(mirror, beyond, given);
    expect(output).toBe('m v=1 1\nm v=3 3\n');
    expect(counts.skipped).toBe(1);
    expect(log.join()).toContain('; dropped');
  });

  test('beyond an int64 is passed on in its place by the policy pass', async () => {
    expect((await process(mirror, beyond, { set: ['onError=pass'] })).output).toBe(beyond);
  });

  test('is passed on in its place behind calls that have not ended', async () => {
    const slow = defineUdf({
      name: 'slow',
      wants: 'stream',
      provides: 'stream',
      point: async (point) => {
        await new Promise(setImmediate);
        return point;
      },
    });
    const text = beyond + beyond + 'm n=9223372036854775808u 4\n';
    expect((await process(slow, text, { set: ['onError=pass'] })).output).toBe(text);
    expect((await process(slow, text, { set: ['onError=pass'], chunkBytes: 5 })).output).toBe(text);
  });
});

describe('a reader that is slow', () => {
  test('pauses the input, and gets every line in the end', async () => {
    const waiting: (() => void)[] = [];
    let bytes = 0;
    const output = new Writable({
      highWaterMark: 1024,
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        waiting.push(done);
      },
    });
    const { input, counts } = start(mirror, { output });
    const line = `m,host=a text="${'x'.repeat(1000)}" 1\n`;
    let sent = 0;
    let isPaused = false;
    for (; sent < 20_000 && !isPaused; sent++) {
      if (input.write(line)) continue;
      const drained = new Promise((resolve) =>
        input.once('drain', () => {
          resolve(true);
        }),
      );
      isPaused = !(await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 1000, false))]));
    }
    expect(isPaused).toBe(true);
    expect(sent * line.length).toBeLessThan(8 * 1024 * 1024);
    input.end();
    const timer = setInterval(() => {
      for (const done of waiting.splice(0)) done();
    }, 1);
    expect((await counts).pointsOut).toBe(sent);
    clearInterval(timer);
    expect(bytes).toBe(sent * line.length);
  });
});

describe('what cannot be', () => {
  test('a UDF that wants batches is refused', async () => {
    await expect(process(outliers, '', { set: ['field=v'] })).rejects.toMatchObject({
      code: 'usage',
      message:
        'outliers wants batches, and Telegraf sends single points: only a UDF that wants a stream can be used there',
    });
  });

  test('an option that the UDF does not have is refused by name', async () => {
    await expect(process(edgeDetect, '', { set: ['feild=v'] })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('did you mean field?') as string,
    });
  });

  test('options that the UDF refuses end it with the reason', async () => {
    await expect(process(edgeDetect, '')).rejects.toMatchObject({
      rule: 'init-refused',
      detail: expect.stringContaining('one of .field() or .tag() is required') as string,
    });
  });

  test('output that cannot be written ends it', async () => {
    const output = new Writable({
      write(_chunk, _encoding, done) {
        done(new Error('EPIPE'));
      },
    });
    await expect(process(mirror, 'm v=1 1\n', { output })).rejects.toMatchObject({
      code: 'connection',
      message: 'cannot write to standard output: EPIPE',
    });
  });

  test('a handler that throws ends it under the policy stop, after the output so far', async () => {
    const { input, counts, text } = start(failing);
    input.end('m v=1 1\nm v=2 2\nm v=3 3\n');
    await expect(counts).rejects.toMatchObject({ rule: 'error-response' });
    expect(text()).toBe('m v=1 1\n');
  });

  test('a handler that throws under another policy has its point dropped, or passed on', async () => {
    expect((await process(failing, 'm v=1 1\nm v=2 2\nm v=3 3\n', { onError: 'drop' })).output).toBe(
      'm v=1 1\nm v=3 3\n',
    );
    expect((await process(failing, lines, { onError: 'pass' })).output).toBe(lines);
  });
});

test('`abort` ends it with the reason, also while nobody reads its output', async () => {
  const output = new Writable({ write: () => undefined });
  const { input, processor, counts } = start(mirror, { output });
  input.end('m v=1 1\n');
  await until('it waits for its reader', () => output.writableEnded);
  processor.abort(new UdfError('connection', 'not finished'));
  await expect(counts).rejects.toThrow('not finished');
});

test('`finish` reads no more, and what has been read comes out', async () => {
  const { input, processor, counts, text } = start(mirror);
  input.write('m v=1 1\nm v=2 2\nm v=3');
  await until('the lines come out', () => text() === 'm v=1 1\nm v=2 2\n');
  processor.finish();
  expect(await counts).toMatchObject({ pointsIn: 3, pointsOut: 3 });
});
