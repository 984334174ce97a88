import { DateTime } from 'luxon';

/** The time zone of the made-up office; its clock is put forward on 8 March. */
export const buildingZone = 'America/New_York';
export const intervalSeconds = 900;

/** The readings of one day, which the utility publishes together. */
export interface PublishedDay {
  readonly date: DateTime;
  /** At two o'clock of the next day. */
  readonly published: DateTime;
  readonly readings: readonly BuildingReading[];
}

export interface BuildingReading {
  /** Of the interval; seconds since the epoch. */
  readonly start: number;
  readonly wattHours: number;
}

/**
 * March 2026 of a made-up office, in intervals of 15 minutes: more on workdays, two overloads that last, a short one, and a meter
 * that reports nothing for three hours.
 */
export function buildingDays(): PublishedDay[] {
  const first = DateTime.fromISO('2026-03-01', { zone: buildingZone });
  return Array.from({ length: 31 }, (_, index) => {
    const date = first.plus({ days: index });
    const next = date.plus({ days: 1 });
    const count = (next.toSeconds() - date.toSeconds()) / intervalSeconds;
    const readings = Array.from({ length: count }, (_, interval) => {
      const start = date.toSeconds() + interval * intervalSeconds;
      return { start, wattHours: wattHoursAt(DateTime.fromSeconds(start, { zone: buildingZone })) };
    }).filter((_, interval) => !(date.day === 17 && interval >= 4 && interval < 16));
    return { date, published: next.plus({ hours: 2 }), readings };
  });
}

/** Time of the overloads: day, first and last hour. */
const overloads = [
  { day: 12, from: 13, to: 15 },
  { day: 18, from: 14, to: 14.25 },
  { day: 26, from: 10.5, to: 12 },
];

function wattHoursAt(time: DateTime): number {
  const hour = time.hour + time.minute / 60;
  const fromOne = (hour - 13) / 6;
  const office = time.weekday <= 5 ? 18_000 * Math.max(0, 1 - fromOne * fromOne) : 0;
  const overload = overloads.some(({ day, from, to }) => day === time.day && hour >= from && hour < to);
  const jitter = 0.92 + (0.16 * (((time.toSeconds() / intervalSeconds) * 7919) % 101)) / 101;
  const watts = (5_000 + office) * jitter + (overload ? 14_000 : 0);
  return Math.round((watts * intervalSeconds) / 3600);
}

const base = 'https://utility.example/espi/1_1/resource';
const usagePoint = 'RetailCustomer/1/UsagePoint/office';
const meterReading = `${usagePoint}/MeterReading/1`;

/** A Green Button feed of these days: ESPI in Atom. */
export function greenButtonFeed(days: readonly PublishedDay[]): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi"><title>A made-up office</title>\n' +
    entry(
      usagePoint,
      [meterReading],
      '<e:UsagePoint><e:ServiceCategory><e:kind>0</e:kind></e:ServiceCategory></e:UsagePoint>',
    ) +
    entry(meterReading, [`${meterReading}/IntervalBlock`, 'ReadingType/1'], '<e:MeterReading/>') +
    entry(
      'ReadingType/1',
      [],
      '<e:ReadingType><e:accumulationBehaviour>4</e:accumulationBehaviour><e:commodity>1</e:commodity>' +
        '<e:flowDirection>1</e:flowDirection><e:powerOfTenMultiplier>0</e:powerOfTenMultiplier><e:uom>72</e:uom></e:ReadingType>',
    ) +
    `${days.map(intervalBlock).join('')}</feed>\n`
  );
}

function intervalBlock({ date, published, readings }: PublishedDay): string {
  const duration = readings.length * intervalSeconds;
  return entry(
    `${meterReading}/IntervalBlock/${date.toISODate()}`,
    [],
    `<e:IntervalBlock><e:interval><e:duration>${duration}</e:duration><e:start>${date.toSeconds()}</e:start></e:interval>\n` +
      readings
        .map(
          ({ start, wattHours }) =>
            `<e:IntervalReading><e:timePeriod><e:duration>${intervalSeconds}</e:duration><e:start>${start}</e:start>` +
            `</e:timePeriod><e:value>${wattHours}</e:value></e:IntervalReading>\n`,
        )
        .join('') +
      '</e:IntervalBlock>',
    published,
  );
}

function entry(self: string, related: readonly string[], content: string, published?: DateTime): string {
  const up = self.slice(0, self.lastIndexOf('/'));
  const links = related.map((href) => `<link rel="related" href="${base}/${href}"/>`).join('');
  const times = published ? `<published>${published.toUTC().toISO()}</published>` : '';
  return (
    `<entry><id>urn:uuid:${self}</id><link rel="self" href="${base}/${self}"/><link rel="up" href="${base}/${up}"/>` +
    `${links}${times}<content>${content}</content></entry>\n`
  );
}
