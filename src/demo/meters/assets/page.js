// The page's script: plain browser JavaScript, run after the plotting library and the data.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dateFormat = new Intl.DateTimeFormat('en-GB', { timeZone: data.zone, day: 'numeric', month: 'short' });
const timeFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: data.zone,
  hour: '2-digit',
  minute: '2-digit',
});
const dayFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: data.zone,
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const chartHeight = 220;

/** Seconds without a value that break a line. */
const maxGapSeconds = 3600;

let plots = [];

drawAll();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
addEventListener('resize', () => {
  for (const { plot, place } of plots) plot.setSize({ width: place.clientWidth, height: chartHeight });
});

function drawAll() {
  for (const { plot } of plots) plot.destroy();
  plots = [];
  drawLoad();
  drawDays();
  drawVoltage();
  if (data.prediction) drawPrediction();
  drawForecast();
}

function drawLoad() {
  const [times, kw] = withGaps(data.load.times, data.load.kw);
  draw('load-chart', [times, kw], [line('kW', '--line')], { alerts: data.loadAlerts, yMin: 0 });
}

function drawDays() {
  const paths = uPlot.paths.bars({ size: [0.8] });
  const bars = { label: 'kWh', fill: style('--line'), paths, points: { show: false }, value: showNumber };
  const day = 86400 / 2;
  const { times, kWh } = data.days;
  const x = [times[0] - day, times.at(-1) + day];
  draw('days-chart', [times, kWh], [bars], { yMin: 0, x });
}

function drawVoltage() {
  const [times, volts] = withGaps(data.voltage.times, data.voltage.volts);
  const limit = (value) => times.map(() => value);
  draw(
    'voltage-chart',
    [times, volts, limit(data.band.max), limit(data.band.min)],
    [line('V', '--line'), limitLine(`${data.band.max} V`), limitLine(`${data.band.min} V`)],
    { alerts: data.voltageAlerts },
  );
}

function drawPrediction() {
  const [times, probabilities] = withGaps(data.prediction.times, data.prediction.probabilities);
  draw('prediction-chart', [times, probabilities], [line('probability', '--second')], {
    alerts: data.voltageAlerts,
    yMin: 0,
    yMax: 1,
  });
}

function drawForecast() {
  const rows = data.forecast;
  const column = (pick) => rows.map((row) => pick(row) ?? null);
  draw(
    'forecast-chart',
    [
      column(({ time }) => time),
      column(({ interval95 }) => interval95?.[1]),
      column(({ interval95 }) => interval95?.[0]),
      column(({ interval80 }) => interval80?.[1]),
      column(({ interval80 }) => interval80?.[0]),
      column(({ before }) => before),
      column(({ kw }) => kw),
      column(({ later }) => later),
    ],
    [
      bound('95 % upper'),
      bound('95 % lower'),
      bound('80 % upper'),
      bound('80 % lower'),
      line('measured, kW', '--line'),
      { ...line('forecast', '--second'), dash: [6, 4] },
      line('measured later', '--line'),
    ],
    {
      yMin: 0,
      bands: [
        { series: [1, 2], fill: style('--band-95') },
        { series: [3, 4], fill: style('--band-80') },
      ],
    },
  );
}

function line(label, colour) {
  return { label, stroke: style(colour), width: 1.5, points: { show: false }, value: showNumber };
}

function limitLine(label) {
  return {
    label,
    stroke: style('--limit'),
    width: 1,
    dash: [4, 4],
    points: { show: false },
    value: () => '',
  };
}

/** An edge of a band: only what is between two of them is seen. */
function bound(label) {
  return { label, stroke: 'transparent', width: 0, points: { show: false }, value: showNumber };
}

function showNumber(_plot, value) {
  return value === null || value === undefined ? '' : value.toFixed(2);
}

function draw(id, columns, series, { alerts = [], bands = [], yMin, yMax, x } = {}) {
  const place = document.getElementById(id);
  const axis = {
    stroke: style('--ink'),
    grid: { stroke: style('--grid') },
    ticks: { stroke: style('--grid') },
  };
  const plot = new uPlot(
    {
      width: Math.max(200, place.clientWidth),
      height: chartHeight,
      padding: [null, 16, null, null],
      tzDate: (time) => uPlot.tzDate(new Date(time * 1000), data.zone),
      cursor: { drag: { x: true, y: false } },
      scales: {
        x: x ? { range: () => x } : {},
        y: { range: (_plot, min, max) => rangeOf(min, max, yMin, yMax) },
      },
      axes: [{ ...axis, values: showTimes }, axis],
      bands,
      series: [
        { label: 'time', value: (_plot, time) => (time === null ? '' : dayFormat.format(time * 1000)) },
        ...series,
      ],
      hooks: { drawClear: [(drawn) => drawAlerts(drawn, alerts)] },
    },
    columns,
    place,
  );
  plots.push({ plot, place });
}

function rangeOf(min, max, yMin, yMax) {
  if (min === null || max === null) return [yMin ?? 0, yMax ?? 1];
  const margin = (max - min) * 0.05 || 1;
  return [yMin ?? min - margin, yMax ?? max + margin];
}

function showTimes(_plot, times, _axis, _space, step) {
  return times.map((time) => {
    const clock = timeFormat.format(time * 1000);
    return step >= 86400 || clock === '00:00' ? dateFormat.format(time * 1000) : clock;
  });
}

/** Adds a row without a value where there is none for a while, so that no line is drawn across. */
function withGaps(times, values) {
  const outTimes = [];
  const outValues = [];
  for (const [index, time] of times.entries()) {
    if (index > 0 && time - times[index - 1] > maxGapSeconds) {
      outTimes.push((time + times[index - 1]) / 2);
      outValues.push(null);
    }
    outTimes.push(time);
    outValues.push(values[index]);
  }
  return [outTimes, outValues];
}

/** Shades the time of alerts over the full height. */
function drawAlerts({ ctx, bbox, valToPos, scales }, alerts) {
  ctx.save();
  for (const { kind, start, end } of alerts) {
    const left = Math.max(bbox.left, valToPos(start, 'x', true));
    const right = Math.min(bbox.left + bbox.width, valToPos(end ?? scales.x.max, 'x', true));
    if (right < left) continue;
    ctx.fillStyle = style(kind === 'silence' ? '--silence' : '--alert');
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
  }
  ctx.restore();
}
