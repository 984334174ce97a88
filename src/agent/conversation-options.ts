import type { DeadLetters } from '../model/dead-letters.js';
import type { Logger } from '../telemetry/logger.js';
import type { InstanceDefaults } from './defaults.js';
import type { Limits } from './limits.js';

/** How a conversation is run, wherever it is. */
export interface ConversationOptions extends InstanceDefaults {
  readonly logger: Logger;
  /** Those of `defaultLimits` that are not given. */
  readonly limits?: Partial<Limits> | undefined;
  /**
   * Refuse a snapshot that cannot be restored, instead of starting with fresh state. The task then fails each time it is
   * enabled, until it is deleted.
   */
  readonly strictRestore?: boolean | undefined;
  /** Keeps the points that the error policy drops: `createDeadLetterFiles`, for example. */
  readonly deadLetters?: DeadLetters | undefined;
  /** Milliseconds between saves of a state that has changed, where state is kept: 10,000 if not given. */
  readonly stateIntervalMs?: number | undefined;
}
