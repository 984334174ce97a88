import { open, stat } from 'node:fs/promises';
import { isConversation } from './format.js';
import { isConversationPair, readConversationPair } from './pair.js';
import { type ConversationReaderOptions, readConversation, type RecordedConversation } from './reader.js';

/** Whether a file is one of a conversation: by its name, or by how it begins. Never rejects. */
export async function isConversationFile(file: string): Promise<boolean> {
  if (isConversationPair(file) || file.endsWith('.conversation')) return true;
  try {
    if (!(await stat(file)).isFile()) return false; // what is read from a pipe is gone
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      return isConversation(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch {
    return false; // whoever reads it as something else finds out why that is impossible
  }
}

/** Opens a conversation in either form; throws as `readConversation` and `readConversationPair` do. */
export async function openConversationFile(
  file: string,
  options: ConversationReaderOptions = {},
): Promise<RecordedConversation> {
  return isConversationPair(file) ? readConversationPair(file) : readConversation(file, options);
}
