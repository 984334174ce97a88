/** Writes a result to standard output, and waits until it is written: the process ends right after. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${text}\n`, () => {
      resolve();
    });
  });
}

/** As JSON that a person can read too. */
export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value, null, 2));
}
