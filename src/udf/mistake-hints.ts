import type { Batch } from '../model/batch.js';
import type { Point } from '../model/point.js';
import { nearestName } from '../model/text.js';
import type { Context, UdfLog } from './context.js';
import { option } from './option.js';
import type { GroupItems, Timers } from './timers.js';

/** What each member of a point is called as, in messages. */
const pointMembers: Readonly<Record<keyof Point, string>> = {
  time: 'time',
  seconds: 'seconds',
  nanoseconds: 'nanoseconds',
  group: 'group',
  name: 'name',
  database: 'database',
  retentionPolicy: 'retentionPolicy',
  dimensions: 'dimensions',
  byName: 'byName',
  tags: 'tags',
  fields: 'fields',
  field: "field('name')",
  number: "number('name')",
  tag: "tag('name')",
  withField: "withField('name', value)",
  withFields: 'withFields({ name: value })',
  replaceFields: 'replaceFields({ name: value })',
  withoutFields: "withoutFields('name')",
  withTag: "withTag('name', 'value')",
  withTags: "withTags({ name: 'value' })",
  replaceTags: "replaceTags({ name: 'value' })",
  withTime: 'withTime(nanoseconds)',
  withName: "withName('name')",
  withDatabase: "withDatabase('name')",
  withRetentionPolicy: "withRetentionPolicy('name')",
  withDimensions: "withDimensions(['tag'])",
  detach: 'detach()',
};

/** What a batch has that a point has not. */
const batchMembers: Readonly<Record<Exclude<keyof Batch, keyof Point>, string>> = {
  points: 'points',
  withPoints: 'withPoints([…])',
};

const contextFunctions = namesOf<keyof Context<never, never, never, never> | keyof GroupItems<never>>()(
  'emit',
  'drained',
  'count',
  'now',
  'newPoint',
  'newBatch',
);
const timerFunctions = namesOf<keyof Timers>()('set', 'whenIdle', 'cancel', 'get');
const logFunctions = namesOf<keyof UdfLog>()('debug', 'info', 'warn', 'error');

function namesOf<Name extends string>() {
  return (...names: readonly Name[]): readonly Name[] => names;
}

/** Methods for reading a number in the agents of other languages and in other libraries. */
const numberGetters = /^(?:get|as|to)?(?:int|integer|float|double|number|numeric)(?:64|Field|Value)?$/i;

/** Kinds of options as other libraries call them. */
const optionKinds: Readonly<Record<string, keyof typeof option>> = {
  number: 'double',
  float: 'double',
  integer: 'int',
  boolean: 'bool',
  str: 'string',
  text: 'string',
  time: 'duration',
  interval: 'duration',
  array: 'tuple',
};

/** What a handler was called with. */
export type InputKind = 'point' | 'batch';

/**
 * What to do about an error of JavaScript that authors often get, such as `point.getField is not a function`; `undefined` for
 * other errors. `input` is what the handler was called with.
 */
export function hintFor(message: string, input?: InputKind): string | undefined {
  const refused = refusedChange.exec(message);
  if (refused) return hintForFrozen(refused[1]!, message);
  const called = /^(?:(.*)\.)?([\w$]+) is not a function$/.exec(message);
  if (called) return missingFunction(called[1], called[2]!, input);
  if (message.startsWith('Cannot mix BigInt and other types')) {
    return "integer fields, times and durations are bigints: 2n is one, BigInt(n) and Number(n) convert, and point.number('field') reads any numeric field as a number";
  }
  return undefined;
}

/** JavaScript's messages for a change of a frozen object, such as `point.fields`. The group is the property. */
const refusedChange =
  /^Cannot (?:add property|assign to read only property|delete property) '?(.+?)'?(?:, object is not extensible| of .+)$/;

