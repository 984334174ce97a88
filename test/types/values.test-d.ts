import {
  type Batch,
  type BatchInit,
  type BatchPoint,
  createBatch,
  createPoint,
  type Fields,
  type FieldValue,
  type Point,
  type PointInit,
  type Tags,
} from 'kapacitor-udf';
import Long from 'long';
import { describe, expectTypeOf, it } from 'vitest';

declare const point: Point;
declare const batchPoint: BatchPoint;
declare const batch: Batch;

describe('what is read of a point', () => {
  it('is a number for a double, a bigint for an int64, and may not be there', () => {
    expectTypeOf<FieldValue>().toEqualTypeOf<number | bigint | string | boolean>();
    expectTypeOf(point.field('value')).toEqualTypeOf<FieldValue | undefined>();
    expectTypeOf(point.number('value')).toEqualTypeOf<number | undefined>();
    expectTypeOf(point.tag('host')).toEqualTypeOf<string | undefined>();
    expectTypeOf(point.fields).toEqualTypeOf<Fields>();
    expectTypeOf(point.fields.value).toEqualTypeOf<FieldValue | undefined>();
    expectTypeOf(point.tags).toEqualTypeOf<Tags>();
    expectTypeOf(point.time).toEqualTypeOf<bigint>();
  });

  it('cannot be assigned to', () => {
    // @ts-expect-error -- a changed point is another point
    point.time = 1n;
    // @ts-expect-error -- nor are its fields changed in place
    point.fields.value = 1;
  });
});

describe('what is put into a point', () => {
  it('is any field value, or a Long of the long package', () => {
    const fields = { a: 1, b: 1n, c: 'x', d: true, e: Long.MAX_VALUE };
    expectTypeOf(point.withFields(fields)).toEqualTypeOf<Point>();
    expectTypeOf(point.replaceFields(fields)).toEqualTypeOf<Point>();
    expectTypeOf(point.withTag('host', 'a').withTags({}).replaceTags({})).toEqualTypeOf<Point>();
    expectTypeOf(point.withDatabase('db').withRetentionPolicy('rp')).toEqualTypeOf<Point>();
    point.withTime(Long.ONE);
    // @ts-expect-error -- a time is no number: it would be rounded
    point.withTime(1514979051065000000);
    // @ts-expect-error -- null is no field value
    point.withField('a', null);
    // @ts-expect-error -- nor is undefined
    point.withField('a', undefined);
    // @ts-expect-error -- tags are text
    point.withTags({ host: 1 });
    // @ts-expect-error -- one tag has a value
    point.withTag('host');
  });

  it('is the same for a point of a batch, which has no name, database or retention policy', () => {
    expectTypeOf(batchPoint.withFields({ a: 1 }).replaceTags({})).toEqualTypeOf<BatchPoint>();
    expectTypeOf(batchPoint.number('a')).toEqualTypeOf<number | undefined>();
    expectTypeOf(batch.withTag('host', 'a').withTags({}).replaceTags({})).toEqualTypeOf<Batch>();
    expectTypeOf(batchPoint).not.toHaveProperty('withDatabase');
  });

  it('is a time, a name and fields at least, when it is made anew', () => {
    expectTypeOf(createPoint).parameters.toEqualTypeOf<[PointInit]>();
    expectTypeOf(createPoint).returns.toEqualTypeOf<Point>();
    // @ts-expect-error -- no time
    createPoint({ name: 'm', fields: {} });
    expectTypeOf(createBatch).parameters.toEqualTypeOf<[BatchInit]>();
    expectTypeOf(createBatch).returns.toEqualTypeOf<Batch>();
  });
});
