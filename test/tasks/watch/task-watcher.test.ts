import { beforeEach, describe, expect, it } from 'vitest';
import { KapacitorApi } from '../../../src/kapacitor/api.js';
import type { TaskConnections } from '../../../src/kapacitor/connections.js';
import type { AttemptLimits } from '../../../src/tasks/watch/attempts.js';
import { RevivalJournal } from '../../../src/tasks/watch/revival-journal.js';
import { TaskWatcher } from '../../../src/tasks/watch/task-watcher.js';
import type { WatchEvent } from '../../../src/tasks/watch/watch-event.js';
import { FakeKapacitor } from './support/fake-kapacitor.js';

const warn = (problem: string): never => {
  throw new Error(problem);
};

describe('a watcher', () => {
  let kapacitor: FakeKapacitor;
  let events: WatchEvent[];
  let journal: RevivalJournal;
  let now: number;
  /** Why the socket does not answer. */
  let away: string | undefined;

  beforeEach(async () => {
    kapacitor = await FakeKapacitor.start();
    events = [];
    journal = new RevivalJournal(undefined, warn);
    now = Date.UTC(2026, 0, 2);
    away = undefined;
  });

  const watcher = (
    more: { limits?: Partial<AttemptLimits>; dryRun?: boolean; connections?: TaskConnections } = {},
  ): TaskWatcher =>
    new TaskWatcher({
      api: new KapacitorApi(kapacitor.url),
      sockets: () => new Map([['mine', '/run/mine.sock']]),
      probe: () => (away === undefined ? Promise.resolve() : Promise.reject(new Error(away))),
      connections: kapacitor.connections,
      journal,
      report: (event) => void events.push(event),
      now: () => now,
      random: () => 0.5,
      ...more,
    });
  const told = (): string[] =>
    events.map((event) => `${event.event}${'task' in event ? ` ${event.task}` : ''}`);

  describe('revives', () => {
    it('a task that stopped when its connection was lost, once', async () => {
      kapacitor.addDead('adsl');
      const watching = watcher();
      expect(await watching.round()).toEqual({ running: 1, stopped: 0, isAvailable: true });
      await watching.round();
      expect(kapacitor.changes).toEqual(['disable adsl', 'enable adsl']);
      expect(events).toEqual([
        {
          event: 'revived',
          kapacitor: kapacitor.url,
          task: 'adsl',
          attempt: 1,
          why: expect.stringContaining('broken pipe') as string,
          ms: expect.any(Number) as number,
        },
      ]);
      expect(watching.counts).toEqual({ revived: 1, failed: 0, gaveUp: 0 });
    });

    it('many at a time', async () => {
      for (let count = 0; count < 40; count++) kapacitor.addDead(`t${count}`);
      expect(await watcher().round()).toMatchObject({ running: 40, stopped: 0 });
      expect(told()).toHaveLength(40);
    });

    it('a task that stopped without an error, if it still looks so at a second look', async () => {
      kapacitor.addDead('adsl', { error: '' });
      const watching = watcher();
      await watching.round();
      expect(kapacitor.changes).toEqual([]);
      await watching.round();
      expect(told()).toEqual(['revived adsl']);
    });

    it('an idle task that is shown as running without a connection, at a second look', async () => {
      kapacitor.add('idle', { connection: 'lost' });
      const watching = watcher();
      await watching.round();
      expect(kapacitor.changes).toEqual([]);
      await watching.round();
      expect(told()).toEqual(['revived idle']);
      expect(kapacitor.crashes).toEqual([]);
    });

    it('an idle task that has never had a point, if it was connected as it is now', async () => {
      const task = kapacitor.add('idle', { collected: 0 });
      const watching = watcher();
      await watching.round();
      task.connection = 'lost';
      await watching.round();
      await watching.round();
      expect(told()).toEqual(['revived idle']);
    });

    it('a task that its own revival left disabled, when it was interrupted', async () => {
      const task = kapacitor.addDead('adsl');
      kapacitor.onRequest = (method) => {
        if (method === 'PATCH' && task.status === 'disabled') kapacitor.answersOnly = 503;
      };
      await watcher().round();
      expect(told()).toEqual(['failed adsl']);
      kapacitor.onRequest = kapacitor.answersOnly = undefined;
      expect(task.status).toBe('disabled');
      await watcher().round(); // another process, with the same journal
      expect(task).toMatchObject({ status: 'enabled', executing: true });
      expect(journal.pending(kapacitor.url).size).toBe(0);
    });

    it('a task left disabled by a revival that was killed before Kapacitor answered', async () => {
      const task = kapacitor.addDead('adsl');
      const begun = Date.parse(task.modified);
      journal.begin(kapacitor.url, 'adsl', { begun: new Date(begun).toISOString(), before: task.modified });
      kapacitor.change('adsl', { status: 'disabled' });
      await watcher().round();
      expect(task).toMatchObject({ status: 'enabled', executing: true });
    });
  });

  describe('leaves alone', () => {
    it.each<[string, Parameters<FakeKapacitor['addDead']>[1]]>([
      ['a task that a person has disabled', { status: 'disabled' }],
      ['one that uses none of the UDFs', { script: 'stream|from()@other()' }],
      ['one that runs and is connected', { executing: true, error: '', connection: 'open' }],
    ])('%s', async (_, more) => {
      kapacitor.addDead('adsl', more);
      const watching = watcher();
      for (let rounds = 0; rounds < 3; rounds++) await watching.round();
      expect([kapacitor.changes, events]).toEqual([[], []]);
    });

    it.each([
      ['wrong options', 'mine2: failed to initialize processes mine: .field() is required'],
      ['an error that its UDF reported', 'mine2: stopping UDF server: mine: task adsl: bad point'],
      ['another node', 'eval3: undefined variable'],
      [
        'the socket of another host',
        'mine2: stopping UDF server: write error: write unix @->/other/mine.sock: x',
      ],
    ])('one that stopped because of %s, and says so once', async (_, error) => {
      kapacitor.addDead('adsl', { error });
      const watching = watcher();
      expect(await watching.round()).toMatchObject({ running: 0, stopped: 1 });
      await watching.round();
      expect(kapacitor.changes).toEqual([]);
      expect(events).toMatchObject([
        { event: 'left', task: 'adsl', why: expect.stringContaining(error) as string },
      ]);
    });

    it('a disabled task with an old entry in the journal that a person has changed since', async () => {
      const task = kapacitor.addDead('adsl');
      const begun = new Date(Date.parse(task.modified) - 60_000).toISOString();
      journal.begin(kapacitor.url, 'adsl', { begun, before: '' });
      kapacitor.change('adsl', { status: 'disabled' });
      await watcher().round();
      expect(kapacitor.changes).toEqual([]);
    });

    it('a task that a person changes at that moment', async () => {
      kapacitor.addDead('adsl');
      kapacitor.onRequest = (method, path) => {
        if (method === 'GET' && path.endsWith('/adsl')) kapacitor.change('adsl', { status: 'disabled' });
      };
      await watcher().round();
      expect([kapacitor.changes, events]).toEqual([[], []]);
    });

    it('everything in a dry run, and says what it would do', async () => {
      kapacitor.addDead('adsl');
      expect(await watcher({ dryRun: true }).round()).toMatchObject({ stopped: 1 });
      expect([kapacitor.changes, told()]).toEqual([[], ['would-revive adsl']]);
    });
  });

  describe('waits, and says so once,', () => {
    it('while the socket does not answer', async () => {
      away = 'connection refused';
      kapacitor.addDead('adsl');
      const watching = watcher();
      await watching.round();
      await watching.round();
      expect(events).toMatchObject([
        { event: 'waiting', why: '@mine does not answer on /run/mine.sock: connection refused' },
      ]);
      expect(kapacitor.changes).toEqual([]);
      away = undefined;
      now += 1_000;
      await watching.round();
      expect(told()).toEqual(['waiting adsl', 'revived adsl']);
    });

    it('while Kapacitor may still be connecting', async () => {
      const task = kapacitor.add('idle', { connection: 'dialing', collected: 0 });
      const watching = watcher();
      for (let rounds = 0; rounds < 3; rounds++) {
        await watching.round();
        now += 30_000;
      }
      expect([kapacitor.changes, told()]).toEqual([[], ['waiting idle']]);
      task.connection = 'lost'; // by now it has connected once, or has given up
      now += 30_000;
      await watching.round();
      expect(told()).toEqual(['waiting idle', 'revived idle']);
      expect(kapacitor.crashes).toEqual([]);
    });

    it('not counting the time in which the socket was absent', async () => {
      kapacitor.add('idle', { connection: 'dialing', collected: 0 });
      const watching = watcher();
      away = 'absent';
      for (let rounds = 0; rounds < 4; rounds++) {
        await watching.round();
        now += 60_000;
      }
      away = undefined;
      await watching.round();
      await watching.round();
      expect([kapacitor.changes, kapacitor.crashes]).toEqual([[], []]);
    });

    it('for the other UDFs of a task, which may be connected', async () => {
      kapacitor.add('both', { script: 'stream|from()@mine()@other()', connection: 'lost' });
      const watching = watcher();
      for (let rounds = 0; rounds < 3; rounds++) await watching.round();
      expect([kapacitor.changes, told()]).toEqual([[], ['waiting both']]);
    });
  });

  it('waits without a word while points flow, which end a task that is lost', async () => {
    const task = kapacitor.add('adsl', { connection: 'lost' });
    const watching = watcher();
    for (let rounds = 0; rounds < 4; rounds++) {
      task.collected += 10;
      await watching.round();
    }
    expect([kapacitor.changes, events]).toEqual([[], []]);
  });

  describe('an attempt that fails', () => {
    const limits = { maxAttempts: 3 };

    it('is repeated with back-off, up to a limit, and later', async () => {
      const task = kapacitor.addDead('adsl');
      task.failsWith = task.error;
      const watching = watcher({ limits });
      for (let seconds = 0; seconds <= 20; seconds++, now += 1_000) await watching.round();
      expect(told()).toEqual(['failed adsl', 'failed adsl', 'failed adsl', 'gave-up adsl']);
      expect(events[0]).toMatchObject({
        attempt: 1,
        result: task.error,
        nextAttempt: '2026-01-02T00:00:01.000Z',
      });
      expect(events[3]).toMatchObject({ attempt: 3, nextAttempt: '2026-01-02T00:10:07.000Z' });
      expect(watching.counts).toEqual({ revived: 0, failed: 3, gaveUp: 1 });
      task.failsWith = '';
      now += 600_000;
      await watching.round();
      expect(told().at(-1)).toBe('revived adsl');
    });

    it('is repeated at once when a person has changed the task', async () => {
      const task = kapacitor.addDead('adsl');
      task.failsWith = task.error;
      const watching = watcher({ limits });
      for (let seconds = 0; seconds <= 20; seconds++, now += 1_000) await watching.round();
      kapacitor.change('adsl', { failsWith: '' });
      await watching.round();
      expect(told().at(-1)).toBe('revived adsl');
    });

    it('with an error of its own is not repeated', async () => {
      kapacitor.addDead('adsl', {
        failsWith: 'mine2: failed to initialize processes mine: .field() is required',
      });
      const watching = watcher();
      for (let rounds = 0; rounds < 3; rounds++, now += 60_000) await watching.round();
      expect(told()).toEqual(['failed adsl', 'left adsl']);
    });

    it('is one that Kapacitor takes and does not connect for', async () => {
      kapacitor.addDead('adsl');
      const watching = watcher({
        connections: () => () => ({ state: 'lost', reason: 'gone' }),
      });
      await watching.round();
      expect(events).toMatchObject([{ event: 'failed', result: 'Kapacitor has not connected to its UDFs' }]);
    });
  });

  describe('an outage of Kapacitor', () => {
    it('is told once when it begins, and once when it ends', async () => {
      kapacitor.addDead('adsl');
      kapacitor.answersOnly = 503;
      const watching = watcher();
      for (let rounds = 0; rounds < 3; rounds++, now += 1_000) {
        expect(await watching.round()).toMatchObject({ isAvailable: false });
      }
      kapacitor.answersOnly = undefined;
      await watching.round();
      expect(told()).toEqual(['outage', 'outage-over', 'revived adsl']);
      expect(events.slice(0, 2)).toMatchObject([
        { why: expect.stringContaining('it is starting') as string },
        { ms: 3_000 },
      ]);
    });
  });

  it('runs until it is stopped, and finishes what is under way', async () => {
    const task = kapacitor.addDead('adsl');
    const watching = watcher();
    const stopped = new Promise<void>((resolve, reject) => {
      kapacitor.onRequest = (method) => {
        if (method === 'PATCH' && task.status === 'enabled') watching.stop().then(resolve, reject);
      };
    });
    await watching.start();
    await stopped;
    expect(task).toMatchObject({ status: 'enabled', executing: true });
  });

  it('rejects if an event cannot be reported', async () => {
    kapacitor.addDead('adsl');
    const watching = new TaskWatcher({
      api: new KapacitorApi(kapacitor.url),
      journal,
      connections: kapacitor.connections,
      sockets: () => new Map([['mine', '/run/mine.sock']]),
      probe: () => Promise.resolve(),
      report: () => Promise.reject(new Error('the disk is full')),
    });
    await expect(watching.start()).rejects.toThrow('the disk is full');
    await watching.stop();
  });
});
