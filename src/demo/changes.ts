import Table from 'cli-table3';
import { createKapacitorPeer } from '../peer/kapacitor-peer.js';
import { formatDuration } from '../model/duration.js';
import type { Point } from '../model/point.js';
import { readRecording } from './recording.js';
import type { Stage } from './stage.js';

const options = ".field('value').previousAs('was').durationAs('lasted').unit(1ns)";

/** The router's records as a table in which the changes that `edgeDetect` finds are marked. */
export async function showChanges(stage: Stage): Promise<string> {
  const records = readRecording('edge-detect', 'adsl.lp');
  const kapacitor = createKapacitorPeer(await stage.connect('edgeDetect'));
  await kapacitor.info();
  await kapacitor.init(options);
  for (const record of records) kapacitor.point(record);
  await kapacitor.keepalive();
  const { points } = await kapacitor.stop();

  const changes = new Map(points.map((point) => [point.time, point]));
  const table = new Table({
    head: ['time (ns)', 'value', 'change', 'the old state lasted'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const { time, fields } of records) {
    const change = changes.get(time);
    table.push([String(time), String(fields.value), change ? '*' : '', change ? oldState(change) : '']);
  }
  return [
    `@edgeDetect()${options} on ${records.length} records of an ADSL router:`,
    table.toString(),
    `${points.length} changes in ${records.length} records.`,
  ].join('\n');
}

function oldState(change: Point): string {
  const was = change.field('was');
  return was === undefined ? 'the first record' : `${String(was)} for ${lasted(change)}`;
}

/** Whole milliseconds are enough for a router that is polled every minute and a half. */
function lasted(change: Point): string {
  const nanoseconds = BigInt(Number(change.field('lasted')));
  return formatDuration(nanoseconds - (nanoseconds % 1_000_000n));
}
