import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { ConversationEntry } from '../../src/recording/conversation/format.js';
import { openConversationFile } from '../../src/recording/conversation/open.js';
import type { RecordedConversation } from '../../src/recording/conversation/reader.js';
import {
  type ConversationReplay,
  type ConversationReplayOptions,
  replayConversation,
} from '../../src/replay/replay-conversation.js';
import type { Transport } from '../../src/transport/transport.js';
import { defineUdf, type UdfDefinition } from '../../src/udf/definition.js';
import { encodeRequest, encodeResponse, type Request, type Response } from '../../src/wire/messages.js';
import { edgeDetect, mirror, movingAverage, outliers } from '../../udfs/index.js';
import { readBoth } from '../support/recorded.js';
import { scriptedAgent } from '../support/scripted-agent.js';

const pair = (name: string): string =>
  fileURLToPath(new URL(`../recordings/kapacitor-1.5.7-${name}.requests`, import.meta.url));

async function replay(
  conversation: RecordedConversation,
  udf: UdfDefinition | Transport,
  options: ConversationReplayOptions = {},
): Promise<ConversationReplay & { difference: string[] }> {
  const difference: string[] = [];
  const result = await replayConversation(conversation, udf, {
    onDifference: (line) => difference.push(line),
    ...options,
  });
  return { ...result, difference };
}

const request = (...messages: Request[]): ConversationEntry => ({
  kind: 'request',
  time: 1n,
  bytes: Buffer.concat(messages.map(encodeRequest)),
});
const response = (...messages: Response[]): ConversationEntry => ({
  kind: 'response',
  time: 2n,
  bytes: Buffer.concat(messages.map(encodeResponse)),
});
const init = request({ kind: 'init', taskID: 'task', nodeID: 'node2', options: [] });
const accepted = response({ kind: 'init', success: true, error: '' });
const point = (time: number, value: number, group = ''): Request & Response & { kind: 'point' } => ({
  kind: 'point',
  time: BigInt(time),
  name: 'cpu',
  database: '',
  retentionPolicy: '',
  group,
  dimensions: [],
  tags: {},
  fieldsDouble: { value },
  fieldsInt: {},
  fieldsString: {},
  fieldsBool: {},
  byName: false,
});

function conversationOf(...entries: readonly ConversationEntry[]): RecordedConversation {
  return {
    header: { udf: 'mirror' },
    // eslint-disable-next-line @typescript-eslint/require-await -- a reader's entries are asynchronous
    entries: (async function* () {
      yield* entries;
      yield { kind: 'request-end', time: 3n };
      yield { kind: 'response-end', time: 3n };
      yield { kind: 'close', time: 3n, problem: '' };
    })(),
  };
}

const changed = (change: (value: number) => number | undefined): UdfDefinition =>
  defineUdf({
    name: 'changed',
    wants: 'stream',
    provides: 'stream',
    point(point, { emit }) {
      const value = change(point.field('value') as number);
      if (value !== undefined) emit(point.withField('value', value));
    },
  });

describe('a conversation with a real Kapacitor, replayed', () => {
  test.each([
    ['adsl-mirror', mirror, 18],
    ['router-average', movingAverage, 40],
  ])('%s: our UDF answers as the one that was recorded', async (name, udf, points) => {
    const result = await replay(await openConversationFile(pair(name)), udf, { tolerance: 1e-12 });
    expect(result.difference).toEqual([]);
    expect(result).toMatchObject({ missing: 0, extra: 0, failure: undefined });
    expect(result.same).toBeGreaterThanOrEqual(points);
  });

  test('cpu-outliers: the other way of that agent to find quartiles is shown, batch by batch', async () => {
    const { failure, difference } = await replay(await openConversationFile(pair('cpu-outliers')), outliers);
    expect(failure).toBeUndefined();
    expect(difference.slice(0, 6)).toEqual([
      '  init accepted',
      '- begin of batch cpu,host=h0, 10 points',
      '- …,host=h0 value=5 1795344721000000000',
      '- …,host=h0 value=5 1795344761000000000',
      '- …,host=h0 value=6 1795344722000000000',
      '- …,host=h0 value=6 1795344762000000000',
    ]);
    expect(difference).toContain('+ begin of batch cpu,host=h0, 6 points');
  });
});

describe('a conversation that the proxy recorded between Kapacitor 1.5.7 and edgeDetect', () => {
  const file = fileURLToPath(
    new URL('replay-conversation/kapacitor-1.5.7-adsl-edge-detect.conversation', import.meta.url),
  );

  test('is answered the same, byte by byte, with the six changes', async () => {
    const { header, requests, responses } = await readBoth(file);
    expect(header).toMatchObject({ udf: 'edgeDetect' });
    expect(requests.filter(({ kind }) => kind === 'point')).toHaveLength(17);
    expect(responses.filter(({ kind }) => kind === 'point')).toHaveLength(6);
    expect(await replay(await openConversationFile(file), edgeDetect)).toMatchObject({
      task: 'adsl',
      node: 'edgeDetect2',
      same: 7,
      missing: 0,
      extra: 0,
      difference: [],
    });
  });

  test('shows what a changed UDF does otherwise', async () => {
    const { difference } = await replay(await openConversationFile(file), mirror);
    expect(difference[0]).toBe('- init accepted');
    expect(difference.at(-1)).toMatch(/^\+ init refused: mirror: unknown options? \.field\(\)/);
  });
});

