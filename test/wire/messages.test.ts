import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type Request,
  type Response,
} from '../../src/wire/messages.js';
import {
  doubleArbitrary,
  int64Arbitrary,
  nameArbitrary,
  pointArbitrary,
  textArbitrary,
} from '../support/generators.js';
import { payloads } from '../support/frames.js';
import { mapValues, oracle, oraclePoint } from '../support/oracle.js';
import { propertyTimeout, runs } from '../support/runs.js';
import { bytesField, varintField } from '../support/wire-bytes.js';
import type { OptionArgument } from '../../src/model/option-call.js';

// ---- any message ----

const record = <Shape extends object>(shape: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> }) =>
  fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<Shape>;
const dictionary = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Record<string, Value>> =>
  fc
    .uniqueArray(fc.tuple(nameArbitrary, value), { selector: ([name]) => name, maxLength: 4 })
    .map((entries) => Object.fromEntries(entries));
const kind = <Kind extends string>(name: Kind): fc.Arbitrary<Kind> => fc.constant(name);
const bytes = fc.uint8Array({ maxLength: 100 });
const edge = fc.constantFrom('stream' as const, 'batch' as const);
const argumentTypes = ['bool', 'int', 'double', 'string', 'duration'] as const;

const argument: fc.Arbitrary<OptionArgument> = fc.oneof(
  record({ type: kind('bool'), value: fc.boolean() }),
  record({ type: kind('int'), value: int64Arbitrary }),
  record({ type: kind('double'), value: doubleArbitrary }),
  record({ type: kind('string'), value: textArbitrary }),
  record({ type: kind('duration'), value: int64Arbitrary }),
);
const batchHead = {
  name: textArbitrary,
  group: textArbitrary,
  tags: dictionary(textArbitrary),
  byName: fc.boolean(),
};
const shared = [
  record({ kind: kind('keepalive'), time: int64Arbitrary }),
  record({ kind: kind('begin'), ...batchHead, size: int64Arbitrary }),
  record({ kind: kind('end'), ...batchHead, tmax: int64Arbitrary }),
  record({
    kind: kind('point'),
    time: int64Arbitrary,
    name: textArbitrary,
    database: textArbitrary,
    retentionPolicy: textArbitrary,
    group: textArbitrary,
    dimensions: fc.array(textArbitrary, { maxLength: 3 }),
    tags: dictionary(textArbitrary),
    fieldsDouble: dictionary(doubleArbitrary),
    fieldsInt: dictionary(int64Arbitrary),
    fieldsString: dictionary(textArbitrary),
    fieldsBool: dictionary(fc.boolean()),
    byName: fc.boolean(),
  }),
] as const;
const outcome = { success: fc.boolean(), error: textArbitrary };

const requestArbitrary: fc.Arbitrary<Request> = fc.oneof(
  record({ kind: kind('info') }),
  record({
    kind: kind('init'),
    taskID: textArbitrary,
    nodeID: textArbitrary,
    options: fc.array(record({ name: nameArbitrary, args: fc.array(argument, { maxLength: 3 }) }), {
      maxLength: 4,
    }),
  }),
  record({ kind: kind('snapshot') }),
  record({ kind: kind('restore'), snapshot: bytes }),
  ...shared,
);
const responseArbitrary: fc.Arbitrary<Response> = fc.oneof(
  record({
    kind: kind('info'),
    wants: edge,
    provides: edge,
    options: dictionary(fc.array(fc.constantFrom(...argumentTypes), { maxLength: 3 })),
  }),
  record({ kind: kind('init'), ...outcome }),
  record({ kind: kind('snapshot'), snapshot: bytes }),
  record({ kind: kind('restore'), ...outcome }),
  record({ kind: kind('error'), error: textArbitrary }),
  ...shared,
);

// ---- the same as protobufjs's own objects, int64 as decimal text ----

function rawOf(message: Request | Response): object {
  const { kind, ...content } = message;
  const raw = mapValues(content as Record<string, unknown>, (value) =>
    typeof value === 'bigint' ? value.toString() : value instanceof Uint8Array ? [...value] : value,
  );
  if (message.kind === 'info' && 'wants' in message) {
    const { wants, provides, options } = message;
    const infos = mapValues(options, (types) => ({ valueTypes: types.map((type) => type.toUpperCase()) }));
    return { info: { wants: wants.toUpperCase(), provides: provides.toUpperCase(), options: infos } };
  }
  if (message.kind === 'init' && 'options' in message) {
    const options = message.options.map(({ name, args }) => ({ name, values: args.map(rawArgument) }));
    return { init: { ...raw, options } };
  }
  if (message.kind === 'point') return { point: { ...raw, fieldsInt: mapValues(message.fieldsInt, String) } };
  return { [kind]: raw };
}

function rawArgument({ type, value }: OptionArgument): object {
  return { type: type.toUpperCase(), [`${type}Value`]: typeof value === 'bigint' ? value.toString() : value };
}

const asRaw = { longs: String, enums: String, defaults: true, bytes: Array } as const;

const decodedBy = (type: typeof oracle.Request, payload: Uint8Array): object =>
  type.toObject(type.decode(payload), asRaw);

/** Bytes may be a Buffer or not. */
const comparable = (message: Request | Response): object =>
  'snapshot' in message ? { ...message, snapshot: [...message.snapshot] } : message;

