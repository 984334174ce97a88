import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { entriesOf, greenButtonFeed } from '../support/green-button.js';
import { utilityAndDatabase } from '../support/green-button-server.js';
import { Cli, runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

test('a poll that is killed at any moment leaves no gap, and stores each point once', async () => {
  const count = 20_000;
  const readings = Array.from({ length: count }, (_, index) => ({ start: index * 900, value: index }));
  const body = greenButtonFeed(entriesOf({ readings }));
  const { feedUrl, databaseUrl, stored, requests } = await utilityAndDatabase(() => ({ body }));
  const resume = join(tempDir(), 'resume.json');
  const args = ['feed', '--poll', feedUrl, '--url', databaseUrl, '--resume', resume, '--batch', '200'];
  for (let kill = 0; kill < 4; kill++) {
    const before = { requests: requests.length, stored: stored.size };
    const feeder = new Cli(args);
    // From the request on, later each time: in the middle of the answer, of its delivery, of the resume file.
    await expect.poll(() => requests.length > before.requests, { timeout: 30_000 }).toBe(true);
    await wait(kill * 150);
    await feeder.stop('SIGKILL');
    if (existsSync(resume)) JSON.parse(readFileSync(resume, 'utf8'));
  }
  const { code, stderr } = await runCli(args);
  expect(stderr).toContain('points written');
  expect(code).toBe(0);
  expect(stored.size).toBe(count);
  expect(existsSync(resume)).toBe(true);
}, 120_000);

test.each([
  [['--every', '1d'], '--every and --resume are for --poll'],
  [['--poll', 'http://u:p@h/feed'], 'Give the token in GREENBUTTON_TOKEN, not in the URL'],
  [['--poll', 'h'], 'It must be a URL such as https://utility.example/feed'],
  [['--poll', 'http://h/feed', 'a.xml'], '--poll takes no sources'],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await runCli(['feed', ...args, '--url', 'http://127.0.0.1:1?db=d']);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});
