import { expect, test } from 'vitest';
import { influxTarget } from '../../src/influx/target.js';
import { checkReadOnly } from '../../src/influx/query-read-only.js';

const one = influxTarget('http://localhost:8086?db=d', {});
const two = influxTarget('http://localhost:8086?org=o&bucket=b', {});

test.each([
  ['SELECT * FROM cpu', one],
  [' select "into" from "drop" where a = \'; DROP MEASUREMENT cpu\'; SELECT 1 FROM m;', one],
  ["SELECT v FROM m -- into nothing\n WHERE host = 'it''s'", one],
  ['from(bucket: "b") |> range(start: -1h) |> filter(fn: (r) => r.to == "|> to(") // |> to(bucket)', two],
])('a query that reads is let through: %s', (query, target) => {
  expect(() => {
    checkReadOnly(target, query);
  }).not.toThrow();
});

test.each([
  ['DROP MEASUREMENT cpu', one, '"DROP" does not select'],
  ['SELECT 1 FROM m; drop database d', one, '"drop" does not select'],
  ['/* SELECT */ DELETE FROM m', one, '"DELETE" does not select'],
  ['SELECT * INTO other FROM m', one, 'INTO writes'],
  [' ; ', one, 'it is empty'],
  ['from(bucket: "b") |> range(start: -1h) |> to(bucket: "c")', two, 'to() writes'],
  ['experimental.to(bucket: "c")', two, 'to() writes'],
  ['x |> influxdb.wideTo (bucket: "c")', two, 'wideTo() writes'],
  ['', two, 'it is empty'],
])('another is refused: %s', (query, target, why) => {
  expect(() => {
    checkReadOnly(target, query);
  }).toThrow(
    expect.objectContaining({ code: 'invalid_argument', message: `only a query that reads is sent: ${why}` }),
  );
});