const payloadOf = (frame: Buffer): Buffer => {
  const found = payloads([frame]);
  assert.equal(found.length, 1);
  return found[0]!;
};

describe('a message', { timeout: propertyTimeout }, () => {
  it('to an agent is encoded so that protobufjs and we ourselves read it back', () => {
    fc.assert(
      fc.property(requestArbitrary, (request) => {
        const payload = payloadOf(encodeRequest(request));
        assert.deepEqual(decodedBy(oracle.Request, payload), rawOf(request));
        assert.deepEqual(comparable(decodeRequest(payload)), comparable(request));
      }),
      runs(400),
    );
  });

  it('of an agent is encoded so that protobufjs and we ourselves read it back', () => {
    fc.assert(
      fc.property(responseArbitrary, (response) => {
        const payload = payloadOf(encodeResponse(response));
        assert.deepEqual(decodedBy(oracle.Response, payload), rawOf(response));
        assert.deepEqual(comparable(decodeResponse(payload)), comparable(response));
      }),
      runs(400),
    );
  });

  it('that carries data has the same bytes in both directions', () => {
    fc.assert(
      fc.property(fc.oneof(...shared), (message) => {
        assert.deepEqual(encodeRequest(message), encodeResponse(message));
      }),
      runs(100),
    );
  });

  it('that is a point is decoded whole as protobufjs decodes it, however odd its bytes', () => {
    fc.assert(
      fc.property(pointArbitrary, (body) => {
        assert.deepEqual(decodeRequest(bytesField(17, body)), { kind: 'point', ...oraclePoint(body) });
      }),
      runs(200),
    );
  });

  it('with an empty snapshot has bytes for it, none of them', () => {
    for (const snapshot of [decodeRequest(bytesField(5, '')), decodeResponse(bytesField(4, ''))]) {
      expect(snapshot).toMatchObject({ snapshot: new Uint8Array() });
    }
  });

  it('with several members is the last of them', () => {
    const payload = Buffer.concat([bytesField(1, ''), bytesField(3, varintField(1, 7)), bytesField(4, '')]);
    expect(decodeRequest(payload)).toEqual({ kind: 'snapshot' });
    expect(decodeRequest(payload.subarray(0, -2))).toEqual({ kind: 'keepalive', time: 7n });
  });

  it('with text that is not UTF-8 is read with U+FFFD in place of what is broken', () => {
    const latin1 = Buffer.from('Köln', 'latin1');
    const tags = bytesField(3, Buffer.concat([bytesField(1, 'city'), bytesField(2, latin1)]));
    expect(decodeRequest(bytesField(16, Buffer.concat([bytesField(2, latin1), tags])))).toMatchObject({
      kind: 'begin',
      group: 'K\ufffdln',
      tags: { city: 'K\ufffdln' },
    });
  });
});

describe('an argument of an option', () => {
  const init = (...values: readonly Buffer[]): Buffer =>
    bytesField(
      2,
      bytesField(1, Buffer.concat([bytesField(1, 'size'), ...values.map((value) => bytesField(2, value))])),
    );

  it('without a value is the empty one of its type', () => {
    const values = [0, 1, 2, 3, 4].map((type) => varintField(1, type));
    expect(decodeRequest(init(...values))).toMatchObject({
      options: [
        {
          name: 'size',
          args: [
            { type: 'bool', value: false },
            { type: 'int', value: 0n },
            { type: 'double', value: 0 },
            { type: 'string', value: '' },
            { type: 'duration', value: 0n },
          ],
        },
      ],
    });
  });

  it('is refused when its type and the way it is stored contradict each other', () => {
    const contradiction = Buffer.concat([varintField(1, 1), bytesField(5, 'ten')]);
    expect(() => decodeRequest(init(contradiction))).toThrow(
      expect.objectContaining({
        code: 'malformed',
        message: "an option's value is typed int but stored as stringValue",
      }),
    );
  });

  it('is refused when its type is none that the protocol knows', () => {
    expect(() => decodeRequest(init(varintField(1, 5)))).toThrow(
      expect.objectContaining({ code: 'malformed', message: 'an enum has no value 5' }),
    );
  });
});

describe('what is no message', () => {
  it.each([
    ['an empty request', decodeRequest, '', 'a request holds no message that this protocol knows'],
    ['an empty response', decodeResponse, '', 'a response holds no message that this protocol knows'],
    [
      'a request of a newer protocol',
      decodeRequest,
      bytesField(99, 'x'),
      'a request holds no message that this',
    ],
    [
      'a response of another number',
      decodeResponse,
      bytesField(7, ''),
      'a response holds no message that this',
    ],
    [
      'an error, which no agent is sent',
      decodeRequest,
      bytesField(6, ''),
      'a request holds no message that this',
    ],
    ['a cut request', decodeRequest, Buffer.of(0x12, 0x05), 'these bytes are not a Request message'],
    ['a cut response', decodeResponse, Buffer.of(0x12, 0x05), 'these bytes are not a Response message'],
  ])('is refused as malformed: %s', (_, decode, payload, message) => {
    const call = () => decode(Buffer.from(payload));
    expect(call).toThrow(expect.objectContaining({ code: 'malformed' }));
    expect(call).toThrow(message);
  });
});
