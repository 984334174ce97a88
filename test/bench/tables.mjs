import { isolatedShare } from './statistics.mjs';

/** A run's results as Markdown. With `--isolated`, the main table has the isolated UDFs and their share of the plain host. */
export function resultTables(run) {
  const { commit, node, machine, at, rounds, quick, yardstick } = run;
  const caption =
    `Commit ${commit} on Node ${node.slice(1)}, ${machine}, ${at.slice(0, 10)}` +
    `${quick ? ', a quick run' : ''}. Medians of ${rounds} rounds.`;
  const isIsolated = run.results.some(({ metrics }) => metrics?.pointsPerSecond?.values.isolated);
  const heads = ['', 'kapacitor-udf', yardstick, 'ratio', ...(isIsolated ? ['isolated', 'of plain'] : [])];
  return [
    caption,
    table(
      heads,
      mainRows(run).map((cells) => cells.slice(0, heads.length)),
    ),
    'Millions of points a second by shape, and the ratio to the echo agent on the same bytes:',
    shapes(run),
  ].join('\n\n');
}

/** The rows of the main table, those that the run has numbers for: the last two cells are of isolated UDFs. */
function mainRows({ results }) {
  const find = (kind, udf, variant) =>
    results.find(
      (result) =>
        result.kind === kind && result.udf === udf && (variant === undefined || result.variant === variant),
    )?.metrics;
  const row = (name, metrics, keys, show) => {
    if (metrics === undefined) return [];
    const cell = (pick, how) => keys.map((key) => how(pick(metrics[key])?.median)).join(' / ');
    const own = cell(({ values }) => values.this, show);
    const yardstick = cell(({ values }) => values.yardstick, show);
    const share = (value) => (Number.isFinite(value) ? value.toFixed(2) : '');
    const ratio = cell(({ ratios }) => ratios.yardstick, share);
    const isolated = cell(({ values }) => values.isolated, show);
    const ofPlain = cell(isolatedShare, share);
    return [
      [name, own, yardstick, ratio, isolated, ofPlain].map((text) => (/^[ /]*$/.test(text) ? '' : text)),
    ];
  };
  const known = (how) => (value) => (value === undefined ? '' : how(value));
  const million = known((value) => `${(value / 1e6).toFixed(2)} M`);
  const number = (digits) => known((value) => value.toFixed(digits));
  const megabytes = known((value) => `${(value / 1e6).toFixed(1)} MB`);
  const milliseconds = known((value) => `${value.toFixed(0)} ms`);

  const speeds = [
    ['mirror', 'default'],
    ['edgeDetect', 'default'],
    ['movingAverage', 'default'],
    ['outliers', 'batches of 10,000'],
  ].map(([udf, variant]) => [
    udf,
    find('throughput', udf, variant),
    variant === 'default' ? '' : `, ${variant}`,
  ]);
  const startUp = find('start-up', 'mirror', 'one UDF on a socket');
  const groups = find('groups', 'edgeDetect');
  const many = groups ? groups.groups.values.this.median.toLocaleString('en') : '';
  return [
    ...speeds.flatMap(([udf, metrics, how]) =>
      row(`${udf}${how}: points/s`, metrics, ['pointsPerSecond'], million),
    ),
    ...speeds.flatMap(([udf, metrics, how]) =>
      row(`${udf}${how}: CPU seconds per million points`, metrics, ['cpuPerMillion'], number(3)),
    ),
    ...row(
      'mirror, 64 connections: points/s',
      find('throughput', 'mirror', '64 connections'),
      ['pointsPerSecond'],
      million,
    ),
    ...row('round trip of a point, p50 / p99, µs', find('round trip', 'mirror'), ['p50', 'p99'], number(1)),
    ...row('start to first answer', startUp, ['milliseconds'], milliseconds),
    ...row(
      'memory grown under a consumer that does not read',
      find('slow reader', 'mirror'),
      ['grownBytes'],
      megabytes,
    ),
    ...row(
      `memory at ${many} groups: state / whole process`,
      groups,
      ['heldBytes', 'residentBytes'],
      megabytes,
    ),
    ...row('bytes a group: state / whole process', groups, ['bytesPerGroup', 'residentPerGroup'], number(0)),
    ...row(`snapshot of ${many} groups`, groups, ['snapshotMilliseconds'], milliseconds),
    ...row('its size', groups, ['snapshotBytes'], megabytes),
    ...row('its restore', groups, ['restoreMilliseconds'], milliseconds),
    ...row(
      'longest wait of a keepalive: in snapshot / behind its bytes / in restore',
      groups,
      ['snapshotKeepalive', 'behindSnapshot', 'restoreKeepalive'],
      milliseconds,
    ),
  ];
}

/** Each shape with every UDF that was measured with it. */
function shapes({ results }) {
  const measured = results.filter(({ kind }) => kind === 'throughput');
  const udfs = [...new Set(measured.map(({ udf }) => udf))];
  const variants = [...new Set(measured.map(({ variant }) => variant))];
  const cell = (udf, variant) => {
    const found = measured.find((result) => result.udf === udf && result.variant === variant);
    if (!found) return '';
    const { values, ratios } = found.metrics.pointsPerSecond;
    return `${(values.this.median / 1e6).toFixed(2)} (${ratios.yardstick.median.toFixed(2)})`;
  };
  return table(
    ['', ...udfs],
    variants.map((variant) => [variant, ...udfs.map((udf) => cell(udf, variant))]),
  );
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map((_, at) => (at === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}
