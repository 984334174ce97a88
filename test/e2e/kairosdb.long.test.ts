import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesOf, greenButtonFeed } from '../support/green-button.js';
import { cliCommand } from './support/cli.js';
import { Kairosdb, kairosMissing, kairosTitle } from './support/kairosdb.js';
import { until } from './support/until.js';

describe.skipIf(kairosMissing !== undefined)(kairosTitle('Feeding a real KairosDB'), () => {
  let folder: string;
  let kairosdb: Kairosdb;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ku-kairos-'));
    kairosdb = await Kairosdb.start(join(folder, 'kairosdb'));
  }, 70_000);

  afterAll(async () => {
    await kairosdb.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  /** Starts a feed; what it prints comes with its end. */
  function feed(
    args: readonly string[],
    query = '',
    env: Readonly<Record<string, string>> = {},
    to = kairosdb,
  ) {
    const [command, script] = cliCommand();
    const child = spawn(command, [script, 'feed', ...args, '--url', `kairosdb+${to.url}${query}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const ended = once(child, 'exit').then(([code]) => ({ code: code as number, said }));
    return { ended, said: () => said };
  }

  function file(name: string, lines: readonly string[]): string {
    const path = join(folder, name);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  }

  /** Other stores than the embedded one write after KairosDB has answered. */
  const countIs = (metric: string, expected: number) =>
    until(`${expected} of ${metric} are stored`, async () => (await kairosdb.count(metric)) === expected);

  it('stores every type, sign, size and name as it was written', async () => {
    const text = 'x'.repeat(254); // the longest of the embedded store
    const path = file('types.lp', [
      'types,h=a v=231.5,z=-0,tiny=5e-324,huge=1.7976931348623157e308,max=9223372036854775807i,on=t,off=f,s="a\\"b 😀 12" -1000000',
      `types,h=a s="${text}" 3000000`,
      'o\\ d:d\\=ü,k\\ e:y=v\\ a:l\\=ü f\\ i:e\\=ld=1 0',
    ]);
    expect((await feed([path]).ended).said).toMatch(/^3 points written; /m);
    await countIs('types.s', 2);
    await countIs('o d:d=ü.f i:e=ld', 1);
    const values = async (metric: string) =>
      (await kairosdb.series(metric)).flatMap((series) => series.values);
    expect(await values('types.v')).toEqual([[-1, 231.5]]);
    expect(await values('types.z')).toEqual([[-1, -0]]);
    expect(await values('types.tiny')).toEqual([[-1, 5e-324]]);
    expect(await values('types.huge')).toEqual([[-1, Number.MAX_VALUE]]);
    expect(await values('types.max')).toEqual([[-1, Number(9223372036854775807n)]]);
    expect(await values('types.on')).toEqual([[-1, 1]]);
    expect(await values('types.off')).toEqual([[-1, 0]]);
    expect(await values('types.s')).toEqual([
      [-1, 'a"b 😀 12'],
      [3, text],
    ]);
    expect((await kairosdb.series('o d:d=ü.f i:e=ld'))[0]!.tags).toEqual({ 'k e:y': ['v a:l=ü'] });
  });

  it('stores an empty text, or names it where the version of KairosDB refuses it', async () => {
    const { code, said } = await feed([
      file('empty.lp', ['empty,h=a s="" 1000000', 'empty,h=a s="x" 2000000']),
    ]).ended;
    if (code !== 0) expect(said).toMatch(/empty\.lp, line 1: refused: HTTP 400: empty\.s.* may not be empty/);
    await countIs('empty.s', code === 0 ? 2 : 1);
  });

  it('names what KairosDB refuses by file and line, and all others arrive', async () => {
    const lines = Array.from({ length: 3_000 }, (_, index) => `mixed,h=a v=${index} ${index}000000`);
    lines[1_234] = 'mixed v=1 0';
    lines[2_345] = 'mixed v=2,w=3 0';
    lines[2_999] = 'mixed,h=a v=1 1';
    const path = file('mixed.lp', lines);
    const { code, said } = await feed([path]).ended;
    expect(code).toBe(1);
    expect(said).toMatch(
      /mixed\.lp, line 1235: refused: HTTP 400: mixed\.v: tags count must be greater than/,
    );
    expect(said).toMatch(/mixed\.lp, line 2346: refused: HTTP 400: mixed\.v: .*HTTP 400: mixed\.w: /);
    expect(said).toMatch(/mixed\.lp, line 3000: refused: KairosDB stores milliseconds/);
    expect(said).toContain('2,997 points written, 3 refused');
    await countIs('mixed.v', 2_997);

    expect(await feed([path], '?tag=h=b&precision=ms').ended).toMatchObject({ code: 0 });
    await until('points without tags have the default one', async () => {
      const series = await kairosdb.series('mixed.v');
      return series.length === 2 && series[1]!.tags.h![0] === 'b';
    });
  });

  it('loses nothing and stores nothing twice when the server is away at first, with and without a spool', async () => {
    const points = 6_000;
    for (const name of ['waiting', 'spooling']) {
      const path = file(
        `${name}.lp`,
        Array.from({ length: points }, (_, index) => `${name},h=a v=${index}i ${index}000000`),
      );
      const spool = join(folder, `${name}.spool`);
      mkdirSync(spool);
      await kairosdb.stop(); // before: stopped under load, KairosDB may lose what it has confirmed
      const { ended, said } = feed([
        ...[path, '--batch', '200'],
        ...(name === 'spooling' ? ['--spool', spool] : []),
      ]);
      await until('the feed has noticed', () =>
        Promise.resolve(said().includes('the server does not answer')),
      );
      await kairosdb.restart();
      expect(await ended).toMatchObject({ code: 0 });
      expect((await ended).said).toContain(`${points.toLocaleString('en')} points written`);
      await countIs(`${name}.v`, points);
    }
  }, 120_000);

  it('takes a Green Button feed, and its corrections in place of what they correct', async () => {
    const readings = Array.from({ length: 96 }, (_, index) => ({ start: index * 900, value: index }));
    const path = join(folder, 'feed.xml');
    for (const value of [1, 5]) {
      const corrected = [{ start: 0, value }, ...readings.slice(1)];
      writeFileSync(path, greenButtonFeed(entriesOf({ readings: corrected })));
      expect(await feed([path]).ended).toMatchObject({ code: 0 });
      await until(`the first reading is of ${value}`, async () => {
        const [series] = await kairosdb.series('interval_reading.value');
        return series?.values.length === 96 && Number(series.values[0]![1]) > (value === 1 ? 0 : 0.004);
      });
    }
    expect(await kairosdb.count('interval_reading.value')).toBe(96);
  });

  it('signs in with user and password, and says where they belong', async () => {
    const secured = await Kairosdb.start(join(folder, 'secured'), 'the-password');
    try {
      const path = file('secret.lp', ['m,h=a v=1 0']);
      expect(await feed([path], '', {}, secured).ended).toEqual({
        code: 1,
        said: expect.stringContaining('set KAIROSDB_USERNAME and KAIROSDB_PASSWORD') as string,
      });
      const env = { KAIROSDB_USERNAME: 'feeder', KAIROSDB_PASSWORD: 'the-password' };
      expect(await feed([path], '', env, secured).ended).toMatchObject({ code: 0 });
    } finally {
      await secured.stop();
    }
  }, 70_000);
});
