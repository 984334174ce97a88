/**
 * An independent calendar for tests: which period of a zone an instant is in, by what `Intl.DateTimeFormat` shows for it. It
 * knows nothing of boundaries.
 */
export type Bucket = (second: number) => string;

const dayMs = 86_400_000;

export function bucketsOf(by: string, zone: string): Bucket {
  const format = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'longOffset',
  });
  return remembered((second) => {
    const parts = Object.fromEntries(
      format.formatToParts(second * 1000).map(({ type, value }) => [type, value]),
    );
    const { year = '', month = '', day = '', hour = '', minute = '', timeZoneName = '' } = parts;
    switch (by) {
      case 'year':
        return year;
      case 'quarter':
        return `${year}-Q${Math.ceil(Number(month) / 3)}`;
      case 'month':
        return `${year}-${month}`;
      case 'week': {
        const date = Date.UTC(Number(year), Number(month) - 1, Number(day));
        const sinceMonday = (new Date(date).getUTCDay() + 6) % 7;
        return `week of ${new Date(date - sinceMonday * dayMs).toISOString().slice(0, 10)}`;
      }
      case 'day':
        return `${year}-${month}-${day}`;
      case 'hour':
        return `${year}-${month}-${day} ${hour}h ${timeZoneName}`;
      default: {
        const minutes = Number.parseInt(by, 10);
        const of = Math.floor(Number(minute) / minutes);
        return `${year}-${month}-${day} ${hour}h ${of} ${timeZoneName}`;
      }
    }
  });
}

/** Formatting takes long, and tests ask for the same instants again and again. */
function remembered(bucket: Bucket): Bucket {
  const known = new Map<number, string>();
  return (second) => {
    let found = known.get(second);
    if (found === undefined) known.set(second, (found = bucket(second)));
    return found;
  };
}
