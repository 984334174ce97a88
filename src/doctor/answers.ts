import type { ExpectedSocket, Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('timeout');

/** Kapacitor does not start with a `timeout` up to this. */
const minTimeoutMs = 1;
/** Below this, a collection of garbage or a busy machine may be taken for a dead UDF. */
const safeTimeoutMs = 1_000;
/** A keepalive is requested after half of the `timeout`. */
const maxAnswerShare = 1 / 2;
/** An idle UDF that takes this much of its `timeout` takes more under load. */
const safeAnswerShare = 1 / 10;

/** Compares the `timeout` of each UDF with the time that it takes to answer now. */
export function checkTimeouts({ settings, sockets, processes }: Facts): Finding[] {
  if (!settings) return [];
  const missing = [...sockets, ...processes].flatMap(({ name, timeoutMs }) => {
    if (timeoutMs !== undefined && timeoutMs > minTimeoutMs) return [];
    const what =
      timeoutMs === undefined
        ? 'has no timeout, or one that is no duration'
        : `has a timeout of ${timeoutMs} ms`;
    return [
      finding(
        'error',
        `[udf.functions.${name}]`,
        `it ${what}: Kapacitor does not start`,
        'write timeout = "10s" into the section',
      ),
    ];
  });
  return [...missing, ...sockets.flatMap(shortTimeout)];
}

function shortTimeout({ name, timeoutMs, answer }: ExpectedSocket): Finding[] {
  if (timeoutMs === undefined || timeoutMs <= minTimeoutMs) return [];
  const where = `[udf.functions.${name}]`;
  const remedy = 'write timeout = "10s" into the section, then restart Kapacitor';
  if (answer.ok && answer.ms >= timeoutMs * maxAnswerShare) {
    return [
      finding(
        'error',
        where,
        `its timeout is ${timeoutMs} ms, and the UDF took ${answer.ms} ms to answer: Kapacitor ends its tasks`,
        remedy,
      ),
    ];
  }
  if (answer.ok && answer.ms >= timeoutMs * safeAnswerShare) {
    return [
      finding(
        'warning',
        where,
        `its timeout is ${timeoutMs} ms, and the idle UDF took ${answer.ms} ms to answer: under load it may be too late`,
        remedy,
      ),
    ];
  }
  if (timeoutMs >= safeTimeoutMs) return [];
  return [
    finding(
      'warning',
      where,
      `its timeout is ${timeoutMs} ms: a busy machine may take longer, and Kapacitor then ends its tasks`,
      remedy,
    ),
  ];
}
