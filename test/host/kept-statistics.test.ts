import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createHost } from '../../src/host/host.js';
import { createDeadLetterFiles } from '../../src/host/dead-letters/dead-letter-files.js';
import { mirror } from '../../udfs/index.js';
import { silentLogger as logger } from '../support/silent-logger.js';
import { tempDir } from '../support/temp-dir.js';

test('a host has the statistics of its dead letters and saved states, if it keeps them', async () => {
  const directory = tempDir();
  const sockets = [{ definition: mirror, path: join(directory, 'mirror.sock') }];
  expect(createHost({ sockets, logger }).stats).toMatchObject({
    deadLetters: undefined,
    stateSaves: undefined,
  });
  const deadLetters = createDeadLetterFiles({ directory: join(directory, 'dead'), logger });
  const host = createHost({ sockets, logger, deadLetters, stateDir: join(directory, 'states') });
  onTestFinished(() => host.stop());
  await host.start();
  expect(host.stats).toMatchObject({
    deadLetters: { written: 0, writeErrors: 0 },
    stateSaves: { saves: 0, errors: 0, lastSave: undefined },
  });
});
