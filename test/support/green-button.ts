/** What a made-up Green Button feed says of one meter reading. */
export interface MadeUpMeter {
  readonly usagePoint?: string;
  readonly id?: string;
  readonly uom?: number;
  readonly power?: number;
  readonly flow?: number;
  readonly readings: readonly MadeUpReading[];
}

export interface MadeUpReading {
  readonly start: number;
  readonly value: string | number;
  readonly duration?: number;
  readonly more?: string;
}

const base = 'https://utility.example/espi/1_1/resource';

/** An entry with links; its content is an element of ESPI. */
export function entry(self: string, up: string, related: readonly string[], content: string): string {
  const links = related.map((href) => `<link rel="related" href="${base}/${href}"/>`).join('');
  return (
    `<entry><id>urn:uuid:${self}</id><link rel="self" href="${base}/${self}"/>` +
    `<link rel="up" href="${base}/${up}"/>${links}<title>made up</title>\n` +
    `<content>${content}</content><updated>2026-01-01T00:00:00Z</updated></entry>\n`
  );
}

/** An `IntervalReading`. */
export function intervalReading({ start, value, duration = 900, more = '' }: MadeUpReading): string {
  return (
    `<e:IntervalReading>${more}<e:timePeriod><e:duration>${duration}</e:duration><e:start>${start}</e:start>` +
    `</e:timePeriod><e:value>${value}</e:value></e:IntervalReading>\n`
  );
}

/** The entries of one meter: usage point, meter reading, reading type, block. */
export function entriesOf(meter: MadeUpMeter): [string, string, string, string] {
  const { usagePoint = '1', id = 'a', uom = 72, power = -3, flow = 1, readings } = meter;
  const point = `RetailCustomer/9/UsagePoint/${usagePoint}`;
  const reading = `${point}/MeterReading/${id}`;
  return [
    entry(
      point,
      'RetailCustomer/9/UsagePoint',
      [`${point}/MeterReading`],
      '<e:UsagePoint><e:ServiceCategory><e:kind>0</e:kind></e:ServiceCategory></e:UsagePoint>',
    ),
    entry(
      reading,
      `${point}/MeterReading`,
      [`${reading}/IntervalBlock`, `ReadingType/${id}`],
      '<e:MeterReading/>',
    ),
    entry(
      `ReadingType/${id}`,
      'ReadingType',
      [],
      `<e:ReadingType><e:accumulationBehaviour>4</e:accumulationBehaviour><e:commodity>1</e:commodity>` +
        `<e:flowDirection>${flow}</e:flowDirection><e:powerOfTenMultiplier>${power}</e:powerOfTenMultiplier>` +
        `<e:uom>${uom}</e:uom></e:ReadingType>`,
    ),
    entry(
      `${reading}/IntervalBlock/1`,
      `${reading}/IntervalBlock`,
      [],
      `<e:IntervalBlock><e:interval><e:duration>86400</e:duration><e:start>0</e:start></e:interval>` +
        `${readings.map(intervalReading).join('')}</e:IntervalBlock>`,
    ),
  ];
}

/** A whole feed. */
export function greenButtonFeed(entries: readonly string[]): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">' +
    `<id>urn:uuid:feed</id><title>Zähler &amp; more</title>\n${entries.join('')}</feed>\n`
  );
}
