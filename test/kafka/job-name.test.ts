import { describe, expect, test } from 'vitest';
import type { OptionCall } from '../../src/model/option-call.js';
import { type Job, jobName } from '../../src/kafka/job-name.js';

const call = (name: string, value: string): OptionCall => ({ name, args: [{ type: 'string', value }] });
const job: Job = {
  udf: 'edgeDetect',
  stateVersion: 1,
  calls: [call('field', 'a'), call('field', 'b'), call('as', 'c')],
  groupBy: ['host', 'dc'],
  topics: { groupId: 'g', from: 'in', to: 'out', deadLetterTopic: 'dropped' },
};

describe('the name of a job', () => {
  test('begins with the UDF, so that tools of Kafka show it', () => {
    expect(jobName(job)).toMatch(/^kapacitor-udf edgeDetect [0-9a-f]{8}$/);
  });

  test.each([
    ['the order of different options', { calls: [call('as', 'c'), call('field', 'a'), call('field', 'b')] }],
    ['the topic of dead letters', { topics: { ...job.topics, deadLetterTopic: undefined } }],
    ['a changelog that is named as by default', { topics: { ...job.topics, changelog: 'g-in-changelog' } }],
  ])('does not depend on %s', (_what, change: Partial<Job>) => {
    expect(jobName({ ...job, ...change })).toBe(jobName(job));
  });

  test.each([
    ['another UDF', { udf: 'mirror' }],
    ['another version of its state', { stateVersion: 2 }],
    ['another value of an option', { calls: [call('field', 'x')] }],
    ['another order of one option', { calls: [call('field', 'b'), call('field', 'a'), call('as', 'c')] }],
    ['other groups', { groupBy: ['host'] }],
    ['IDs of groups in another order', { groupBy: ['dc', 'host'] }],
    ['groups by all tags', { groupBy: undefined }],
    ['another output', { topics: { ...job.topics, to: 'elsewhere' } }],
    ['another changelog', { topics: { ...job.topics, changelog: 'c' } }],
    ['a keyed topic', { topics: { ...job.topics, repartition: 'r' } }],
  ])('differs for %s', (_what, change: Partial<Job>) => {
    expect(jobName({ ...job, ...change })).not.toBe(jobName(job));
  });
});
