import leven from 'leven';
import { IANAZone } from 'luxon';

/** What is wrong with the name of a zone, with the one that was probably meant; `undefined` if nothing is. */
export function zoneProblem(name: string): string | undefined {
  // Offsets (`+01:00`) are zones in newer versions of Node.js only, and have no clock changes.
  if (/^[A-Za-z]/.test(name) && IANAZone.isValidZone(name)) return undefined;
  const near = nearestZone(name);
  const hint = near === undefined ? "use an IANA name such as 'Europe/Berlin'" : `did you mean '${near}'?`;
  return `the time zone '${name}' is unknown (${hint})`;
}

/** The name of a valid zone in the spelling of the time zone database, where that is known: `europe/berlin` is valid too. */
export function spelledZone(name: string): string {
  const plain = name.toLowerCase();
  return names().find((known) => known.toLowerCase() === plain) ?? name;
}

function names(): string[] {
  return [...Intl.supportedValuesOf('timeZone'), 'UTC'];
}

/** The zone of this city (`new york`), or the one whose name is most similar: a third of the letters may differ. */
function nearestZone(name: string): string | undefined {
  const wanted = name.toLowerCase().replaceAll(/\s+/g, '_');
  const known = names();
  const ofCity = known.find((zone) => cityOf(zone) === wanted);
  if (ofCity !== undefined) return ofCity;
  const maxDistance = Math.ceil(wanted.length / 3);
  let nearest: { readonly zone: string; readonly distance: number } | undefined;
  for (const zone of known) {
    const distance = Math.min(leven(zone.toLowerCase(), wanted), leven(cityOf(zone), wanted));
    if (distance <= maxDistance && distance < (nearest?.distance ?? Infinity)) nearest = { zone, distance };
  }
  return nearest?.zone;
}

function cityOf(zone: string): string {
  return zone.toLowerCase().slice(zone.lastIndexOf('/') + 1);
}
