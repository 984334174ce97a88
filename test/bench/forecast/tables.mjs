/** Tables of the results, in Markdown. */

const errorOf = (value) => value.toFixed(3);
const shareOf = (value) => `${(100 * value).toFixed(1)} %`;

/** Errors and coverage by horizon. */
export function accuracyTable(rows) {
  return table(
    ['horizon', 'forecast', 'seasonal naive', 'within 80 %', 'within 95 %'],
    rows.map(({ horizon, forecast, naive, covered80, covered95 }) => [
      horizon,
      ...[forecast, naive].map(errorOf),
      ...[covered80, covered95].map(shareOf),
    ]),
  );
}

/** Errors from the origins that Holt-Winters was asked from, by horizon. */
export function comparisonTable(rows) {
  return table(
    ['horizon', 'forecast', 'seasonal naive', 'holtWinters'],
    rows.map(({ horizon, forecastBeside, naiveBeside, holtWinters }) => [
      horizon,
      ...[forecastBeside, naiveBeside, holtWinters].map(errorOf),
    ]),
  );
}

/** What series of twelve weeks of hours cost, a column for each number of them. */
export function costTable(costs) {
  const row = (name, show) => [name, ...costs.map(show)];
  return table(
    ['series in one host', ...costs.map(({ count }) => count.toLocaleString('en'))],
    [
      row('memory a series, held by V8', ({ heldBytes }) => kibibytes(heldBytes)),
      row('memory a series, of the process', ({ residentBytes }) => kibibytes(residentBytes)),
      row('snapshot: size a series', ({ snapshotBytes }) => kibibytes(snapshotBytes)),
      row('snapshot: time', ({ snapshotMilliseconds }) => `${snapshotMilliseconds.toFixed(0)} ms`),
      row('processor time of a point', ({ pointMicroseconds }) => `${pointMicroseconds.toFixed(1)} µs`),
      row(
        "processor time of a series' four forecasts",
        ({ milliseconds }) => `${milliseconds.toFixed(1)} ms`,
      ),
      row('longest wait of a keepalive meanwhile', ({ maxKeepalive }) => `${maxKeepalive.toFixed(0)} ms`),
    ],
  );
}

const kibibytes = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
