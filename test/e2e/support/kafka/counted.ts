import { expect } from 'vitest';

/** Points of `groups` groups, round robin, each in the partition of its group. */
export function* countedInput(points: number, groups: number, partitions: number) {
  for (let index = 0; index < points; index++) {
    const group = index % groups;
    const value = `m,host=h${group} value=${(index * 7919) % 1000}i ${1_500_000_000_000_000_000n + BigInt(index)}`;
    yield { partition: group % partitions, value };
  }
}

/** Checks that the output of `counting` is that of an undisturbed run: each point once, in order, with exact totals. */
export function expectCounted(lines: readonly string[], points: number, groups: number): void {
  const seen = new Map<string, { count: number; sum: number }>();
  const problems: string[] = [];
  for (const line of lines) {
    const [, group = '', fields = '', time = '0'] = /^m,host=h(\d+) (\S+) (\d+)$/.exec(line) ?? [];
    const index = Number(BigInt(time) - 1_500_000_000_000_000_000n);
    const read = (name: string): number => Number(new RegExp(`${name}=(\\d+)i`).exec(fields)?.[1]);
    const previous = seen.get(group) ?? { count: 0, sum: 0 };
    const value = (index * 7919) % 1000;
    const expected = {
      index: previous.count * groups + Number(group),
      count: previous.count + 1,
      sum: previous.sum + value,
    };
    const actual = { index, count: read('count'), sum: read('sum') };
    if (actual.index !== expected.index || actual.count !== expected.count || actual.sum !== expected.sum) {
      problems.push(`${line}: expected ${JSON.stringify(expected)}`);
    }
    seen.set(group, { count: expected.count, sum: expected.sum });
  }
  expect(problems.slice(0, 5)).toEqual([]);
  expect(lines.length).toBe(points);
  expect(seen.size).toBe(groups);
}
