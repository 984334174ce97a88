import { describe, expect, test } from 'vitest';
import type { Cluster } from '../../../src/kafka/client/cluster.js';
import { OtherMembers } from '../../../src/kafka/client/other-members.js';
import { type LogLine, memoryLogger } from '../../../src/telemetry/memory-logger.js';

/** A cluster whose group has chosen a protocol, or one that does not tell. */
const clusterOf = (protocolData: string | undefined) =>
  ({
    library: { describeGroupsV5: {} },
    coordinator: () => Promise.resolve(1),
    call: () =>
      protocolData === undefined
        ? Promise.reject(new Error('no answer'))
        : Promise.resolve({ groups: [{ protocolData }] }),
  }) as unknown as Cluster; // nothing else is called

function setUp(protocol: string | undefined) {
  const log: LogLine[] = [];
  const clock = { now: 0 };
  const others = new OtherMembers(
    clusterOf(protocol),
    { groupId: 'g', protocolName: 'ours', sessionTimeoutMs: 1000, logger: memoryLogger(log) },
    () => clock.now,
  );
  return { log, clock, others };
}

describe('members that do something else', () => {
  test('are waited for during a session, which is logged once, and then named in the error', async () => {
    const { log, clock, others } = setUp('theirs');
    await others.refused();
    clock.now = 1000;
    await others.refused();
    expect(log).toHaveLength(1);
    expect(JSON.stringify(log)).toContain('waiting for up to 1000 ms for the others to end');
    clock.now = 1001;
    await expect(others.refused()).rejects.toMatchObject({
      code: 'INCONSISTENT_GROUP_PROTOCOL',
      message: 'consumer group g runs "theirs", and this worker is "ours"',
    });
  });

  test('are waited for anew once the group has taken the member', async () => {
    const { clock, others } = setUp('theirs');
    await others.refused();
    others.accepted();
    clock.now = 5000;
    await others.refused();
  });

  test.each([undefined, ''])('are another program if no name is known (%o)', async (protocol) => {
    const { clock, others } = setUp(protocol);
    await others.refused();
    clock.now = 2000;
    await expect(others.refused()).rejects.toThrow('consumer group g runs another program');
  });
});
