import { writeFileSync } from 'node:fs';
import { calendarTotals, forecast, predict } from 'kapacitor-udf/udfs';

/** Of the slices of forecasts, every so many end their worker. */
const slicesPerDeath = 41;

/** A UDF whose worker ends at the first point with each name in the tag `die`, and in the middle of some forecasts. */
function mortal(definition, name) {
  const { handlers } = definition;
  const point = (given, context) => {
    const death = given.tag('die');
    if (death !== undefined && isFirst(death)) process.exit(1);
    return handlers.point(given, context);
  };
  const timer =
    handlers.timer &&
    ((given, context) => {
      const { job } = context.state;
      if (job !== undefined && given.name === 'running') {
        const origin = job.first + job.values.length;
        const slice = 31 * origin + job.slices;
        if (slice % slicesPerDeath === 0 && isFirst(`${context.group} ${slice}`)) process.exit(1);
      }
      return handlers.timer(given, context);
    });
  return { ...definition, name, handlers: { ...handlers, point, timer } };
}

function isFirst(death) {
  try {
    writeFileSync(`${process.env.TIMED_DIR}/${death}`, '', { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

export const mortalTotals = mortal(calendarTotals, 'mortalTotals');
export const mortalForecast = mortal(forecast, 'mortalForecast');
export const mortalPredict = mortal(predict, 'mortalPredict');
