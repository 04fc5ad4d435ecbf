/**
 * Durations are text in PostgreSQL's own form, `00:02:03.5`, whatever they came in as. PostgreSQL keeps microseconds;
 * what is finer is cut.
 */
const MICROSECONDS = { us: 1n, ms: 1_000n, s: 1_000_000n, m: 60_000_000n, h: 3_600_000_000n } as const;
const NANOSECONDS_PER_UNIT: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const ISO_UNITS: Readonly<Record<string, bigint>> = {
  W: 604_800_000_000_000n,
  D: 86_400_000_000_000n,
  H: 3_600_000_000_000n,
  M: 60_000_000_000n,
  S: 1_000_000_000n,
};

/** Nanoseconds of Go text (`2m3s`), ISO 8601 (`PT2M3S`) or an integer count of nanoseconds; undefined for anything else. */
export function parseDuration(text: string): bigint | undefined {
  const trimmed = text.trim();
  if (/^-?\d+$/.test(trimmed)) return BigInt(trimmed);
  return parseGoDuration(trimmed) ?? parseIsoDuration(trimmed);
}

/** Nanoseconds as the text of a PostgreSQL interval. */
export function formatInterval(nanoseconds: bigint): string {
  const microseconds = nanoseconds / 1_000n;
  const absolute = microseconds < 0n ? -microseconds : microseconds;
  const clock = [
    absolute / MICROSECONDS.h,
    (absolute / MICROSECONDS.m) % 60n,
    (absolute / MICROSECONDS.s) % 60n,
  ].map((part) => String(part).padStart(2, '0'));
  const fraction = String(absolute % MICROSECONDS.s)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${microseconds < 0n ? '-' : ''}${clock.join(':')}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Nanoseconds of a PostgreSQL interval's text; undefined when it names months or years, whose length varies. */
export function parseInterval(text: string): bigint | undefined {
  const match = /^(?:(-?\d+) days? ?)?(?:([+-]?)(\d+):(\d{2}):(\d{2})(?:\.(\d{1,6}))?)?$/.exec(text);
  if (match === null || text === '') return undefined;
  const [, days = '0', sign = '', hours = '0', minutes = '0', seconds = '0', fraction = ''] = match;
  const clock =
    BigInt(hours) * MICROSECONDS.h +
    BigInt(minutes) * MICROSECONDS.m +
    BigInt(seconds) * MICROSECONDS.s +
    BigInt(fraction.padEnd(6, '0'));
  return (BigInt(days) * 24n * MICROSECONDS.h + (sign === '-' ? -clock : clock)) * 1_000n;
}

/** Time between two instants of this product's form, as interval text. */
export function intervalBetween(start: string, end: string): string {
  return formatInterval((microsecondsOf(end) - microsecondsOf(start)) * 1_000n);
}

function microsecondsOf(instant: string): bigint {
  return BigInt(Date.parse(`${instant.slice(0, 19)}Z`)) * 1_000n + BigInt(instant.slice(20, 26));
}

function parseGoDuration(text: string): bigint | undefined {
  if (!/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  return sumOfUnits(text, /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g, NANOSECONDS_PER_UNIT);
}

function parseIsoDuration(text: string): bigint | undefined {
  // Years and months have no fixed length, so a duration that names them is none.
  const match =
    /^([+-]?)P((?:\d+W)?(?:\d+D)?)(?:T((?:\d+(?:\.\d+)?H)?(?:\d+(?:\.\d+)?M)?(?:\d+(?:\.\d+)?S)?))?$/.exec(
      text,
    );
  if (match === null || /[PT]$/.test(text)) return undefined;
  const [, sign = '', days = '', time = ''] = match;
  return sumOfUnits(`${sign}${days}${time}`, /(\d+)(?:\.(\d*))?([WDHMS])/g, ISO_UNITS);
}

function sumOfUnits(text: string, part: RegExp, units: Readonly<Record<string, bigint>>): bigint {
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of text.matchAll(part)) {
    const scale = units[unit] ?? 0n;
    total += BigInt(whole) * scale + (BigInt(`0${fraction}`) * scale) / 10n ** BigInt(fraction.length);
  }
  return text.startsWith('-') ? -total : total;
}
