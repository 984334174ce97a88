import { describe, expect, it } from 'vitest';
import { nearestName } from '../../src/model/text.js';
import { option, type OptionSpecs } from '../../src/udf/option.js';
import type { OptionArgument, OptionCall } from '../../src/model/option-call.js';
import { resolveOptions } from '../../src/udf/resolve-options.js';
import { runtimeOptions } from '../../src/udf/runtime-options.js';

const doc = 'What it is for.';
const int = (value: bigint): OptionArgument => ({ type: 'int', value });
const double = (value: number): OptionArgument => ({ type: 'double', value });
const string = (value: string): OptionArgument => ({ type: 'string', value });
const bool = (value: boolean): OptionArgument => ({ type: 'bool', value });
const duration = (value: bigint): OptionArgument => ({ type: 'duration', value });
const call = (name: string, ...args: OptionArgument[]): OptionCall => ({ name, args });

/** What is wrong with these calls. */
const problems = (specs: OptionSpecs, ...calls: OptionCall[]): readonly string[] =>
  resolveOptions(specs, calls).problems;

describe('the options of a TICKscript', () => {
  const every = {
    text: option.string({ doc }),
    count: option.int({ doc }),
    ratio: option.double({ doc }),
    keep: option.bool({ doc }),
    period: option.duration({ doc }),
    loud: option.flag({ doc }),
    range: option.tuple([option.double({ doc }), option.int({ doc })], { doc }),
    also: option.string({ doc, repeatable: true }),
    ranges: option.tuple([option.int({ doc }), option.int({ doc })], { doc, repeatable: true }),
  };

  it('are read as their kinds say', () => {
    const calls = [
      call('text', string('a')),
      call('count', int(7n)),
      call('ratio', double(0.5)),
      call('keep', bool(false)),
      call('period', duration(30n)),
      call('loud'),
      call('range', double(1), int(2n)),
      call('also', string('x')),
      call('ranges', int(1n), int(2n)),
      call('also', string('y')),
      call('ranges', int(3n), int(4n)),
    ];
    expect(resolveOptions(every, calls)).toEqual({
      options: {
        text: 'a',
        count: 7,
        ratio: 0.5,
        keep: false,
        period: 30n,
        loud: true,
        range: [1, 2],
        also: ['x', 'y'],
        ranges: [[1, 2], [3, 4]], // prettier-ignore
      },
      problems: [],
    });
  });

  it('that are not given are undefined, an empty list, false, or their default', () => {
    const specs = { ...every, as: option.string({ doc, default: 'avg' }) };
    const nothing = {
      text: undefined,
      count: undefined,
      ratio: undefined,
      keep: undefined,
      period: undefined,
    };
    expect(resolveOptions(specs, [])).toEqual({
      options: { ...nothing, loud: false, range: undefined, also: [], ranges: [], as: 'avg' },
      problems: [],
    });
  });

  it('share no list with the next use of the same UDF', () => {
    const first = resolveOptions(every, [call('also', string('x'))]);
    expect(resolveOptions(every, [call('also', string('y'))]).options.also).toEqual(['y']);
    expect(first.options.also).toEqual(['x']);
  });

  it('may be at their bounds, and not beyond', () => {
    const specs = {
      size: option.int({ doc, min: 1, max: 3 }),
      scale: option.double({ doc, min: 0.5, max: 1.5 }),
      period: option.duration({ doc, min: '1s', max: '90s' }),
    };
    const second = 1_000_000_000n;
    for (const [size, scale, period] of [
      [1n, 0.5, second],
      [3n, 1.5, 90n * second],
    ] as const) {
      // prettier-ignore
      expect(problems(specs, call('size', int(size)), call('scale', double(scale)), call('period', duration(period)))).toEqual([]);
    }
    expect(
      problems(specs, call('size', int(0n)), call('scale', double(0.4)), call('period', duration(1n))),
    ).toEqual([
      '.size() must be at least 1, got 0',
      '.scale() must be at least 0.5, got 0.4',
      '.period() must be at least 1s, got 1ns',
    ]);
    expect(
      problems(
        specs,
        call('size', int(4n)),
        call('scale', double(2)),
        call('period', duration(120n * second)),
      ),
    ).toEqual([
      '.size() must be at most 3, got 4',
      '.scale() must be at most 1.5, got 2',
      '.period() must be at most 90s, got 2m',
    ]);
  });

  it('that have a choice must be one of it', () => {
    const specs = { onMissing: option.string({ doc, oneOf: ['skip', 'error'] }) };
    expect(problems(specs, call('onMissing', string('Skip')))).toEqual([
      ".onMissing() must be 'skip' or 'error', got 'Skip'",
    ]);
    expect(problems(specs, call('onMissing', string("it's")))).toEqual([
      ".onMissing() must be 'skip' or 'error', got 'it\\'s'",
    ]);
  });

  it('that name a field or a tag are never empty', () => {
    const specs = { field: option.field({ doc }), by: option.tag({ doc, repeatable: true }) };
    expect(problems(specs, call('field', string('')), call('by', string('')))).toEqual([
      '.field() must be the name of a field, got an empty one',
      '.by() must be the name of a tag, got an empty one',
    ]);
    expect(problems(specs, call('field', string(' ')), call('by', string('host')))).toEqual([]);
  });

  it('that are ints beyond what a number holds exactly are refused, with every digit', () => {
    expect(problems(every, call('count', int(2n ** 53n + 1n)))).toEqual([
      '.count() must be a whole number within ±(2^53 - 1), got 9007199254740993',
    ]);
    expect(problems(every, call('text', int(2n ** 53n + 1n)))).toEqual([
      ".text() takes a string ('text'), got an int (10) 9007199254740993",
    ]);
    expect(resolveOptions(every, [call('count', int(2n ** 53n - 1n))]).options.count).toBe(2 ** 53 - 1);
  });

  it('that are doubles may be anything but NaN', () => {
    expect(problems(every, call('ratio', double(NaN)))).toEqual(['.ratio() must be a number, got NaN']);
    expect(problems(every, call('ratio', double(-Infinity)))).toEqual([]);
  });

  it.each([
    [call('count', double(2)), '.count() takes an int (10), got a double (1.0) 2.0'],
    [call('count', double(2.5)), '.count() takes an int (10), got a double (1.0) 2.5'],
    [call('ratio', int(2n)), '.ratio() takes a double (1.0), got an int (10) 2'],
    [call('text', bool(true)), ".text() takes a string ('text'), got a bool (TRUE or FALSE) TRUE"],
    [call('keep', string('no')), ".keep() takes a bool (TRUE or FALSE), got a string ('text') 'no'"],
    [call('period', int(10n)), '.period() takes a duration (10s), got an int (10) 10'],
    [call('count', duration(90_000_000_000n)), '.count() takes an int (10), got a duration (10s) 90s'],
    [call('text'), '.text() takes 1 argument, got 0'],
    [call('text', string('a'), string('b')), '.text() takes 1 argument, got 2'],
    [call('loud', bool(true)), '.loud() takes 0 arguments, got 1'],
    [call('range', double(1)), '.range() takes 2 arguments, got 1'],
    [call('range', int(1n), int(1n)), '.range() takes a double (1.0), got an int (10) 1'],
  ])('that are called in a wrong way say so: %#', (wrong, problem) => {
    expect(problems(every, wrong)).toEqual([problem]);
  });

  it('may be given once, unless they are repeatable, and it is said once', () => {
    const twice = [call('count', int(1n)), call('count', int(2n)), call('count', int(3n))];
    expect(problems(every, ...twice, call('loud'), call('loud'))).toEqual([
      '.count() is given more than once',
      '.loud() is given more than once',
    ]);
  });

  it('count as given twice also when one of the two is wrong', () => {
    const specs = { size: option.int({ doc, min: 1 }) };
    expect(problems(specs, call('size', int(0n)), call('size', int(5n)))).toEqual([
      '.size() must be at least 1, got 0',
      '.size() is given more than once',
    ]);
  });

  it('that are required must be given; one that is given wrongly is not missing too', () => {
    const specs = { field: option.string({ doc, required: true }) };
    expect(problems(specs)).toEqual(['.field() is required']);
    expect(problems(specs, call('field', int(1n)))).toEqual([
      ".field() takes a string ('text'), got an int (10) 1",
    ]);
  });

  it('that are unknown are named with what was meant, or with all there are', () => {
    const specs = { size: option.int({ doc }), period: option.duration({ doc }) };
    expect(
      problems(specs, call('sise', int(1n)), call('Period', duration(1n)), call('field', string('x'))),
    ).toEqual([
      'unknown option .sise() (did you mean .size()?)',
      'unknown option .Period() (did you mean .period()?)',
      'unknown option .field() (it has .size(), .period())',
    ]);
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    "are none of JavaScript's own: .%s()",
    (name) => {
      expect(problems({ size: option.int({ doc }) }, call(name, int(1n)))).toHaveLength(1);
    },
  );

  it('are reported in order: what the calls are, what is required, what they are together, what is unknown', () => {
    const specs = {
      field: option.string({ doc, required: true }),
      size: option.int({ doc, min: 1 }),
      period: option.duration({ doc }),
      ...runtimeOptions,
    };
    const check = (options: unknown) => {
      const { size, period } = options as { size?: number; period?: bigint };
      return size === undefined && period === undefined ? ['one of .size() or .period() is required'] : [];
    };
    const calls = [call('sise', int(3n)), call('size', int(0n))];
    expect(resolveOptions(specs, calls, check).problems.join('; ')).toBe(
      '.size() must be at least 1, got 0; .field() is required; one of .size() or .period() is required; ' +
        'unknown option .sise() (did you mean .size()?)',
    );
  });

  it('are looked at together only as far as they fit: a check that stumbles over what is missing adds nothing', () => {
    const specs = { field: option.string({ doc, required: true }) };
    const check = (options: unknown): readonly string[] => {
      const { length } = (options as { field: string }).field;
      return length > 3 ? [] : ['too short'];
    };
    expect(resolveOptions(specs, [], check).problems).toEqual(['.field() is required']);
    expect(resolveOptions(specs, [call('field', string('ab'))], check).problems).toEqual(['too short']);
  });

  it('are not checked twice: what a check says of a required one that is missing or invalid is left out', () => {
    const specs = {
      by: option.string({ doc, required: true }),
      size: option.int({ doc }),
    };
    const check = (options: unknown): readonly string[] => {
      const { by } = options as { by: string };
      return by === 'day' ? [] : [`.by() must be 'day', got '${by}'`, '.size() needs .by()'];
    };
    expect(resolveOptions(specs, [], check).problems).toEqual(['.by() is required', '.size() needs .by()']);
    expect(resolveOptions(specs, [call('by', int(1n))], check).problems).toEqual([
      ".by() takes a string ('text'), got an int (10) 1",
      '.size() needs .by()',
    ]);
    expect(resolveOptions(specs, [call('by', string('week'))], check).problems).toEqual([
      ".by() must be 'day', got 'week'",
      '.size() needs .by()',
    ]);
  });

  it('that all fit show a mistake in the check itself', () => {
    const mistake = (): never => {
      throw new TypeError('a mistake');
    };
    expect(() => resolveOptions({}, [], mistake)).toThrow('a mistake');
  });
});

describe('the options that the runtime offers on every UDF', () => {
  it('are read as any other', () => {
    const calls = [
      call('onError', string('drop')),
      call('groupTtl', duration(5n)),
      call('maxGroups', int(10n)),
    ];
    expect(resolveOptions(runtimeOptions, calls)).toEqual({
      options: { onError: 'drop', groupTtl: 5n, maxGroups: 10, distinct: false },
      problems: [],
    });
    const nothing = { onError: undefined, groupTtl: undefined, maxGroups: undefined, distinct: false };
    expect(resolveOptions(runtimeOptions, []).options).toEqual(nothing);
  });

  it('have bounds and choices', () => {
    const calls = [
      call('onError', string('ignore')),
      call('groupTtl', duration(0n)),
      call('maxGroups', int(0n)),
    ];
    expect(problems(runtimeOptions, ...calls)).toEqual([
      ".onError() must be 'stop' or 'drop' or 'pass', got 'ignore'",
      '.groupTtl() must be at least 1ns, got 0s',
      '.maxGroups() must be at least 1, got 0',
    ]);
  });
});

describe('the nearest name', () => {
  it.each([
    ['filed', ['field', 'size'], 'field'],
    ['FIELD', ['field'], 'field'],
    ['aboove', ['above', 'as'], 'above'],
    ['x', ['field', 'size'], undefined],
    ['size', [], undefined],
    ['preiod', ['period'], 'period'],
  ])('of %s among %j is %s', (name, known, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });
});
