import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { feed, type FeedOptions } from '../../src/feed/feed.js';
import { pollFeeds } from '../../src/feed/poll.js';
import { kairosTarget } from '../../src/kairos/target.js';
import { entriesOf, greenButtonFeed } from '../support/green-button.js';
import { utilityAndDatabase } from '../support/green-button-server.js';
import { startKairosServer } from '../support/kairos-server.js';
import { tempDir } from '../support/temp-dir.js';

async function feedTo(url: string, options: Partial<FeedOptions>) {
  const refused: string[] = [];
  const result = await feed({
    target: kairosTarget(url, {}),
    signal: new AbortController().signal,
    stdin: new PassThrough(),
    events: { onRefused: ({ from }, reason) => refused.push(`${from}: ${reason}`) },
    ...options,
  });
  return { result, refused };
}

test('a feed to KairosDB names what is refused by file and line, and the rest arrives', async () => {
  const { url, stored, unknownTypes } = await startKairosServer();
  unknownTypes.add('string');
  const file = join(tempDir(), 'data.lp');
  writeFileSync(file, 'm,h=a v=1 0\nm v=2 0\nm,h=b s="x" 0\nm,h=c v=3 1\nm,h=d v=4 0\n');
  const { result, refused } = await feedTo(url, { sources: [file] });
  expect(result).toMatchObject({ arrived: 2, refused: 3, unsent: 0 });
  expect(refused.map((text) => text.slice(text.indexOf('data.lp')))).toEqual([
    expect.stringContaining('data.lp, line 2: HTTP 400: m.v: tags count'),
    "data.lp, line 3: HTTP 400: Unregistered data point type 'string'",
    expect.stringContaining('data.lp, line 4: KairosDB stores milliseconds'),
  ]);
  expect([...stored.keys()]).toEqual(['m.v{"h":"a"}@0', 'm.v{"h":"d"}@0']);
});

test('lines without a time get one in milliseconds, so that each is stored', async () => {
  const { url, stored } = await startKairosServer();
  const stdin = new PassThrough();
  stdin.end(Array.from({ length: 50 }, (_, index) => `m,h=a v=${index}\n`).join(''));
  const { result } = await feedTo(url, { sources: ['-'], stdin });
  expect(result).toMatchObject({ arrived: 50, refused: 0 });
  expect(stored.size).toBe(50);
});

test('a demo that is shifted to now arrives', async () => {
  const { url } = await startKairosServer();
  for (const name of ['meters', 'adsl'] as const) {
    const generator = { name, points: 500 };
    const { result } = await feedTo(`${url}?tag=source=demo`, { generator, shiftToNow: true });
    expect(result).toMatchObject({ arrived: 500, refused: 0 });
  }
});

test('while KairosDB is away, lines are kept and sent again', async () => {
  let failures = 3;
  const { url, stored } = await startKairosServer((response) => {
    if (failures-- <= 0) return false;
    response.writeHead(503).end();
    return true;
  });
  const file = join(tempDir(), 'data.lp');
  writeFileSync(file, 'm,h=a v=1 0\nm,h=a v=2 1000000\n');
  const { result } = await feedTo(url, { sources: [file], spool: tempDir() });
  expect(result).toMatchObject({ arrived: 2, unsent: 0, waitingBatches: 0 });
  expect(stored.size).toBe(2);
});

test('a polled Green Button feed arrives in KairosDB', async () => {
  const kairos = await startKairosServer();
  const readings = [0, 1, 2].map((index) => ({ start: index * 900, value: index }));
  const utility = await utilityAndDatabase(() => ({ body: greenButtonFeed(entriesOf({ readings })) }));
  const options = {
    target: kairosTarget(kairos.url, {}),
    urls: [utility.feedUrl],
    signal: new AbortController().signal,
    resume: join(tempDir(), 'resume.json'),
  };
  expect(await pollFeeds(options)).toMatchObject({ arrived: 3, refused: 0 });
  const before = new Map(kairos.stored);
  expect([...before.keys()].filter((key) => key.startsWith('interval_reading.value'))).toHaveLength(3);
  await pollFeeds(options);
  expect(kairos.stored).toEqual(before); // what is fetched again is stored once
});
