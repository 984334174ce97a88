import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import mirror from '../../../udfs/mirror/mirror.js';
import { servedHere } from '../../../src/host/served-udf.js';
import { createSocketHost } from '../../../src/host/socket-host.js';
import { createHostWatchers } from '../../../src/tasks/watch/host-watchers.js';
import { type LogLine, memoryLogger } from '../../../src/telemetry/memory-logger.js';
import { silentLogger } from '../../support/silent-logger.js';
import { tempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';
import { FakeKapacitor } from './support/fake-kapacitor.js';

describe('the watchers of a host', () => {
  it('revive the tasks of its UDFs in each Kapacitor, and log a line for each', async () => {
    const kapacitors = [await FakeKapacitor.start(), await FakeKapacitor.start()];
    const directory = tempDir();
    const sockets = [{ udf: servedHere(mirror), path: join(directory, 'mirror.sock') }];
    const script = 'stream|from()@mirror()';
    const error = `mirror2: stopping UDF server: write error: write unix @->${directory}/.mirror.sock.0a1b2c3: write: x`;
    for (const [index, kapacitor] of kapacitors.entries()) {
      kapacitor.addDead(`t${index}`, { script, error });
      kapacitor.addDead('foreign', { script: 'stream|from()@edgeDetect()' });
    }
    const lines: LogLine[] = [];
    const host = createSocketHost({ sockets, logger: silentLogger });
    const watchers = createHostWatchers({ host, sockets, logger: memoryLogger(lines), kapacitors });
    await host.start();
    watchers.start();
    await until('both are revived', () => watchers.counts.revived === 2);
    const revivals = lines.filter(({ details }) => details.event === 'revived');
    expect(revivals.map(({ level, details }) => [level, details.kapacitor, details.task]).sort()).toEqual(
      kapacitors.map(({ url }, index) => ['info', url, `t${index}`]).sort(),
    );
    await watchers.stop();
    await host.stop();
    expect(kapacitors.flatMap(({ changes }) => changes).sort()).toEqual([
      'disable t0',
      'disable t1',
      'enable t0',
      'enable t1',
    ]);
    expect(host.stats.events).toEqual({ task_revived: 2 });
    expect(host.stats.accepted).toBeGreaterThan(0); // the probes of its own sockets
  });
});
