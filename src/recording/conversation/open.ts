import { open } from 'node:fs/promises';
import { messageOf, systemCode, UdfError } from '../../errors.js';
import { isConversation } from './format.js';
import { isConversationPair, readConversationPair } from './pair.js';
import { type ConversationReaderOptions, readConversation, type RecordedConversation } from './reader.js';

/**
 * Whether a file holds a conversation: by how it begins, or as one of a pair by its name. Throws `invalid_config` if it
 * cannot be read.
 */
export async function isConversationFile(file: string): Promise<boolean> {
  if (isConversationPair(file)) return true;
  try {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      return isConversation(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const problem = systemCode(cause) === 'ENOENT' ? 'there is no such file' : messageOf(cause);
    throw new UdfError('invalid_config', `cannot read ${file}: ${problem}`, { cause });
  }
}

/** Opens a conversation in either form; throws as `readConversation` and `readConversationPair` do. */
export async function openConversationFile(
  file: string,
  options: ConversationReaderOptions = {},
): Promise<RecordedConversation> {
  return isConversationPair(file) ? readConversationPair(file) : readConversation(file, options);
}
