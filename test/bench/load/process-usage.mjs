import { readFileSync } from 'node:fs';

/**
 * The CPU seconds that a process has used so far, in hundredths; undefined where the system does not tell. Includes threads
 * that have ended, such as the worker of a connection that is closed: a sum over `/proc/PID/task` would lose theirs.
 */
export function cpuSeconds(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return (Number(user) + Number(system)) / 100;
  } catch {
    return undefined;
  }
}

/** The bytes of memory that a process holds now; undefined where the system does not tell. */
export function residentBytes(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
  } catch {
    return undefined;
  }
}
