import { expect, test } from 'vitest';
import { pageData, type PageHead, renderPage } from '../../../src/replay/page/page.js';

const head: PageHead = {
  title: 'adsl.lp',
  udf: 'edgeDetect',
  options: ".field('value')",
  counts: ['2 points in'],
  inputFields: ['value'],
  emittedFields: ['value'],
};

const at = (time: bigint, group: string, fields: Record<string, string | number | bigint | boolean>) => ({
  time,
  group,
  fields,
});

test('points are sorted into groups and columns, exactly', () => {
  const input = [
    at(2n, 'host=a', { v: NaN, n: 2n ** 60n }),
    at(1n, 'host=a', { v: 1.5, state: 'on' }),
    at(1n, 'host=b', { state: true }),
  ];
  expect(pageData(head, input, [at(2n, 'host=a', { avg: 1 })]).groups).toEqual([
    {
      name: 'host=a',
      input: {
        times: ['1', '2'],
        fields: {
          v: { kind: 'number', values: [1.5, 'NaN'] },
          state: { kind: 'state', values: ['on', null] },
          n: { kind: 'number', values: [null, '1152921504606846976'] },
        },
      },
      emitted: { times: ['2'], fields: { avg: { kind: 'number', values: [1] } } },
    },
    {
      name: 'host=b',
      input: { times: ['1'], fields: { state: { kind: 'state', values: ['true'] } } },
      emitted: { times: [], fields: {} },
    },
  ]);
});

test('the page holds all that it needs, and no text of a point can be taken for markup', () => {
  const html = renderPage(
    pageData({ ...head, title: '<b>&' }, [at(1n, '', { state: '</script><script>alert(1)' })], []),
  );
  expect(html).toContain('<title>&lt;b>&amp; · edgeDetect</title>');
  expect(html).not.toContain('</script><script>alert(1)');
  expect(html).not.toMatch(/(?:src|href)="?https?:/);
});
