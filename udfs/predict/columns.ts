import type { FieldValue, Point } from 'kapacitor-udf';
import { LocalClock, timeFeatures } from './local-time.js';
import type { TensorData } from './runtime.js';

/** The types of inputs that features can be given to. */
export type InputType = 'float' | 'double' | 'int64' | 'int32' | 'bool' | 'string';

type Cell = number | bigint | string;

interface ColumnKind {
  /** ONNX Runtime's name of the type. */
  readonly tensorType: string;
  /** What a message calls a value of the type. */
  readonly noun: string;
  readonly create: (length: number) => TensorData;
  /** Converts a field's or tag's value; `undefined` if it has no such value. */
  readonly convert: (value: FieldValue | undefined) => Cell | undefined;
}

/** The largest number of single precision: a larger one would become infinite. */
const maxFloat = (2 - 2 ** -23) * 2 ** 127;

export const columnKinds: Readonly<Record<InputType, ColumnKind>> = {
  float: {
    tensorType: 'float32',
    noun: 'finite number',
    create: (length) => new Float32Array(length),
    convert: (value) => {
      const number = toNumber(value);
      return number === undefined || Math.abs(number) > maxFloat ? undefined : number;
    },
  },
  double: {
    tensorType: 'float64',
    noun: 'finite number',
    create: (length) => new Float64Array(length),
    convert: toNumber,
  },
  int64: {
    tensorType: 'int64',
    noun: 'whole number',
    create: (length) => new BigInt64Array(length),
    convert: toInteger,
  },
  int32: {
    tensorType: 'int32',
    noun: 'whole number of 32 bits',
    create: (length) => new Int32Array(length),
    convert: (value) => {
      const integer = Number(toInteger(value));
      return integer === (integer | 0) ? integer : undefined;
    },
  },
  bool: {
    tensorType: 'bool',
    noun: 'boolean',
    create: (length) => new Uint8Array(length),
    convert: toBoolean,
  },
  string: {
    tensorType: 'string',
    noun: 'value',
    create: (length) => new Array<string>(length).fill(''),
    convert: (value) => (value === undefined ? undefined : String(value)),
  },
};

/** An input of the model, and the features that fill its columns. */
export interface InputColumns {
  readonly name: string;
  readonly type: InputType;
  /** Whether its tensor has two dimensions: rows and columns. */
  readonly isTable: boolean;
  readonly features: readonly string[];
}

/** The values of one input for the points of a batch. */
export interface Column {
  readonly input: InputColumns;
  data: TensorData;
}

/** Reads features from points into columns. */
export class FeatureReader {
  readonly #clock: LocalClock;
  readonly #takesNaN: boolean;

  /** `takesNaN`: a missing number is NaN. */
  constructor(zone: string, takesNaN: boolean) {
    this.#clock = new LocalClock(zone);
    this.#takesNaN = takesNaN;
  }

  /** Writes a point's features into a row of all columns. Returns what is missing, for a message; `undefined` if nothing is. */
  write(point: Point, columns: readonly Column[], row: number): string | undefined {
    for (const { input, data } of columns) {
      const { features } = input;
      const { convert, noun } = columnKinds[input.type];
      let at = row * features.length;
      for (const name of features) {
        let cell = convert(this.#valueOf(point, name));
        if (cell === undefined) {
          if (!this.#takesNaN) return `${noun} in the feature "${name}"`;
          cell = NaN;
        }
        (data as Cell[])[at++] = cell; // `convert` returns what its column takes
      }
    }
    return undefined;
  }

  #valueOf(point: Point, name: string): FieldValue | undefined {
    const ofTime = timeFeatures[name];
    if (ofTime !== undefined) return ofTime(this.#clock.at(point.seconds));
    return point.field(name) ?? point.tag(name);
  }
}

/** The same data in a larger array. */
export function grown(data: TensorData, type: InputType, length: number): TensorData {
  const larger = columnKinds[type].create(length);
  if (Array.isArray(data)) return [...(data as string[]), ...(larger as string[]).slice(data.length)];
  (larger as Float32Array).set(data as Float32Array); // both have the same class
  return larger;
}

/** The part of the data from one element to another, not copied if it is typed. */
export function part(data: TensorData, start: number, end: number): TensorData {
  return Array.isArray(data)
    ? (data as string[]).slice(start, end)
    : (data as Exclude<TensorData, readonly string[]>).subarray(start, end);
}

function toNumber(value: FieldValue | undefined): number | undefined {
  const number = typeof value === 'string' ? numberIn(value) : Number(value ?? NaN);
  return number !== undefined && Number.isFinite(number) ? number : undefined;
}

function toInteger(value: FieldValue | undefined): bigint | undefined {
  const integer = typeof value === 'string' && /^[+-]?\d+$/.test(value) ? BigInt(value) : value;
  if (typeof integer === 'bigint') return isInt64(integer) ? integer : undefined;
  const number = toNumber(integer);
  if (number === undefined || !Number.isInteger(number)) return undefined;
  return isInt64(BigInt(number)) ? BigInt(number) : undefined;
}

function isInt64(value: bigint): boolean {
  return value === BigInt.asIntN(64, value);
}

function toBoolean(value: FieldValue | undefined): number | undefined {
  if (value === true || value === 'true') return 1;
  return value === false || value === 'false' ? 0 : undefined;
}

/** The number that a text, such as a tag, stands for. */
function numberIn(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}
