import Table from 'cli-table3';
import { createKapacitorPeer } from '../peer/kapacitor-peer.js';
import { formatDuration } from '../model/duration.js';
import type { Point } from '../model/point.js';
import type { DemoHost } from './demo-host.js';
import { readRecording } from './recordings.js';

const options = ".field('value').previousAs('was').durationAs('lasted').unit(1ns)";

/** Lists a router's records in a table that marks the changes found by `edgeDetect`. */
export async function showChanges(host: DemoHost): Promise<string> {
  const records = readRecording('edge-detect', 'adsl.lp');
  const kapacitor = createKapacitorPeer(await host.connect('edgeDetect'));
  await kapacitor.info();
  await kapacitor.init(options);
  for (const record of records) kapacitor.point(record);
  await kapacitor.keepalive();
  const { points } = await kapacitor.stop();

  const changes = new Map(points.map((point) => [point.time, point]));
  const table = new Table({
    head: ['time (UTC)', 'value', 'change', 'the old state lasted'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const { time, fields } of records) {
    const change = changes.get(time);
    table.push([
      formatTime(time),
      String(fields.value),
      change ? '*' : '',
      change ? formatOldState(change) : '',
    ]);
  }
  return [
    `@edgeDetect()${options}`,
    `on ${records.length} records of an ADSL router:`,
    table.toString(),
    `${points.length} changes in ${records.length} records.`,
  ].join('\n');
}

function formatOldState(change: Point): string {
  const was = change.field('was');
  return was === undefined ? 'the first record' : `${String(was)} for ${formatDurationOf(change)}`;
}

/** Rounds to seconds; the router is polled every 90 seconds. */
function formatDurationOf(change: Point): string {
  const seconds = Math.round(Number(change.field('lasted')) / 1e9);
  return formatDuration(BigInt(seconds) * 1_000_000_000n);
}

/** `2018-01-03 11:30:51`. */
function formatTime(nanoseconds: bigint): string {
  return new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ');
}
