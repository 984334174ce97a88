import { vi } from 'vitest';
import { runProgram } from '../../src/cli/program.js';

/** Runs a command line in this process; returns its exit code and output. Not reentrant. */
export async function run(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text, second?: unknown, third?: unknown) => {
      written[name] += String(text);
      const done = typeof second === 'function' ? second : third;
      if (typeof done === 'function') (done as () => void)();
      return true;
    }),
  );
  try {
    const code = await runProgram(args);
    return { code, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
