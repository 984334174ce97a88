import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type FileReplay, replayFile, type ReplayFileOptions } from '../../src/replay/replay-file.js';
import { defineUdf } from '../../src/udf/definition.js';
import { edgeDetect, mirror, movingAverage } from '../../udfs/index.js';
import { tempDir } from '../support/temp-dir.js';

const adsl = fileURLToPath(
  new URL('../../udfs/edge-detect/recordings/kapacitor-1.5.7-adsl.srpl', import.meta.url),
);

/** Replays lines of a format, and returns the result and what went to standard output. */
async function replayText(
  text: string,
  options: ReplayFileOptions,
  format: 'lp' | 'csv' = 'lp',
): Promise<FileReplay & { readonly stdout: string }> {
  let stdout = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      stdout += chunk.toString();
      done();
    },
  });
  const result = await replayFile(Readable.from([Buffer.from(text)]), {
    stdout: stream,
    ...options,
    reading: { name: 'text', format, groupBy: '*', ...options.reading },
  });
  return { ...result, stdout };
}

describe('the replay of a file', () => {
  it('writes, compares and shows in one go, and returns what was counted', async () => {
    const directory = tempDir();
    const [out, golden, html] = ['out.lp', 'golden.lp', 'page.html'].map((name) => join(directory, name));
    const options = { agent: { udf: edgeDetect }, set: ['field=value'], expect: golden!, html: html! };
    const updated = await replayFile(adsl, { ...options, out: out!, update: true });
    expect(updated).toMatchObject({
      pointsIn: 17,
      pointsOut: 6,
      errors: 0,
      counters: {},
      malformed: 0,
      unwritable: 0,
      difference: [],
      hints: [],
      notOnPage: 0,
    });
    expect(readFileSync(golden!, 'utf8')).toBe(readFileSync(out!, 'utf8'));
    expect(readFileSync(html!, 'utf8')).toContain('17 points in');
    const { difference } = await replayFile(adsl, {
      ...options,
      set: ['field=value', 'emitFirst=FALSE'],
    });
    expect(difference.slice(0, 4)).toEqual([
      `--- ${golden!}`,
      '+++ emitted',
      '@@ -1,4 +1,3 @@',
      '-adsl_connection,host=router1 value="SHOWTIME" 1514979051065000000',
    ]);
  });

  it('tells the page which fields the options name, defaults included', async () => {
    const html = join(tempDir(), 'page.html');
    await replayText('m down=1,up=2 1', {
      agent: { udf: movingAverage },
      set: ['field=down', 'size=3'],
      html,
    });
    const page = readFileSync(html, 'utf8');
    expect(page).toContain(
      '"udf":"movingAverage","options":".field(\'down\').size(3)","counts":["1 point in","1 point out","0 errors"]',
    );
    expect(page).toContain('"inputFields":["down"],"emittedFields":["avg","down"]');
  });

  it('refuses a page that cannot be written before it reads', async () => {
    const agent = { udf: edgeDetect };
    const replaying = replayFile('absent.lp', { agent, html: join(tempDir(), 'absent', 'page.html') });
    await expect(replaying).rejects.toThrow(/page\.html: .*make its directory first/);
  });

  it("counts with the UDF's own counters", async () => {
    const { counters } = await replayText('m v=1 1\nm w=1 2\nm w=1 3', {
      agent: { udf: edgeDetect },
      set: ['field=v'],
    });
    expect(counters).toEqual({ missing: 2 });
  });

  describe('of values that the output cannot hold', () => {
    const csv = 'name,time,kw\nmeter,1,1\nmeter,2,NaN\nmeter,3,3\nmeter,4,5\n';
    const average = { agent: { udf: movingAverage }, set: ['field=kw', 'size=2'] };

    it('stops there, and leaves the file as it was', async () => {
      const out = join(tempDir(), 'kept.lp');
      writeFileSync(out, 'as it was');
      await expect(replayText(csv, { ...average, out }, 'csv')).rejects.toThrow(
        'line protocol cannot hold NaN, the value of field "avg" (the point of group "" at 2)',
      );
      expect(readFileSync(out, 'utf8')).toBe('as it was');
    });

    it('leaves them out and counts them with skipBad, in the output and in the golden', async () => {
      const golden = join(tempDir(), 'golden.lp');
      const problems: string[] = [];
      const options = {
        ...average,
        reading: { skipBad: true },
        onSkipped: ({ message }: Error) => problems.push(message),
      };
      const { stdout, unwritable } = await replayText(csv, options, 'csv');
      expect({ stdout, unwritable }).toEqual({ stdout: 'meter avg=1 1\nmeter avg=4 4\n', unwritable: 2 });
      expect(problems).toHaveLength(2);
      const updated = await replayText(csv, { ...options, expect: golden, update: true }, 'csv');
      expect(updated.unwritable).toBe(2);
      expect(readFileSync(golden, 'utf8')).toBe(stdout);
    });

    it('leaves out nothing where the format holds them', async () => {
      const { stdout, unwritable } = await replayText(
        csv,
        { ...average, reading: { skipBad: true }, format: 'json' },
        'csv',
      );
      expect(unwritable).toBe(0);
      expect(stdout.split('\n')).toHaveLength(5);
    });
  });

  describe('of options that name a field', () => {
    const hintsOf = async (text: string, ...set: string[]) =>
      (await replayText(text, { agent: { udf: edgeDetect }, set })).hints;

    it('hints at one that no point has', async () => {
      expect(await hintsOf('m value=1,w=2 1', 'field=velue')).toEqual([
        'option field: no point has a field velue (did you mean value?)',
      ]);
      expect(await hintsOf('m value=1,w=2 1', 'field=w', 'field=nosuch')).toEqual([
        'option field: no point has a field nosuch (they have value, w)',
      ]);
    });

    it('does not where one point has it, however late, or where there are no points', async () => {
      const late = `${Array.from({ length: 3_000 }, (_, at) => `m w=1 ${at}\n`).join('')}m v=1 3000`;
      expect(await hintsOf(late, 'field=v')).toEqual([]);
      expect(await hintsOf('', 'field=v')).toEqual([]);
    });
  });

  describe('of which nothing comes out', () => {
    const forgetful = (returns: boolean) =>
      defineUdf({
        name: 'forgetful',
        wants: 'stream',
        provides: 'stream',
        point: (point) => (returns ? point : undefined),
      });
    const hintsOf = async (returns: boolean, text: string) =>
      (await replayText(text, { agent: { udf: forgetful(returns) } })).hints;

    it('says what the handlers returned', async () => {
      expect(await hintsOf(false, 'm v=1 1\nm v=2 2')).toEqual([
        'point() returned nothing for 2 points, and nothing was emitted',
      ]);
    });

    it('says so of batches that come out empty, too', async () => {
      const udf = defineUdf({ name: 'forgetful', wants: 'batch', provides: 'batch', point: () => undefined });
      const { batchesOut, hints } = await replayText('m v=1 1\nm v=2 2', { agent: { udf } });
      expect(batchesOut).toBeGreaterThan(0);
      expect(hints).toEqual(['point() returned nothing for 2 points, and nothing was emitted']);
    });

    it('does not where something came out, or nothing went in', async () => {
      expect(await hintsOf(true, 'm v=1 1')).toEqual([]);
      expect(await hintsOf(false, '')).toEqual([]);
    });
  });

  describe('refuses one file for two purposes before it writes', () => {
    const agent = { udf: mirror };

    it('the recording and an output, also by another name', async () => {
      const directory = tempDir();
      const [recording, link] = [join(directory, 'in.lp'), join(directory, 'link.lp')];
      writeFileSync(recording, 'm v=1 1\n');
      symlinkSync(recording, link);
      for (const options of [{ out: link }, { html: link }, { expect: link, update: true }]) {
        await expect(replayFile(recording, { agent, ...options })).rejects.toMatchObject({
          code: 'usage',
          message: expect.stringContaining(`${link} is the same file as the recording`) as string,
        });
      }
      expect(readFileSync(recording, 'utf8')).toBe('m v=1 1\n');
    });

    it('two outputs, whether the file exists or not', async () => {
      const directory = tempDir();
      const path = join(directory, 'x.lp');
      const other = join(directory, '.', 'x.lp');
      for (const options of [
        { out: path, html: other },
        { out: path, expect: other },
        { expect: path, html: other },
      ]) {
        await expect(replayFile(adsl, { agent, ...options })).rejects.toMatchObject({ code: 'usage' });
        expect(existsSync(path)).toBe(false);
      }
    });

    it('but compares a recording with itself, and writes twice to a device', async () => {
      const recording = join(tempDir(), 'in.lp');
      writeFileSync(recording, 'm v=1 1\n');
      const { difference } = await replayFile(recording, { agent, expect: recording });
      expect(difference).toEqual([]);
      const devices = { out: '/dev/null', format: 'lp', html: '/dev/null' } as const;
      expect(await replayFile(recording, { agent, ...devices })).toMatchObject({ pointsOut: 1 });
    });
  });

  it('misses a golden file before it writes anything', async () => {
    const directory = tempDir();
    const [out, golden] = [join(directory, 'out.lp'), join(directory, 'golden.lp')];
    await expect(replayFile(adsl, { agent: { udf: mirror }, out, expect: golden })).rejects.toThrow(
      `cannot read ${golden}: there is no such file; --update writes it`,
    );
    expect(existsSync(out)).toBe(false);
  });

  it('ends with what a UDF fails on, and leaves no part of a file', async () => {
    const failing = defineUdf({
      name: 'failing',
      wants: 'stream',
      provides: 'stream',
      point() {
        throw new Error('no way');
      },
    });
    const out = join(tempDir(), 'out.lp');
    await expect(replayText('m v=1 1', { agent: { udf: failing }, out })).rejects.toThrow('no way');
    expect(readdirSync(dirname(out)).filter((name) => name.startsWith(basename(out)))).toEqual([]);
  });
});
