import { UdfError } from '../model/errors.js';

/** The effect on a real kapacitord. */
export type Consequence =
  /** All of `kapacitord` goes down, with every task. */
  | 'daemon crashes'
  /** A call never returns: the task cannot be stopped or disabled. */
  | 'daemon hangs'
  /** This task ends with an error. */
  | 'task fails'
  /** No error, but points are missing or wrong. */
  | 'data is lost';

const rules = {
  'end-without-begin': ['daemon crashes', 'Kapacitor reads the open batch through a nil pointer'],
  'batch-size': ['daemon crashes', 'Kapacitor allocates what BeginBatch announces and panics'],
  'empty-response': ['daemon crashes', 'Kapacitor panics on a response that holds no message'],
  'unknown-response': ['daemon crashes', 'Kapacitor panics on a message that it does not know'],
  'message-size': [
    'daemon crashes',
    'Kapacitor allocates what a length prefix announces; stray bytes look like one',
  ],
  'stray-bytes': ['task fails', 'Kapacitor ends the task with a read error'],
  'truncated-response': ['task fails', 'Kapacitor ends the task with a read error'],
  'error-response': ['task fails', 'Kapacitor ends the task with this error'],
  'early-eof': ['task fails', 'Kapacitor ends the task at its next write'],
  'connection-lost': ['task fails', 'Kapacitor ends the task with a write or read error'],
  'keepalive-timeout': ['task fails', 'Kapacitor ends the task: any response would have reset its timer'],
  'init-refused': ['task fails', 'Kapacitor does not start the task'],
  'restore-refused': [
    'task fails',
    'Kapacitor refuses to start the task, again each time, until it is deleted',
  ],
  'missing-response': [
    'daemon hangs',
    'Kapacitor waits without limit for each answer, in stop and abort too',
  ],
  'data-before-ready': [
    'daemon hangs',
    'Kapacitor takes no data before init and restore are answered, and reads no further',
  ],
  'open-after-refusal': [
    'daemon hangs',
    'Kapacitor never closes a connection whose init or restore was refused',
  ],
  'no-eof-after-half-close': [
    'daemon hangs',
    'Kapacitor stops a task by half-closing and waits without limit for EOF',
  ],
  'unasked-response': ['data is lost', 'Kapacitor keeps it as the answer to its next request of the kind'],
  'nested-batch': ['data is lost', 'Kapacitor forgets the points of the batch that was open'],
  'unfinished-batch': ['data is lost', 'Kapacitor forgets the points of a batch that does not end'],
  'wrong-edge': ['data is lost', 'the next node gets what its edge does not carry'],
} as const satisfies Record<string, readonly [Consequence, string]>;

/** The rules of the protocol that Kapacitor relies on. */
export type ProtocolRule = keyof typeof rules;

/** An agent broke a rule of the protocol, or reported an error. The message says what it does to the real daemon. */
export class ProtocolFailure extends UdfError {
  readonly rule: ProtocolRule;
  readonly consequence: Consequence;
  /** What happened, without rule and consequence; the agent's own message if it sent one. */
  readonly detail: string;

  constructor(rule: ProtocolRule, detail: string, options?: ErrorOptions) {
    const [consequence, why] = rules[rule];
    super('protocol', `${detail} (${consequence}: ${why})`, options);
    this.rule = rule;
    this.consequence = consequence;
    this.detail = detail;
  }

  /**
   * The same failure with more detail. If the agent reported it and runs in this process, `agentError` is its own error:
   * then the error that the UDF's code threw becomes the cause.
   */
  withContext(detail: string, agentError?: Error): ProtocolFailure {
    const cause = agentError && reportedRules.has(this.rule) ? (agentError.cause ?? agentError) : this;
    return new ProtocolFailure(this.rule, `${this.detail}${detail}`, { cause });
  }
}

/** The rules of failures whose message comes from the agent. */
const reportedRules: ReadonlySet<ProtocolRule> = new Set([
  'error-response',
  'init-refused',
  'restore-refused',
]);
