import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RevivalJournal } from '../../../src/tasks/watch/revival-journal.js';
import { tempDir } from '../../support/temp-dir.js';

const url = 'http://localhost:9092';
const revival = { begun: '2026-01-01T00:00:00.000Z', before: '2026-01-01T00:00:00Z' };

function journalIn(file: string | undefined): { journal: RevivalJournal; problems: string[] } {
  const problems: string[] = [];
  return { journal: new RevivalJournal(file, (problem) => problems.push(problem)), problems };
}

describe('the journal of revivals', () => {
  it('is what the next process reads', () => {
    const file = join(tempDir(), 'revivals.json');
    const { journal } = journalIn(file);
    journal.setConnected(url, new Map([['adsl', 'r1']]));
    journal.begin(url, 'adsl', revival);
    journal.begin(url, '__proto__', { ...revival, disabled: '2026-01-01T00:00:01Z' });
    journal.begin(url, 'done', revival);
    journal.end(url, 'done');

    const { journal: next, problems } = journalIn(file);
    expect(next.connectedRevision(url, 'adsl')).toBe('r1');
    expect([...next.pending(url)]).toEqual([
      ['adsl', revival],
      ['__proto__', { ...revival, disabled: '2026-01-01T00:00:01Z' }],
    ]);
    expect(next.pending('http://other:9092').size).toBe(0);
    expect(next.connectedRevision(url, 'constructor')).toBeUndefined();
    expect(problems).toEqual([]);
  });

  it('is in memory only without a file', () => {
    const { journal } = journalIn(undefined);
    journal.begin(url, 'adsl', revival);
    expect([...journal.pending(url).keys()]).toEqual(['adsl']);
  });

  it.each([
    '{',
    '[]',
    'null',
    '{"version":2,"kapacitors":{}}',
    '{"version":1,"kapacitors":{"u":{"connected":[]}}}',
  ])('is written anew if it cannot be read, which is told: %s', (text) => {
    const file = join(tempDir(), 'revivals.json');
    writeFileSync(file, text);
    const { journal, problems } = journalIn(file);
    expect(problems).toEqual([expect.stringContaining(`${file} cannot be read`)]);
    journal.begin(url, 'adsl', revival);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1 });
  });

  it('never throws, whatever JSON is in the file', () => {
    const file = join(tempDir(), 'revivals.json');
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (json, isKapacitor) => {
        writeFileSync(file, isKapacitor ? `{"version":1,"kapacitors":{"${url}":${json}}}` : json);
        const { journal } = journalIn(file);
        expect(journal.pending(url)).toBeInstanceOf(Map);
      }),
    );
  });

  it('is told once to be unwritable, and revivals go on', () => {
    const file = join(tempDir(), 'revivals.json');
    mkdirSync(`${file}.part`);
    const { journal, problems } = journalIn(file);
    journal.begin(url, 'one', revival);
    journal.begin(url, 'two', revival);
    expect(problems).toEqual([expect.stringContaining('cannot be written')]);
    expect([...journal.pending(url).keys()]).toEqual(['one', 'two']);
  });
});
