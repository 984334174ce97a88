import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { messageOf, UdfError } from '../../src/model/errors.js';
import { capText, maxErrorBytes } from '../../src/model/text.js';
import { createLogger, maxLineBytes } from '../../src/telemetry/create-logger.js';
import { runUdf } from '../../src/testkit/run.js';
import { kapacitorInMemory } from '../support/connection.js';

class Throwing extends Error {
  override get message(): string {
    throw new Error('no message for you');
  }
}

class NoText extends Error {
  override get message(): string {
    return {} as string;
  }
}

const unprintable = 'an unprintable value was thrown';

/** Throws whatever is done with it. */
const trap = new Proxy(
  {},
  {
    get: () => {
      throw new Error('get');
    },
    has: () => {
      throw new Error('has');
    },
    getPrototypeOf: () => {
      throw new Error('getPrototypeOf');
    },
  },
);

const hostile: readonly [string, unknown, string][] = [
  ['an error whose message throws', new Throwing(), unprintable],
  ['an error whose message is no text', new NoText(), 'Error'],
  ['a Proxy that throws', trap, unprintable],
  ['an object without a prototype', Object.create(null), unprintable],
];

describe('a handler that throws something odd is handled like any other:', () => {
  const throwing = (thrown: unknown) =>
    defineUdf({
      name: 'odd',
      wants: 'stream',
      provides: 'stream',
      point(): never {
        throw thrown;
      },
    });

  test.each(hostile)('%s', async (_what, thrown, text) => {
    expect(messageOf(thrown)).toBe(text);
    const { agent, kapacitor } = kapacitorInMemory(throwing(thrown));
    await kapacitor.init();
    kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    await expect(kapacitor.stop()).rejects.toThrow(`odd: task test: ${text} on the point at 1`);
    await agent.closed;
    expect(agent.failure).toMatchObject({ code: 'handler' });
    expect(agent.failure!.cause).toBe(thrown);
  });

  test.each(hostile)('%s is logged in one line', (_what, thrown) => {
    for (const level of ['debug', 'info'] as const) {
      const lines: string[] = [];
      const logger = createLogger({ level, destination: { write: (line) => lines.push(line) } });
      logger.error({ err: thrown }, 'failed');
      logger.error({ err: new UdfError('internal', 'inner', { cause: thrown }) }, 'failed');
      expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['failed', 'failed']);
    }
  });
});

test("the error that a handler threw is the failure's cause, with the stack of the author's own line", async () => {
  const { agent, kapacitor } = kapacitorInMemory(
    defineUdf({
      name: 'bad',
      wants: 'stream',
      provides: 'stream',
      point: async (point) => {
        await Promise.resolve();
        throw new RangeError(`no room for ${point.name}`);
      },
    }),
  );
  await kapacitor.init();
  kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
  await expect(kapacitor.stop()).rejects.toThrow('no room for cpu');
  const cause = agent.failure!.cause as Error;
  expect(cause).toBeInstanceOf(RangeError);
  expect(cause.stack).toContain('hostile-errors.test.ts');
});

describe('a long text', () => {
  const long = 'ü🙂'.repeat(50_000);

  test('of an error is cut before it goes to Kapacitor and to the log, and still says where', async () => {
    const { agent, kapacitor, log } = kapacitorInMemory(
      defineUdf({
        name: 'long',
        wants: 'stream',
        provides: 'stream',
        point() {
          throw new Error(long);
        },
      }),
    );
    await kapacitor.init();
    kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    const { detail } = await kapacitor.stop().then(
      () => ({ detail: '' }),
      (reason: unknown) => reason as { detail: string },
    );
    expect(Buffer.byteLength(detail)).toBeLessThanOrEqual(maxErrorBytes);
    expect(detail).toMatch(
      /^long: task test: ü🙂.*150000 characters in all\) on the point at 1 \(at test\/agent\/hostile-errors\.test\.ts:\d+\)$/,
    );
    await agent.closed;
    for (const { message } of log) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(maxErrorBytes);
  });

  test('of a refused init is cut too, and so is its line in the log', async () => {
    const { kapacitor, log } = kapacitorInMemory(
      defineUdf({
        name: 'long',
        wants: 'stream',
        provides: 'stream',
        check: () => [long],
        point: () => undefined,
      }),
    );
    const refused = await kapacitor.init().then(
      () => ({ detail: '' }),
      (reason: unknown) => reason as { detail: string },
    );
    expect(refused.detail).toMatch(/^long: ü/);
    expect(Buffer.byteLength(refused.detail)).toBeLessThanOrEqual(maxErrorBytes);
    const lines: string[] = [];
    createLogger({ level: 'debug', destination: { write: (line) => lines.push(line) } }).warn(
      log.find(({ level }) => level === 'warn')!.details,
      long,
    );
    expect(Buffer.byteLength(lines[0]!)).toBeLessThanOrEqual(maxLineBytes);
  });

  test.each([10, 40, 41, 42, 43, 100, 1000])('is cut between characters at %d bytes at most', (maxBytes) => {
    const cut = capText(long, Math.max(maxBytes, 40));
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(Math.max(maxBytes, 40));
    expect(Buffer.from(cut).toString()).toBe(cut);
    expect(capText('short', 40)).toBe('short');
  });
});

test('details of a log entry that cannot be read do not end the task, whatever the logger', async () => {
  const udf = defineUdf({
    name: 'logging',
    wants: 'stream',
    provides: 'stream',
    point(point, { log }) {
      const unreadable = Proxy.revocable({}, {});
      unreadable.revoke();
      log.info('a point', unreadable.proxy);
      return point;
    },
  });
  const run = await runUdf(udf);
  expect((await run.send('cpu v=1')).points).toHaveLength(1);
  await run.stop();
  expect(run.log.find(({ message }) => message === 'a point')?.details.details).toMatch(/^unreadable: /);
});
