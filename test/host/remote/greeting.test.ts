import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAnswer,
  formatGreeting,
  type Greeting,
  type GreetingAnswer,
  maxGreetingBytes,
  parseAnswer,
  parseGreeting,
  readLine,
} from '../../../src/host/remote/greeting.js';

const session = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const udf = fc.stringMatching(/^[A-Za-z][\w-]{0,40}$/);

const greetings: fc.Arbitrary<Greeting> = fc.oneof(
  fc.constant({ kind: 'info' } as const),
  fc.record({ kind: fc.constant('new' as const), udf }),
  fc.record({ kind: fc.constant('resume' as const), session, udf, received: fc.maxSafeNat() }),
);

const answers: fc.Arbitrary<GreetingAnswer> = fc.oneof(
  fc.record({ kind: fc.constant('info' as const), json: fc.json({ maxDepth: 2 }) }),
  fc.record({ kind: fc.constant('session' as const), session, received: fc.maxSafeNat() }),
  fc.record({
    kind: fc.constant('refusal' as const),
    code: fc.constantFrom('certificate', 'version', 'malformed', 'unknown_udf', 'unknown_session', 'limit'),
    text: fc.constant('there is no such UDF; there are a, b'),
  }),
);

test('greetings and answers are one short line each, and read as they were written', () => {
  fc.assert(
    fc.property(greetings, (greeting) => {
      const text = formatGreeting(greeting);
      expect(text.length).toBeLessThan(maxGreetingBytes);
      expect(text.indexOf('\n')).toBe(text.length - 1);
      expect(parseGreeting(text.slice(0, -1))).toEqual(greeting);
    }),
  );
  fc.assert(
    fc.property(answers, (answer) => {
      expect(parseAnswer(formatAnswer(answer).slice(0, -1))).toEqual(answer);
    }),
  );
});

describe('a greeting', () => {
  test('of another version says which versions there are', () => {
    expect(() => parseGreeting('kapacitor-udf/7 info')).toThrow(
      'speaks version 7 of the protocol, this one version 2',
    );
  });

  test.each([
    'GET / HTTP/1.1',
    '',
    'kapacitor-udf/2 ',
    'kapacitor-udf/2 info now',
    'kapacitor-udf/2 session new ../etc',
    'kapacitor-udf/2 session new',
    'kapacitor-udf/2 session 0123 mirror 5',
    `kapacitor-udf/2 session ${'0'.repeat(32)} mirror -5`,
    `kapacitor-udf/2 session ${'0'.repeat(32)} mirror 99999999999999999`,
    'kapacitor-udf/2 restart mirror',
  ])('is refused if it is none: %s', (line) => {
    expect(() => parseGreeting(line)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  test('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        try {
          parseGreeting(Buffer.from(bytes).toString('latin1'));
        } catch (reason) {
          expect(reason).toMatchObject({ code: 'protocol' });
        }
      }),
    );
  });
});

describe('the first line', () => {
  test('ends where it ends, however its bytes come', async () => {
    const stream = new PassThrough();
    const read = readLine(stream, 100, 1_000);
    for (const part of ['kapa', 'citor', '\nre', 'st']) stream.write(part);
    const { line, rest } = await read;
    expect(line).toBe('kapacitor');
    const after = rest.toString() + String((stream.read() as Buffer | null) ?? '');
    expect(after).toBe('rest');
  });

  test('is refused once it is too long, before its end has come', async () => {
    const stream = new PassThrough();
    const read = readLine(stream, 100, 1_000);
    stream.write('x'.repeat(100));
    await expect(read).rejects.toMatchObject({ code: 'protocol' });
  });

  test('is waited for this long, even if a byte comes now and then', async () => {
    const stream = new PassThrough();
    const drip = setInterval(() => stream.write('x'), 10);
    await expect(readLine(stream, 1_000, 100)).rejects.toMatchObject({ code: 'connection' });
    clearInterval(drip);
  });

  test('may not come because the connection ends', async () => {
    const stream = new PassThrough();
    const read = readLine(stream, 100, 1_000);
    stream.end('kapacitor');
    await expect(read).rejects.toMatchObject({ code: 'connection' });
  });
});
