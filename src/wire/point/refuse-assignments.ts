import { inspect } from 'node:util';
import { UdfError } from '../../model/errors.js';

type Value = (value: unknown) => string;

/** The call that makes a point with another value, by the property that was assigned. */
const replacements: Readonly<Record<string, Value>> = {
  time: (time) => `withTime(${shown(time)})`,
  seconds: () => 'withTime(nanoseconds)',
  nanoseconds: () => 'withTime(nanoseconds)',
  name: (name) => `withName(${shown(name)})`,
  database: (database) => `withDatabase(${shown(database)})`,
  retentionPolicy: (policy) => `withRetentionPolicy(${shown(policy)})`,
  group: () => 'withDimensions([…]), from which its group follows',
  dimensions: (dimensions) => `withDimensions(${shown(dimensions)})`,
  byName: (byName) => `withDimensions(point.dimensions, ${shown(byName)})`,
  tags: (tags) => `replaceTags(${shown(tags)}), or withTags() to keep the others`,
  fields: (fields) => `replaceFields(${shown(fields)}), or withFields() to keep the others`,
};

/**
 * Makes an assignment to a property of points, which JavaScript permits, throw `invalid_argument` with what to write instead.
 * Setters of the prototype cost points nothing.
 */
export function refuseAssignments(prototype: object): void {
  for (const [property, replacement] of Object.entries(replacements)) {
    Object.defineProperty(prototype, property, {
      ...Object.getOwnPropertyDescriptor(prototype, property),
      set(value: unknown) {
        throw new UdfError(
          'invalid_argument',
          `point.${property} was assigned; points are immutable: use point.${replacement(value)}`,
        );
      },
    });
  }
}

function shown(value: unknown): string {
  return inspect(value, { breakLength: Infinity, maxArrayLength: 8, maxStringLength: 64 });
}
