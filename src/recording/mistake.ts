/** What is wrong with a line, and at which byte. */
export class Mistake extends Error {
  override readonly name = 'Mistake';
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}
