import { type Property, quote, type ScriptNode, unquote } from '../kapacitor/tickscript.js';
import type { Dbrp } from '../kapacitor/types.js';

/** Names in the copy of a script that the script itself is not likely to have. */
export const mark = 'kapacitor_udf';

/** Nodes that do something outside the task: a pass-through stands in for them. */
const outward = /^(influxDBOut|httpPost|kapacitorLoopback|\w+Autoscale)$/;

/** What shapes an alert; everything else of it tells somebody, or keeps alerts of others back. */
const shaping = new Set(
  (
    'id message details info warn crit infoReset warnReset critReset flapping history all noRecoveries quiet ' +
    'stateChangesOnly levelTag levelField messageField durationField idTag idField'
  ).split(' '),
);

/** The fields that an alert's points carry in the copy. */
export const alertFields = { level: `${mark}_level`, message: `${mark}_message`, id: `${mark}_id` } as const;

/** A change of the text: what is between `start` and `end` becomes `text`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface EditOptions {
  /** The database that a query is to read in place of others. */
  readonly database: string;
  readonly others: readonly Dbrp[];
  /** When to carry out queries, as `.cron` takes it. */
  readonly cron: string;
}

/** What of a node must be written otherwise, so that it touches nothing outside its task. */
export function editsOf(node: ScriptNode, options: EditOptions): Edit[] {
  const { name, udf, properties, start, end } = node;
  if (udf) return [];
  if (outward.test(name)) return [{ start, end, text: `|httpOut('${mark}_instead_${node.number}')` }];
  const without = (unwanted: (property: Property) => boolean): Edit[] =>
    properties.filter(unwanted).map((property) => ({ start: property.start, end: property.end, text: '' }));
  if (name === 'alert' || name === 'deadman') {
    const { level, message, id } = alertFields;
    const more = `.levelField('${level}').messageField('${message}').idField('${id}')`;
    return [...without((property) => !shaping.has(property.name)), { start: end, end, text: more }];
  }
  if (name === 'from') return without((property) => ['database', 'retentionPolicy'].includes(property.name));
  if (name !== 'query') return [];
  const queries = node.args
    .filter(({ kind }) => kind === 'string')
    .map((token) => ({ ...token, text: quote(redirected(unquote(token), options)) }));
  return [
    ...queries,
    ...without((property) => ['every', 'cron', 'align', 'cluster'].includes(property.name)),
    { start: end, end, text: `.cron('${options.cron}')` },
  ];
}

/** A query of the case's own database. */
function redirected(query: string, { others, database }: EditOptions): string {
  let text = query;
  for (const { db, rp } of others) {
    for (const from of [`"${db}"."${rp}"`, `${db}.${rp}`, `"${db}".${rp}`, `${db}."${rp}"`]) {
      text = text.replaceAll(`${from}.`, `"${database}"."${rp}".`);
    }
    text = text
      .replaceAll(`"${db}"..`, `"${database}"..`)
      .replaceAll(new RegExp(`\\b${db}\\.\\.`, 'g'), `"${database}"..`);
  }
  return text;
}
