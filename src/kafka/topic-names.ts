import { UdfError } from '../model/errors.js';

/** The names of topics that Kafka takes. */
const topicName = /^(?!\.{1,2}$)[\w.-]{1,249}$/;

/** The topics of a worker, and the consumer group that the changelog is named after. */
export interface TopicNames {
  readonly groupId: string;
  /** The topic that is read. */
  readonly from: string;
  /** The topic that is written. */
  readonly to: string;
  /** Lines are first written to this topic, in which each group of points has one partition. */
  readonly repartition?: string | undefined;
  /** `GROUP-TOPIC-changelog` if not given. */
  readonly changelog?: string | undefined;
  readonly deadLetterTopic?: string | undefined;
}

export function changelogTopic({ changelog, groupId, from, repartition }: TopicNames): string {
  return changelog ?? `${groupId}-${repartition ?? from}-changelog`;
}

/**
 * Throws `usage` if a name is empty or not valid in Kafka, or if two options name the same topic: a worker that reads its own
 * output would never end, and each topic has records of one kind.
 */
export function checkTopics(settings: TopicNames): void {
  const { groupId, from, to, repartition, changelog, deadLetterTopic } = settings;
  if (groupId === '') throw new UdfError('usage', '--consumer-group must not be empty');
  const isGiven = changelog !== undefined;
  const topics: readonly (readonly [option: string, topic: string | undefined])[] = [
    ['--from', from],
    ['--to', to],
    ['--repartition', repartition],
    ['--dead-letter-topic', deadLetterTopic],
    [isGiven ? '--changelog' : 'the default of --changelog', changelogTopic(settings)],
  ];
  const options = new Map<string, string>();
  for (const [option, topic] of topics) {
    if (topic === undefined) continue;
    if (topic === '') throw new UdfError('usage', `${option} must not be empty`);
    if (!topicName.test(topic)) {
      const rule = 'up to 249 letters, digits, dots, hyphens and underscores';
      throw new UdfError('usage', `${option}, ${JSON.stringify(topic)}, is no name of a topic: ${rule}`);
    }
    const other = options.get(topic);
    if (other !== undefined) {
      throw new UdfError(
        'usage',
        `${other} and ${option} are the same topic, ${topic}; each needs a topic of its own`,
      );
    }
    options.set(topic, option);
  }
}
