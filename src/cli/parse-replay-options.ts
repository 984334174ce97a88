import { InvalidArgumentError } from 'commander';

/** `*`, or tags with commas between. */
export function tagList(text: string): readonly string[] | '*' {
  if (text === '*') return '*';
  const tags = text === '' ? [] : text.split(',').map((tag) => tag.trim());
  if (tags.includes('')) throw new InvalidArgumentError("Write it as host,region, or '*'.");
  return tags;
}

/** How many times faster than recorded. */
export function replaySpeed(text: string): number {
  if (text === 'max') return Infinity;
  if (text === 'real') return 1;
  const factor = /^\d+(?:\.\d+)?x$/.test(text) ? Number(text.slice(0, -1)) : 0;
  if (factor > 0) return factor;
  throw new InvalidArgumentError('It must be max, real, or a factor like 60x.');
}
