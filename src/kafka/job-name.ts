import { createHash } from 'node:crypto';
import { formatArgument, type OptionCall } from '../model/option-call.js';
import { changelogTopic, type TopicNames } from './topic-names.js';

/** What all workers of a consumer group must have in common: it decides what comes out, and whose state is whose. */
export interface Job {
  readonly udf: string;
  /** The version of the UDF's state: one worker could not continue with the state of another. */
  readonly stateVersion: number;
  /** The options of the UDF, as they are set. */
  readonly calls: readonly OptionCall[];
  readonly groupBy: readonly string[] | undefined;
  readonly topics: TopicNames;
}

const digits = 8;

/** A name of a job: the same for the same job only. It is what Kafka's tools show as the assignment strategy of the group. */
export function jobName({ udf, stateVersion, calls, groupBy, topics }: Job): string {
  const { from, to, repartition } = topics;
  const options = calls.map(({ name, args }) => [name, ...args.map(formatArgument)]);
  // Calls of one option keep their order, which may matter.
  options.sort(([one = ''], [other = '']) => Number(one > other) - Number(one < other));
  const names = [from, to, repartition ?? null, changelogTopic(topics)];
  const text = JSON.stringify([udf, stateVersion, options, groupBy ?? null, names]);
  return `kapacitor-udf ${udf} ${createHash('sha256').update(text).digest('hex').slice(0, digits)}`;
}
