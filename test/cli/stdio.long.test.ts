import { describe, expect, test } from 'vitest';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { adslChanges, adslPoints } from '../support/adsl.js';
import { encodeRequest } from '../../src/wire/messages.js';
import { Cli } from '../support/spawn-cli.js';
import { spawnUnread, stdioKindNames, stdioKinds } from '../support/stdio-cli.js';
import { pointRequest } from '../support/udf-messages.js';

const module = (name: string): string => fileURLToPath(new URL(`modules/${name}`, import.meta.url));
const field = { name: 'field', args: [{ type: 'string', value: 'value' }] } as const;

describe.each(stdioKindNames)('stdio over %s', (kind) => {
  const start = stdioKinds[kind];

  test('detects the six changes of the ADSL router and exits with 0', async () => {
    const { cli, kapacitor } = start(['edgeDetect']);
    await kapacitor.init([field]);
    kapacitor.send(...adslPoints.map(pointRequest));
    await kapacitor.end();
    expect(kapacitor.points.map(({ time, fields }) => [time, fields.value])).toEqual(adslChanges);
    expect(await cli.ended).toEqual({ code: 0, signal: null });
  });

  test('whatever a UDF prints, standard output carries frames only', async () => {
    const { cli, kapacitor } = start(['printing', '--load', module('printing.mjs')]);
    await kapacitor.init();
    kapacitor.send(...adslPoints.slice(0, 2).map(pointRequest));
    await kapacitor.end();
    expect(kapacitor.responses.map(({ kind }) => kind)).toEqual(['init', 'point', 'point']);
    expect(await cli.ended).toEqual({ code: 0, signal: null });
    for (const way of [
      'console.log',
      'console.info',
      'process.stdout.write',
      'fs.writeSync',
      'child process',
    ]) {
      expect(cli.stderr).toContain(`${way} at import\n`);
      expect(cli.stderr).toContain(`${way} with a point\n`);
    }
  });

  test('exits with 1 when the options are refused', async () => {
    const { cli, kapacitor } = start(['edgeDetect']);
    await expect(kapacitor.init()).rejects.toThrow('one of .field() or .tag() is required');
    await kapacitor.closed();
    expect(await cli.ended).toEqual({ code: 1, signal: null });
  });

  test('serves on after SIGTERM until Kapacitor, which gets it too, has sent its last points', async () => {
    const { cli, kapacitor } = start(['mirror']);
    await kapacitor.init();
    cli.process.kill('SIGTERM');
    await cli.untilLogged('stopping');
    kapacitor.send(...adslPoints.map(pointRequest));
    await kapacitor.end();
    expect(kapacitor.points).toHaveLength(adslPoints.length);
    expect(await cli.ended).toEqual({ code: 0, signal: null });
  });
});

describe('stdio', () => {
  const start = stdioKinds.pipes;

  test('answers Info and exits with 0 when Kapacitor closes, as it does when it starts', async () => {
    const { cli, kapacitor } = start(['mirrorBatch']);
    kapacitor.send({ kind: 'info' });
    expect(await kapacitor.next('info')).toMatchObject({ wants: 'batch', provides: 'batch' });
    await kapacitor.end();
    expect(await cli.ended).toEqual({ code: 0, signal: null });
  });

  test('exits with 1 after bytes that are no message', async () => {
    const { cli, kapacitor } = start(['mirror']);
    kapacitor.input.write(Buffer.alloc(100, 'G'));
    expect((await kapacitor.next('error')).error).toContain('not a Request message');
    expect(await cli.ended).toEqual({ code: 1, signal: null });
  });

  test('exits with 1 when the stream ends in the middle of a message', async () => {
    const { cli, kapacitor } = start(['mirror']);
    await kapacitor.init();
    kapacitor.input.end(Buffer.of(100, 1));
    expect(await cli.ended).toEqual({ code: 1, signal: null });
  });

  test('exits with 0 after SIGTERM and the drain time when Kapacitor does not end the conversation', async () => {
    const { cli, kapacitor } = start(['mirror', '--drain-ms', '50']);
    await kapacitor.init();
    expect(await cli.stop()).toEqual({ code: 0, signal: null });
    await kapacitor.closed();
  });

  test.each([
    ['pipes', 'the end of its input'],
    ['pipes', 'SIGTERM'],
    ['sockets', 'the end of its input'],
    ['sockets', 'SIGTERM'],
  ] as const)(
    'over %s ends at the drain time after %s though its output is not read',
    async (kind, cause) => {
      const { cli: child, input } = spawnUnread[kind](['mirror', '--drain-ms', '300']);
      const frames = Buffer.concat(adslPoints.map((point) => encodeRequest(pointRequest(point))));
      input.on('error', () => undefined); // what is left when the child ends cannot be written
      input.write(encodeRequest({ kind: 'init', options: [], taskID: 't', nodeID: 'n' }));
      for (let copy = 0; copy < 500; copy++) input.write(frames); // far more than a pipe holds
      if (cause === 'SIGTERM') {
        await child.untilLogged('task started');
        child.process.kill('SIGTERM');
      } else {
        input.end();
      }
      expect(await child.ended).toEqual({ code: 1, signal: null });
      expect(child.logged('the conversation is cut off')).toBe(true);
    },
  );

  test('exits with 1 at once after a second signal', async () => {
    const { cli, kapacitor } = start(['mirror', '--drain-ms', '60000']);
    await kapacitor.init();
    cli.process.kill('SIGINT');
    await cli.untilLogged('stopping');
    expect(await cli.stop('SIGINT')).toEqual({ code: 1, signal: null });
  });

  test('logs what nobody caught with its stack and exits with 1', async () => {
    const { cli, kapacitor } = start(['bomb', '--load', module('bomb.mjs')]);
    await kapacitor.init();
    kapacitor.send(pointRequest(adslPoints[0]!));
    expect(await cli.ended).toEqual({ code: 1, signal: null });
    const [entry] = cli.log.filter(({ level }) => level === 'error');
    expect(entry!.msg).toMatch(/^exits: uncaught error: boom \(UDF bomb \(/);
    expect(JSON.stringify(entry)).toContain('bomb.mjs:');
  });

  test('ends with one clear line and 2 when there is no such UDF', async () => {
    const { cli, kapacitor } = start(['mirorr']);
    expect(await cli.ended).toEqual({ code: 2, signal: null });
    expect(cli.stderr).toBe('kapacitor-udf: there is no UDF mirorr (did you mean mirror?)\n');
    expect(kapacitor.responses).toEqual([]);
  });
});

test('exits with 1 and one line where standard output cannot be written', async () => {
  const requests = fileURLToPath(
    new URL('../recordings/kapacitor-1.5.7-adsl-mirror.requests', import.meta.url),
  );
  const [input, output] = [openSync(requests, 'r'), openSync('/dev/full', 'w')];
  const cli = new Cli(['stdio', 'mirror'], { stdio: [input, output, 'pipe'] });
  closeSync(input);
  closeSync(output);
  expect(await cli.ended).toEqual({ code: 1, signal: null });
  expect(cli.log.filter(({ level }) => level !== 'info')).toEqual([
    expect.objectContaining({
      err: { code: 'connection', message: 'no space left on device' },
      msg: 'connection lost; what was not sent is lost with it',
    }),
  ]);
});
