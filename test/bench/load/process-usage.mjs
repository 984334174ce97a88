import { readdirSync, readFileSync } from 'node:fs';

/** The CPU seconds that a process has used so far, all its threads; undefined where the system does not tell. */
export function cpuSeconds(pid) {
  return precise(pid) ?? coarse(pid);
}

/** To the nanosecond, where the kernel keeps count of each thread. */
function precise(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const spent = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]),
    );
    return spent.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e9;
  } catch {
    return undefined;
  }
}

/** In ticks of a hundredth of a second. */
function coarse(pid) {
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
