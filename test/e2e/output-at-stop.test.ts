import { describe, expect, it } from 'vitest';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { newTask } from './support/test-task.js';
import { eventually } from './support/until.js';

const { missing, title } = needs('Output at the end of a task of a real Kapacitor', ['KAPACITORD']);

/** Passes points on, and emits more of each group when the task ends. */
const lastWords = `
import { createPoint, defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'lastWords',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ points: 0 }),
  point(point, { state }) {
    state.points += 1;
    return point;
  },
  stop({ state, group }) {
    return createPoint({ name: 'last', time: 1n, group: group.id, tags: group.tags, fields: { points: state.points } });
  },
});
`;

const rounds = 20;

describe.skipIf(missing)(title, () => {
  const stack = useStack({ module: lastWords });

  /** Deletes a task in each round, once all its points have passed: while points flow, any Kapacitor may crash. */
  async function deleteOften(measurement: string): Promise<void> {
    const script = `var points = stream|from().measurement('${measurement}').groupBy('host')
        points@lastWords()|log()
        points@lastWords()|window().periodCount(1).everyCount(1)|httpOut('out')`;
    const points = Array.from({ length: 8 }, (_, index) => `${measurement},host=h${index} v=1`);
    for (let round = 0; round < rounds; round++) {
      const task = await newTask(stack.kapacitor, { script });
      await task.write(points);
      await eventually(async () => (await task.rows('out')).length).toBe(points.length);
      await stack.kapacitor.deleteTask(task.id);
    }
  }

  it.each([
    { where: 'the process of the host', args: [] },
    { where: 'workers', args: ['--isolate'] },
  ])(
    `does not crash the daemon that deletes tasks, in ${rounds} rounds, with UDFs in $where`,
    async ({ args }) => {
      await stack.agent.stop();
      await stack.agent.start(undefined, args);
      await Promise.all(['a', 'b', 'c', 'd'].map(deleteOften));
      expect(stack.kapacitord.daemon.log).not.toContain('send on closed channel');
    },
    120_000,
  );
});
