import { type FieldInputs, type FieldValue, UdfError } from 'kapacitor-udf';
import type { Options } from './options.js';
import type { Plan } from './plan.js';
import type { Tensor, TensorData } from './runtime.js';

/** Calls back with the fields of each of the points that were scored, `undefined` if one is not finite. Throws `handler`. */
export type ToFields = (
  results: Readonly<Record<string, Tensor>>,
  points: number,
  take: (point: number, fields: FieldInputs | undefined) => void,
) => void;

/** How the outputs of a model become fields. */
export function createToFields(plan: Plan, { as, probabilityAs, probability }: Options): ToFields {
  const { classes } = plan;
  const asked = probability.map(([name, field]) => ({ field, column: classes?.indexOf(name) ?? -1 }));
  return (results, points, take) => {
    const labels = plan.prediction === undefined ? undefined : results[plan.prediction];
    const scores = plan.probabilities === undefined ? undefined : results[plan.probabilities];
    if (labels && labels.data.length !== points) throw wrongSize(labels, points);
    const columns = scores ? scores.data.length / points : 0;
    if (scores && !(Number.isInteger(columns) && (classes === undefined || columns === classes.length))) {
      throw wrongSize(scores, points);
    }
    for (let point = 0; point < points; point++) {
      const fields: Record<string, FieldValue> = {};
      let isFinite = true as boolean; // assigned in `set`
      const set = (name: string, value: FieldValue): void => {
        fields[name] = value;
        if (typeof value === 'number' && !Number.isFinite(value)) isFinite = false;
      };
      const first = point * columns;
      const best =
        scores && (labels === undefined || probabilityAs !== undefined)
          ? highest(scores.data, first, columns)
          : 0;
      if (labels === undefined && best < 0) {
        take(point, undefined);
        continue;
      }
      const label = labels ? labelAt(labels, point) : classes![best]!; // without labels the classes are given
      set(as, label);
      if (scores) {
        if (probabilityAs !== undefined) {
          const known = labels ? (classes?.indexOf(String(label)) ?? -1) : best;
          const column = known < 0 ? best : known;
          set(probabilityAs, column < 0 ? NaN : Number(scores.data[first + column]));
        }
        for (const { field, column } of asked) set(field, Number(scores.data[first + column]));
      }
      take(point, isFinite ? fields : undefined);
    }
  };
}

function labelAt({ data, type }: Tensor, index: number): FieldValue {
  const value = data[index]!; // the size was checked
  if (type === 'int32') return BigInt(value);
  return type === 'bool' ? value === 1 : value;
}

/** The column of the highest number; -1 if one of them is NaN. */
function highest(data: TensorData, first: number, columns: number): number {
  let best = 0;
  for (let column = 0; column < columns; column++) {
    if (Number.isNaN(data[first + column])) return -1;
    if (data[first + column]! > data[first + best]!) best = column;
  }
  return best;
}

function wrongSize({ dims }: Tensor, points: number): UdfError {
  return new UdfError('handler', `the model returned a tensor of ${dims.join(' × ')} for ${points} points`);
}
