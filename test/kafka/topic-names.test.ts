import { describe, expect, test } from 'vitest';
import { checkTopics } from '../../src/kafka/topic-names.js';

describe('the topics of a worker', () => {
  const names = { groupId: 'group', from: 'in', to: 'out' };

  test('are each another one', () => {
    expect(() => {
      checkTopics({ ...names, repartition: 'by-group', changelog: 'state', deadLetterTopic: 'dropped' });
    }).not.toThrow();
  });

  test.each([
    ['--from and --to', { to: 'in' }],
    ['--from and --repartition', { repartition: 'in' }],
    ['--to and --repartition', { repartition: 'out' }],
    ['--from and --dead-letter-topic', { deadLetterTopic: 'in' }],
    ['--to and --dead-letter-topic', { deadLetterTopic: 'out' }],
    ['--to and --changelog', { changelog: 'out' }],
    ['--dead-letter-topic and --changelog', { deadLetterTopic: 'x', changelog: 'x' }],
    ['--to and the default of --changelog', { to: 'group-in-changelog' }],
    ['--dead-letter-topic and the default of --changelog', { repartition: 'r', deadLetterTopic: 'group-r-changelog' }], // prettier-ignore
  ])('are refused if two of them are the same: %s', (both, changed) => {
    expect(() => {
      checkTopics({ ...names, ...changed });
    }).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(`${both} are the same topic`) as string }), // prettier-ignore
    );
  });

  test.each([
    ['--consumer-group', { groupId: '' }],
    ['--from', { from: '' }],
    ['--changelog', { changelog: '' }],
  ])('have names: %s must not be empty', (option, changed) => {
    expect(() => {
      checkTopics({ ...names, ...changed });
    }).toThrow(expect.objectContaining({ code: 'usage', message: `${option} must not be empty` }));
  });

  test.each([
    ['--from, "a b"', { from: 'a b' }],
    ['--to, ".."', { to: '..' }],
    ['--repartition, "ä"', { repartition: 'ä' }],
    ['the default of --changelog, "my group-in-changelog"', { groupId: 'my group' }],
  ])('have names that Kafka takes: %s', (text, changed) => {
    expect(() => {
      checkTopics({ ...names, ...changed });
    }).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringContaining(`${text}, is no name of a topic`) as string })); // prettier-ignore
  });
});
