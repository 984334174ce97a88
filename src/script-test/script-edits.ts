import { type Property, quote, type ScriptNode, unquote } from '../kapacitor/tickscript.js';
import type { Dbrp } from '../kapacitor/types.js';

/** Prefix of the names that a copy of a script adds. */
export const addedPrefix = 'kapacitor_udf';

/** Nodes with effects outside the task. Each is replaced with an `httpOut`, which passes data through. */
const nodesWithEffects = /^(influxDBOut|httpPost|kapacitorLoopback|\w+Autoscale)$/;

/** Properties that determine an alert's content. The others, handlers and inhibitors, are removed. */
const contentProperties = new Set(
  (
    'id message details info warn crit infoReset warnReset critReset flapping history all noRecoveries quiet ' +
    'stateChangesOnly levelTag levelField messageField durationField idTag idField'
  ).split(' '),
);

/** Fields that the copy adds to the points of an alert node. */
export const alertFields = {
  level: `${addedPrefix}_level`,
  message: `${addedPrefix}_message`,
  id: `${addedPrefix}_id`,
} as const;

/** Replaces `script.slice(start, end)`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface EditOptions {
  /** The database that queries read instead of `others`. */
  readonly database: string;
  readonly others: readonly Dbrp[];
  /** When to run queries, as `.cron` takes it. */
  readonly cron: string;
}

/** The edits that keep a node from having effects outside its task. */
export function editsOf(node: ScriptNode, options: EditOptions): Edit[] {
  const { name, udf, properties, start, end } = node;
  if (udf) return [];
  if (nodesWithEffects.test(name))
    return [{ start, end, text: `|httpOut('${addedPrefix}_instead_${node.number}')` }];
  const without = (unwanted: (property: Property) => boolean): Edit[] =>
    properties.filter(unwanted).map((property) => ({ start: property.start, end: property.end, text: '' }));
  if (name === 'alert' || name === 'deadman') {
    const { level, message, id } = alertFields;
    const more = `.levelField('${level}').messageField('${message}').idField('${id}')`;
    return [...without((property) => !contentProperties.has(property.name)), { start: end, end, text: more }];
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

/** The query, reading `database` instead of `others`. */
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
