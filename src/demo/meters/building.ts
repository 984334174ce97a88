import { DateTime } from 'luxon';

/** The time zone of the made-up office; its clock is put forward on 8 March. */
export const buildingZone = 'America/New_York';
export const intervalSeconds = 900;

/** Readings of one day that the utility publishes together. */
export interface Publication {
  readonly date: DateTime;
  readonly published: DateTime;
  readonly readings: readonly BuildingReading[];
  /** Readings that were missing before. */
  readonly isCorrection: boolean;
}

export interface BuildingReading {
  /** Of the interval; seconds since the epoch. */
  readonly start: number;
  readonly wattHours: number;
}

/** The hours of 17 March without readings, and those of them that the utility has a week later. */
const gap = { day: 17, from: 1, to: 4, laterFrom: 2, laterDay: 23 };

/**
 * What the utility publishes of a made-up office, in order: March 2026 and two days of April, in intervals of 15 minutes, each day
 * at two o'clock of the next. There is more load on workdays, with two overloads that last and a short one. The meter reports
 * nothing for three hours, two of which come later.
 */
export function buildingPublications(): Publication[] {
  const first = DateTime.fromISO('2026-03-01', { zone: buildingZone });
  return Array.from({ length: 33 }, (_, index) => first.plus({ days: index })).flatMap((date) => {
    const published = date.plus({ days: 1, hours: 2 });
    const day = { date, published, readings: readingsOf(date, isMeasured), isCorrection: false };
    if (date.month !== 3 || date.day !== gap.laterDay) return [day];
    const gapDay = date.set({ day: gap.day });
    return [day, { date: gapDay, published, readings: readingsOf(gapDay, isLate), isCorrection: true }];
  });
}

function readingsOf(date: DateTime, isWanted: (time: DateTime) => boolean): BuildingReading[] {
  const count = (date.plus({ days: 1 }).toSeconds() - date.toSeconds()) / intervalSeconds;
  return Array.from({ length: count }, (_, interval) =>
    DateTime.fromSeconds(date.toSeconds() + interval * intervalSeconds, { zone: buildingZone }),
  )
    .filter(isWanted)
    .map((time) => ({ start: time.toSeconds(), wattHours: wattHoursAt(time) }));
}

function isMeasured({ month, day, hour }: DateTime): boolean {
  return !(month === 3 && day === gap.day && hour >= gap.from && hour < gap.to);
}

function isLate({ hour }: DateTime): boolean {
  return hour >= gap.laterFrom && hour < gap.to;
}

/** Overloads of March: day, first and last hour. */
const overloads = [
  { day: 12, from: 13, to: 15 },
  { day: 18, from: 14, to: 14.25 },
  { day: 26, from: 10.5, to: 12 },
];

function wattHoursAt(time: DateTime): number {
  const hour = time.hour + time.minute / 60;
  const fromOne = (hour - 13) / 6;
  const office = time.weekday <= 5 ? 18_000 * Math.max(0, 1 - fromOne * fromOne) : 0;
  const overload =
    time.month === 3 && overloads.some(({ day, from, to }) => day === time.day && hour >= from && hour < to);
  const day = 0.8 + 0.3 * noise(time.ordinal);
  const jitter = 0.92 + 0.16 * noise(time.toSeconds() / 3600);
  const watts = (5_000 + office * day) * jitter + (overload ? 14_000 : 0);
  return Math.round((watts * intervalSeconds) / 3600);
}

/** In [0, 1), the same for the same number. */
function noise(number: number): number {
  const value = Math.sin(number * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
}

const base = 'https://utility.example/espi/1_1/resource';
const usagePoint = 'RetailCustomer/1/UsagePoint/office';
const meterReading = `${usagePoint}/MeterReading/1`;

/** A Green Button feed of these publications: ESPI in Atom. */
export function greenButtonFeed(publications: readonly Publication[]): string {
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
    `${publications.map(intervalBlock).join('')}</feed>\n`
  );
}

function intervalBlock({ date, published, readings, isCorrection }: Publication): string {
  const duration = readings.length * intervalSeconds;
  const start = readings[0]?.start ?? date.toSeconds();
  return entry(
    `${meterReading}/IntervalBlock/${date.toISODate()}${isCorrection ? '-corrected' : ''}`,
    [],
    `<e:IntervalBlock><e:interval><e:duration>${duration}</e:duration><e:start>${start}</e:start></e:interval>\n` +
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
