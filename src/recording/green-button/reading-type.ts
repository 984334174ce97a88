import { UdfError } from '../../model/errors.js';
import { accumulations, type Codes, commodities, currencies, flowDirections, units } from './codes.js';

/** What a `ReadingType` says of its readings. */
export interface ReadingType {
  /** Tags of its points: unit, flow direction, and others that it names. */
  readonly tags: Readonly<Record<string, string>>;
  /** Values are multiplied by ten to this power. */
  readonly powerOfTen: number;
  /** Length of its intervals in seconds, if it names one. */
  readonly intervalLength: bigint | undefined;
}

/** The elements of a `ReadingType` that are read. */
export const readingTypeElements: ReadonlySet<string> = new Set([
  'accumulationBehaviour',
  'commodity',
  'currency',
  'flowDirection',
  'intervalLength',
  'phase',
  'powerOfTenMultiplier',
  'uom',
]);

/** The widest range that a double can hold sums of 48-bit values in; ESPI has -12 to 9. */
const maxPower = 30;

/** Interprets a `ReadingType`, given the texts of its elements. Throws `malformed` for an unknown unit or what is no number. */
export function parseReadingType(texts: ReadonlyMap<string, string>): ReadingType {
  const tags: Record<string, string> = { unit: unitOf(texts.get('uom')) };
  const addTag = (tag: string, element: string, known: Codes): void => {
    const code = integer(element, texts.get(element));
    if (code !== undefined && code !== 0) tags[tag] = known.get(code) ?? String(code);
  };
  addTag('flow_direction', 'flowDirection', flowDirections);
  addTag('commodity', 'commodity', commodities);
  addTag('accumulation', 'accumulationBehaviour', accumulations);
  addTag('phase', 'phase', new Map());
  addTag('currency', 'currency', currencies);
  const powerOfTen = integer('powerOfTenMultiplier', texts.get('powerOfTenMultiplier')) ?? 0;
  if (Math.abs(powerOfTen) > maxPower) {
    throw new UdfError('malformed', `its powerOfTenMultiplier ${powerOfTen} is not between ±${maxPower}`);
  }
  const length = integer('intervalLength', texts.get('intervalLength'));
  return { tags, powerOfTen, intervalLength: length === undefined ? undefined : BigInt(length) };
}

function unitOf(text: string | undefined): string {
  const code = integer('uom', text);
  if (code === undefined) throw new UdfError('malformed', 'the ReadingType has no unit (uom)');
  const unit = units.get(code);
  if (unit !== undefined) return unit;
  throw new UdfError(
    'malformed',
    `the ReadingType has the unknown unit (uom) ${code}; its readings have no meaning without it: ask the utility`,
  );
}

/** Throws `malformed` for what is no integer. Undefined for an absent or empty element. */
export function integer(element: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw notNumber(element, text, 'an integer');
  return Number(text);
}

export function notNumber(element: string, text: string, wanted: string): UdfError {
  return new UdfError('malformed', `its ${element} is ${JSON.stringify(text.slice(0, 40))}, not ${wanted}`);
}