/** The message does not name the object; frozen ones are mostly those of a point. */
function hintForFrozen(property: string, message: string): string {
  if (message.endsWith("'#<LazyBatch>'") || /^\d+$/.test(property)) {
    return 'batches and points are immutable: use batch.withPoints([…]) and the like';
  }
  const key = /^[A-Za-z_$][\w$]*$/.test(property) ? property : JSON.stringify(property);
  if (message.startsWith('Cannot delete')) {
    return `points are immutable: use point.withoutFields(${JSON.stringify(property)})`;
  }
  return `points are immutable: use point.withFields({ ${key}: … }), or withTags() for a tag`;
}

/** For a call of `object.name` where that is no function; `object` is `undefined` for a call of a variable. */
function missingFunction(
  object: string | undefined,
  name: string,
  input: InputKind | undefined,
): string | undefined {
  if (object === undefined) return missingVariable(name);
  const owner = object.slice(object.lastIndexOf('.') + 1);
  if (/\bstate$/.test(object) || /\bstate\./.test(object)) {
    return 'a snapshot keeps the data of a state without its classes: keep plain data in it, and functions outside';
  }
  if (owner === 'option') return `option has ${optionKinds[name] ?? near(name, Object.keys(option))}`;
  if (owner === 'timers') return `timers has ${near(name, timerFunctions)}`;
  if (owner === 'log') return `log has ${near(name, logFunctions)}`;
  if (owner === 'context') return `the context has ${near(name, contextFunctions)}`;
  if (owner === 'fields' || owner === 'tags') {
    const one = owner === 'fields' ? "point.field('name')" : "point.tag('name')";
    return `${owner} is a plain object, Object.entries(${owner}) lists it; ${one} reads one`;
  }
  if (owner === 'time') return 'a time is a bigint of nanoseconds: new Date(Number(time / 1_000_000n))';
  if (input === 'batch' && object === owner && name in Array.prototype) {
    return 'a batch is no array: its points are in batch.points';
  }
  if (name in Array.prototype || name in Map.prototype || name in String.prototype) return undefined;
  return missingMember(name);
}

function missingVariable(name: string): string | undefined {
  const meant = nearestName(name, contextFunctions);
  if (meant === undefined) return undefined;
  const remedy = `the second parameter of a handler is its context: (point, { ${meant} }) => …`;
  return meant === name ? remedy : `did you mean ${meant}? ${remedy[0]!.toUpperCase()}${remedy.slice(1)}`;
}

/** For a method that neither points nor batches have: the one with a similar name or, as other libraries name it, purpose. */
function missingMember(name: string): string | undefined {
  if (numberGetters.test(name)) return `a point has ${pointMembers.number}`;
  if (/^(?:clone|copy)$/i.test(name))
    return 'points are immutable: emit one as it is, or a changed copy of it';
  const [, verb, rest = ''] = /^(get|set|add|put|update|remove|delete|drop)_?([A-Z].*)$/.exec(name) ?? [];
  const noun = `${rest.charAt(0).toLowerCase()}${rest.slice(1)}`;
  const known = { ...pointMembers, ...batchMembers };
  const others: Readonly<Record<string, string>> = { measurement: 'name', timestamp: 'time', value: 'field' };
  const thing = others[noun] ?? noun;
  const wanted =
    verb === undefined
      ? name
      : verb === 'get'
        ? thing
        : /^(?:remove|delete|drop)$/.test(verb)
          ? `without${capital(thing)}`
          : `with${capital(thing)}`;
  const meant = nearestName(wanted, Object.keys(known)) as keyof typeof known | undefined; // one of its keys
  if (meant === undefined) return undefined;
  const owner = meant in pointMembers ? 'a point' : 'a batch';
  const changes = /^(?:with|replace)/.test(meant) ? ', which returns a changed copy' : '';
  return `${owner} has ${known[meant]}${changes}`;
}

/** The similar one of some names, or all of them. */
function near(name: string, names: readonly string[]): string {
  return nearestName(name, names) ?? names.join(', ');
}

function capital(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}
