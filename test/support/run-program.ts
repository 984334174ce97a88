import { vi } from 'vitest';
import { runProgram } from '../../src/cli/program.js';

/** Carries out a command line in this process: exit code, and what it wrote. One at a time. */
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