describe('the difference', () => {
  const points = Array.from({ length: 20 }, (_, index) => point(index, index));

  test('shows point by point what is missing and what comes instead, with what is around it', async () => {
    const recorded = conversationOf(init, accepted, request(...points), response(...points));
    const result = await replay(
      recorded,
      changed((value) => (value === 10 ? 99 : value === 12 ? undefined : value)),
    );
    expect(result).toMatchObject({
      task: 'task',
      node: 'node2',
      requests: 21,
      same: 19,
      missing: 2,
      extra: 1,
    });
    expect(result.difference).toEqual([
      '  … 8 equal',
      ...[7, 8, 9].map((at) => `  cpu value=${at} ${at}`),
      '- cpu value=10 10',
      '+ cpu value=99 10',
      '  cpu value=11 11',
      '- cpu value=12 12',
      ...[13, 14, 15].map((at) => `  cpu value=${at} ${at}`),
    ]);
  });

  test('tells points apart that line protocol shows alike', async () => {
    const recorded = conversationOf(init, accepted, request(point(1, 1, 'a')), response(point(1, 1, 'b')));
    const { difference } = await replay(recorded, mirror);
    expect(difference).toContain('- cpu value=1 1    (group "b")');
    expect(difference).toContain('+ cpu value=1 1    (group "a")');
  });

  test('does not count the order of tags and fields', async () => {
    const one = { ...point(1, 1), tags: { a: '1', b: '2' }, fieldsDouble: { x: 1, y: 2 } };
    const other = { ...point(1, 1), tags: { b: '2', a: '1' }, fieldsDouble: { y: 2, x: 1 } };
    const result = await replay(conversationOf(init, accepted, request(one), response(other)), mirror);
    expect(result).toMatchObject({ same: 2, missing: 0, extra: 0 });
  });

  test('holds for long conversations, of which one side is behind or has nothing', async () => {
    const many = Array.from({ length: 30_000 }, (_, index) => point(index, index % 7));
    const entries: ConversationEntry[] = [];
    const behind = 5_000;
    for (let at = 0; at < many.length + behind; at += 500) {
      if (at < many.length) entries.push(request(...many.slice(at, at + 500)));
      const answered = many.slice(Math.max(0, at - behind), Math.max(0, at - behind + 500));
      entries.push(response(...answered.filter(({ fieldsDouble }) => fieldsDouble.value !== 3)));
    }
    const conversation = (): RecordedConversation => conversationOf(init, accepted, ...entries);
    const filtered = changed((value) => (value === 3 ? undefined : value));
    const { same, ...result } = await replay(conversation(), filtered);
    expect(result).toMatchObject({ missing: 0, extra: 0, requests: 30_001, difference: [] });
    const silent = changed(() => undefined);
    expect(await replay(conversation(), silent)).toMatchObject({ missing: same - 1, extra: 0 });
  });
});

describe('the failure says how the conversation ended before its time:', () => {
  test('one that refuses its options', async () => {
    const options = [{ name: 'nonsense', args: [] }];
    const asked = request({ kind: 'init', taskID: 'task', nodeID: 'node2', options });
    const result = await replay(
      conversationOf(asked, accepted, request(point(1, 1)), response(point(1, 1))),
      mirror,
    );
    expect(result.difference.filter((line) => !line.startsWith(' '))).toEqual([
      '- init accepted',
      '- cpu value=1 1',
      expect.stringMatching(/^\+ init refused: mirror: unknown option \.nonsense\(\)/),
    ]);
  });

  test('one that closes early', async () => {
    const agent = scriptedAgent({
      on: {
        point: (self) => {
          self.end();
        },
      },
    });
    const many = Array.from({ length: 10 }, (_, index) =>
      request(...Array.from({ length: 500 }, () => point(index, 1))),
    );
    const result = await replay(conversationOf(init, accepted, ...many), agent);
    expect(result.failure).toMatch(/^after \d+ requests: the agent closed the connection/);
  });

  test('one that closes on the last request, which Kapacitor had not', async () => {
    const agent = scriptedAgent({
      on: {
        point: (self) => {
          self.end();
        },
      },
    });
    const result = await replay(conversationOf(init, accepted, request(point(1, 1))), agent);
    expect(result.failure).toMatch(/^after 2 requests: .* closed the connection without answering info/);
  });

  test('one that sends what is no answer', async () => {
    const agent = scriptedAgent({
      on: {
        init: (self) => {
          self.write(Buffer.from([3, 0xff, 0xff, 0xff]));
        },
      },
    });
    const many = Array.from({ length: 10 }, () => request(...Array.from({ length: 500 }, () => point(1, 1))));
    const { failure } = await replay(conversationOf(init, accepted, ...many), agent);
    expect(failure).toMatch(
      /^after \d+ requests: .*\(task fails: Kapacitor ends the task with a read error\)$/,
    );
  });

  test('one that does not end', async () => {
    const agent = scriptedAgent({ halfClosed: () => undefined });
    const { failure } = await replay(conversationOf(init, accepted), agent, { answerTimeoutMs: 50 });
    expect(failure).toMatch(/^after 1 requests: the connection was not closed within 50 ms /);
  });
});
