import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { replayConversationFile } from '../../../src/cli/record/replay-conversation-file.js';
import { udfInMemory } from '../../../src/testkit/replay-conversation.js';
import type { UdfDefinition } from '../../../src/udf/definition.js';
import { edgeDetect, mirror } from '../../../udfs/index.js';
import { silentLogger } from '../../support/silent-logger.js';

const file = fileURLToPath(new URL('../../recordings/kapacitor-1.5.7-adsl-mirror.requests', import.meta.url));

/** What the replay of a conversation writes, and its exit code. */
async function replayed(
  definition: UdfDefinition,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text, done?: unknown) => {
      written[name] += String(text);
      if (typeof done === 'function') (done as () => void)();
      return true;
    }),
  );
  try {
    await replayConversationFile(file, udfInMemory({ definition, logger: silentLogger }));
    return { code: 0, ...written };
  } catch (reason) {
    return { code: (reason as { code: number }).code, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

test('a conversation that a UDF answers as it was recorded shows nothing, and the exit code is 0', async () => {
  const { code, stdout, stderr } = await replayed(mirror);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toMatch(/^task \S+, node \S+: \d+ requests, 19 answers as recorded, 0 missing, 0 extra\n$/);
});

test('a conversation that a UDF answers otherwise shows the difference, and the exit code is 1', async () => {
  const { code, stdout, stderr } = await replayed(edgeDetect);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^- init accepted$/m);
  expect(stdout).toMatch(/^\+ init refused: edgeDetect: \.field\(\) is required/m);
  expect(stderr).toMatch(/ 0 answers as recorded, 19 missing, 1 extra/);
});
