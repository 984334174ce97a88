/** What is wrong with a line, and at which byte. */
export class LineParseError extends Error {
  override readonly name = 'LineParseError';
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}
