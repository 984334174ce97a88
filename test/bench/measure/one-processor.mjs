import { execFileSync } from 'node:child_process';

/**
 * Has these processes share one processor while something is done.
 *
 * Two processes that wait for each other take several times as long for a round trip on two processors as on one, since
 * a sleeping processor must be woken each time. Which it is, is the system's whim, and changes within a run: left to it,
 * the figures tell where a process ran, not what it did. Without `taskset` (util-linux) it is left to it.
 *
 * @template Result
 * @param {readonly number[]} pids
 * @param {() => Promise<Result>} use
 * @returns {Promise<Result>}
 */
export async function onOneProcessor(pids, use) {
  const before = pids.map((pid) => [pid, processors(pid)]);
  if (before.some(([, list]) => list === undefined)) return use();
  const one = /\d+/.exec(before[0][1])[0];
  for (const pid of pids) place(pid, one);
  try {
    return await use();
  } finally {
    for (const [pid, list] of before) place(pid, list);
  }
}

/** The processors that a process may run on, such as `0-3`; undefined if that cannot be told. */
function processors(pid) {
  try {
    return /: (\S+)$/.exec(taskset('-c', '-p', String(pid)).trim())?.[1];
  } catch {
    return undefined;
  }
}

function place(pid, list) {
  try {
    taskset('-a', '-c', '-p', list, String(pid));
  } catch {
    // It has ended.
  }
}

function taskset(...args) {
  return execFileSync('taskset', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
