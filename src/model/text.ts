import leven from 'leven';

/**
 * The known name that a mistyped one was most likely meant to be; `undefined` if none is near. Two letters of five may
 * be wrong, since that is what swapping two of them counts as.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  return known
    .map((candidate) => ({ candidate, distance: leven(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= Math.ceil(name.length / 3))
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** So many of something: `1 point`, `1,000 points`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
