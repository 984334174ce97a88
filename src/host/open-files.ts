import { readFileSync } from 'node:fs';

/** Descriptors that a host needs besides its connections. */
const reservedFiles = 64;

/**
 * A warning if the system's limit of open files is below what `maxConnections` needs; `undefined` otherwise, and where the
 * limit is not known. Beyond the limit new connections are closed before Node.js reports them.
 */
export function openFilesWarning(maxConnections: number): string | undefined {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined; // not Linux
  }
  const limit = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  if (limit >= maxConnections + reservedFiles) return undefined;
  return (
    `the system allows ${limit} open files: connections beyond that are closed silently, and maxConnections ` +
    `is ${maxConnections}; raise it (ulimit -n, LimitNOFILE)`
  );
}
