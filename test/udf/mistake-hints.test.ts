import { describe, expect, test } from 'vitest';
import { hintFor } from '../../src/udf/mistake-hints.js';

describe('for the call of a function that does not exist', () => {
  test.each([
    // of the agents in Go and Python, and of the clients of InfluxDB
    ['point.getField', "a point has field('name')"],
    ['p.getFields', 'a point has fields'],
    ['point.getTag', "a point has tag('name')"],
    ['point.getTime', 'a point has time'],
    ['point.getMeasurement', 'a point has name'],
    ['point.getFloat', "a point has number('name')"],
    ['point.intField', "a point has number('name')"],
    ['point.setField', "a point has withField('name', value), which returns a changed copy"],
    ['point.addTag', "a point has withTag('name', 'value'), which returns a changed copy"],
    ['point.setTimestamp', 'a point has withTime(nanoseconds), which returns a changed copy'],
    ['point.removeField', "a point has withoutFields('name'), which returns a changed copy"],
    ['point.clone', 'points are immutable: emit one as it is, or a changed copy of it'],
    // misspelt
    ['point.feild', "a point has field('name')"],
    ['point.withFeild', "a point has withField('name', value), which returns a changed copy"],
    ['batch.withPionts', 'a batch has withPoints([…]), which returns a changed copy'],
    ['batch.getPoints', 'a batch has points'],
    // of what belongs to a point
    [
      'point.fields.get',
      "fields is a plain object, Object.entries(fields) lists it; point.field('name') reads one",
    ],
    ['tags.get', "tags is a plain object, Object.entries(tags) lists it; point.tag('name') reads one"],
    ['point.time.toISOString', 'a time is a bigint of nanoseconds: new Date(Number(time / 1_000_000n))'],
    // of the context
    ['context.emitt', 'the context has emit'],
    ['context.timers.add', 'timers has set, whenIdle, cancel, get'],
    ['timers.sett', 'timers has set'],
    ['log.warning', 'log has warn'],
    ['emmit', 'did you mean emit? The second parameter of a handler is its context: (point, { emit }) => …'],
    ['emit', 'the second parameter of a handler is its context: (point, { emit }) => …'],
    [
      'state.mean.add',
      'a snapshot keeps the data of a state without its classes: keep plain data in it, and functions outside',
    ],
    // while the module is loaded
    ['option.number', 'option has double'],
    ['option.boolean', 'option has bool'],
    ['option.durration', 'option has duration'],
    ['option.json', 'option has string, field, tag, int, double, bool, duration, flag, tuple'],
  ])('%s: %s', (called, hint) => {
    expect(hintFor(`${called} is not a function`, 'point')).toBe(hint);
  });

  test.each(['values.map', 'cache.get', 'text.find', 'client.query', 'compute', 'a.b.frobnicate'])(
    '%s, which may be anything: nothing',
    (called) => {
      expect(hintFor(`${called} is not a function`, 'point')).toBeUndefined();
    },
  );

  test('of an array, on a batch: where its points are', () => {
    const text = 'batch.filter is not a function';
    expect(hintFor(text, 'batch')).toBe('a batch is no array: its points are in batch.points');
    expect(hintFor(text, 'point')).toBeUndefined();
  });
});

test('nothing for messages of the author', () => {
  expect(hintFor('the service answered 500')).toBeUndefined();
});
