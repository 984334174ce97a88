import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReportFilter } from '../../../../src/host/isolation/supervisor/repeated-reports.js';

const from =
  (start: number) =>
  (begun: number): number =>
    start + begun;

describe('reports of several workers', () => {
  test('come once each, wherever workers end and however far back the next one begins', () => {
    const inputs = fc.array(fc.nat(3), { minLength: 1, maxLength: 30 });
    const deaths = fc.array(fc.record({ at: fc.nat(30), said: fc.nat(3), back: fc.nat(30) }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(inputs, deaths, (reportsOf, ends) => {
        const filter = new ReportFilter();
        const seen: string[] = [];
        let start = 0;
        const run = (until: number, lastSays: number): void => {
          const reports = filter.next(from(start));
          for (let input = start; input < Math.min(until + 1, reportsOf.length); input++) {
            const count = input === until ? Math.min(lastSays, reportsOf[input]!) : reportsOf[input]!;
            for (let number = 0; number < count; number++) {
              if (reports.isNew(input + 1 - start)) seen.push(`${input}.${number}`);
            }
          }
        };
        let furthest = 0;
        for (const { at, said, back } of ends) {
          run(at, said);
          furthest = Math.max(furthest, Math.min(at, reportsOf.length));
          start = Math.max(start, furthest - back);
        }
        run(reportsOf.length, 0);
        expect(seen).toEqual(
          reportsOf.flatMap((count, input) => Array.from({ length: count }, (_, at) => `${input}.${at}`)),
        );
      }),
    );
  });

  test('before the first input are new by their text', () => {
    const filter = new ReportFilter();
    const first = filter.next(from(0));
    expect([first.isNew(0, 'a class'), first.isNew(0, 'a class')]).toEqual([true, true]);
    const second = filter.next(from(100));
    expect([second.isNew(0, 'a class'), second.isNew(0, 'another')]).toEqual([false, true]);
  });
});
