import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ConversationEntry } from '../../../src/recording/conversation/format.js';
import { encodeEntry, encodeHeader } from '../../../src/recording/conversation/format.js';
import { isConversationFile, openConversationFile } from '../../../src/recording/conversation/open.js';
import { tempDir } from '../../support/temp-dir.js';

async function entriesOf(file: string): Promise<ConversationEntry[]> {
  const { entries } = await openConversationFile(file);
  const found: ConversationEntry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

test('a file is known as a conversation by how it begins, whatever its name is', async () => {
  const directory = tempDir();
  const file = join(directory, 'a.bin');
  writeFileSync(file, Buffer.concat([encodeHeader({}), encodeEntry('close', 1n, Buffer.alloc(0))]));
  expect(await isConversationFile(file)).toBe(true);
  expect(await entriesOf(file)).toEqual([{ kind: 'close', time: 1n, problem: '' }]);
  writeFileSync(file, 'cpu value=1 1\n');
  expect(await isConversationFile(file)).toBe(false);
  expect(await isConversationFile(join(directory, 'gone'))).toBe(false);
});

test('a pair of raw files is one conversation, read side by side, named by either', async () => {
  const directory = tempDir();
  const [requests, responses] = [Buffer.alloc(700_000, 'a'), Buffer.alloc(300_000, 'b')];
  writeFileSync(join(directory, 'x.requests'), requests);
  writeFileSync(join(directory, 'x.responses'), responses);
  for (const name of ['x.requests', 'x.responses']) {
    expect(await isConversationFile(join(directory, name))).toBe(true);
    const entries = await entriesOf(join(directory, name));
    const bytes = (kind: 'request' | 'response'): Buffer =>
      Buffer.concat(
        entries.flatMap((entry) => (entry.kind === kind && 'bytes' in entry ? [entry.bytes] : [])),
      );
    expect(bytes('request').equals(requests)).toBe(true);
    expect(bytes('response').equals(responses)).toBe(true);
    expect(entries.map(({ kind }) => kind)).toEqual([
      ...['request', 'response', 'request', 'request', 'response'],
      ...['request-end', 'response-end', 'close'],
    ]);
  }
});

test('a pair of which one file is missing says which', async () => {
  const directory = tempDir();
  writeFileSync(join(directory, 'x.requests'), 'a');
  await expect(entriesOf(join(directory, 'x.requests'))).rejects.toThrow(
    `cannot read ${join(directory, 'x.responses')}: there is no such file`,
  );
});
