import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgent } from '../../../src/agent/agent.js';
import { servedHere } from '../../../src/host/served-udf.js';
import { createSocketHost } from '../../../src/host/socket-host.js';
import { ConversationRecorder } from '../../../src/recording/conversation/recorder.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { createKapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import { memoryTransportPair } from '../../../src/transport/memory-transport.js';
import { mirror } from '../../../udfs/index.js';
import { readBoth } from '../../support/recorded.js';
import { conversation } from '../../support/recordings.js';
import { silentLogger } from '../../support/silent-logger.js';
import { tempDir } from '../../support/temp-dir.js';
import { readConversation } from '../../../src/recording/conversation/reader.js';

const subject = { udf: 'mirror', socket: '/run/udf/mirror.sock' };

describe('inside a host, a recorder', () => {
  test('writes each connection to a file of its own, with the last point and both ends', async () => {
    const directory = tempDir();
    const path = join(directory, 'mirror.sock');
    const recorder = new ConversationRecorder({ directory: join(directory, 'out'), logger: silentLogger });
    const host = createSocketHost({
      sockets: [{ udf: servedHere(mirror), path }],
      logger: silentLogger,
      onConnection: (transport, udf, socket) => {
        recorder.follow(transport, { udf, socket });
      },
    });
    onTestFinished(() => host.stop());
    await host.start();
    for (const value of [1, 2]) {
      const kapacitor = createKapacitorPeer(await dialUnix(path));
      await kapacitor.init();
      for (let time = 0n; time < 1000n; time++) kapacitor.point({ time, name: 'cpu', fields: { value } });
      expect((await kapacitor.stop()).points).toHaveLength(1000);
    }
    await host.stop();
    await recorder.close();
    const files = readdirSync(join(directory, 'out')).sort();
    expect(files).toHaveLength(2);
    for (const [index, file] of files.entries()) {
      const { header, requests, responses, kinds } = await readBoth(join(directory, 'out', file));
      expect(header).toMatchObject({ udf: 'mirror', socket: path });
      for (const messages of [requests, responses]) {
        const points = messages.filter(({ kind }) => kind === 'point');
        expect(points).toHaveLength(1000);
        expect(points.at(-1)).toMatchObject({ time: 999n, fieldsDouble: { value: index + 1 } });
      }
      expect(kinds.slice(-2)).toEqual(['response-end', 'close']);
      expect(kinds).toContain('request-end');
    }
  });

  test('records what an agent reads and writes byte by byte, and changes none of it', async () => {
    const { requests } = conversation('adsl-mirror');
    const directory = tempDir();
    const recorder = new ConversationRecorder({ directory, logger: silentLogger });
    const [agentSide, kapacitorSide] = memoryTransportPair();
    recorder.follow(agentSide, subject);
    const agent = createAgent({ definition: mirror, transport: agentSide, logger: silentLogger });
    const came: Buffer[] = [];
    kapacitorSide.input.on('data', (bytes: Buffer) => came.push(bytes));
    kapacitorSide.output.end(requests);
    await agent.closed;
    await recorder.close();
    const { entries } = await readConversation(join(directory, readdirSync(directory)[0]!));
    const recorded = { request: [] as Buffer[], response: [] as Buffer[] };
    for await (const entry of entries) {
      if (entry.kind === 'request' || entry.kind === 'response') recorded[entry.kind].push(entry.bytes);
    }
    expect(Buffer.concat(recorded.request).equals(requests)).toBe(true);
    expect(Buffer.concat(recorded.response).equals(Buffer.concat(came))).toBe(true);
  });
});
