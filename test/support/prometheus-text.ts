/** A metric as its text format gives it. */
export interface Metric {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** The metric's name; of a histogram, with its suffix. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/**
 * Parses Prometheus' text format strictly, by its specification. Throws at a line that is none of it, at a metric that comes
 * twice, at samples outside of their metric's block, and at two samples of the same labels.
 */
export function parsePrometheus(text: string): Map<string, Metric> {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const metrics = new Map<string, { type: string; help: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (metrics.has(name)) throw new Error(`the metric ${name} comes twice`);
      metrics.set(name, { type: '', help: rest, samples: [] });
      current = name;
    } else if (keyword === 'TYPE') {
      if (name !== current) throw new Error(`the type of ${name} is not beside its help`);
      if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(rest)) throw new Error(line);
      metrics.get(name)!.type = rest;
    } else {
      const sample = parseSample(line);
      const { type, samples } = metrics.get(current)!;
      const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!suffixes.some((suffix) => sample.name === current + suffix)) {
        throw new Error(`"${line}" is not a sample of ${current}`);
      }
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (seen.has(key)) throw new Error(`"${line}" comes twice`);
      seen.add(key);
      samples.push(sample);
    }
  }
  return metrics;
}

function parseSample(line: string): Sample {
  const [, name, labelText = '', number = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const value = number === '+Inf' ? Infinity : Number(number);
  // Prometheus reads it in any case.
  const isNumber = !Number.isNaN(value) || /^nan$/i.test(number);
  if (name === undefined || number === '' || !isNumber) throw new Error(`"${line}" is not a sample`);
  const labels: Record<string, string> = {};
  labelPattern.lastIndex = 0;
  while (labelPattern.lastIndex < labelText.length) {
    const [, label, escaped] = labelPattern.exec(labelText) ?? [];
    if (label === undefined || escaped === undefined) throw new Error(`"${line}" has invalid labels`);
    if (label in labels) throw new Error(`"${line}" has the label ${label} twice`);
    labels[label] = escaped.replace(/\\(.)/g, (_, character: string) =>
      character === 'n' ? '\n' : character,
    );
  }
  return { name, labels, value };
}

/** The value of the sample that has these labels, and maybe others; `undefined` if there is none. */
export function valueOf(
  metrics: ReadonlyMap<string, Metric>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const metric = metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, ''));
  return metric?.samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value;
}
