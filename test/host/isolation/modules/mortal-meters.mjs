import { writeFileSync } from 'node:fs';
import { calendarTotals, forecast, predict } from 'kapacitor-udf/udfs';

/** A UDF whose worker ends at the first point with each name in the tag `die`. */
function mortal(definition, name) {
  const { handlers } = definition;
  const point = (given, context) => {
    const death = given.tag('die');
    if (death !== undefined && isFirst(death)) process.exit(1);
    return handlers.point(given, context);
  };
  return { ...definition, name, handlers: { ...handlers, point } };
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
