import { DAY_MS } from '../../src/domain/time.ts';

/** A moment under which the tests must pass like today. */
export interface Clock {
  readonly name: string;
  /** In milliseconds. */
  readonly at: number;
  /** TZ of the processes. Default that of the machine. */
  readonly zone?: string;
  readonly why: string;
  /** Whether CI runs it. */
  readonly isWorst: boolean;
}

const NEW_YORK = 'America/New_York';
const SUNDAYS = { march: 2, november: 1 };

/** All of them in the future: an object store with its own clock accepts no lock until a day that is over. */
export function calendarClocks(nowMs: number): readonly Clock[] {
  const year = new Date(nowMs).getUTCFullYear() + 1;
  return [
    {
      name: 'last-day',
      at: Date.UTC(year, 0, 31, 12),
      why: 'a month later there is no such day',
      isWorst: false,
    },
    {
      name: 'first-day',
      at: Date.UTC(year, 2, 1, 0, 0, 30),
      why: 'this month has half a minute, the one before 28 or 29 days',
      isWorst: false,
    },
    {
      name: 'leap-day',
      at: Date.UTC(nextLeapYear(year), 1, 29, 12),
      why: 'a year later there is no such day',
      isWorst: true,
    },
    {
      name: 'new-year',
      at: Date.UTC(year - 1, 11, 31, 23, 59, 50),
      why: 'month and year change during the run',
      isWorst: true,
    },
    {
      name: 'fall-back',
      // 01:59:50 EDT; ten seconds later it is 01:00 EST.
      at: sunday(year, 10, SUNDAYS.november) + (5 * 3_600 + 59 * 60 + 50) * 1_000,
      zone: NEW_YORK,
      why: 'an hour comes twice, and the day has 25',
      isWorst: true,
    },
    {
      name: 'spring-forward',
      // 01:59:50 EST; ten seconds later it is 03:00 EDT.
      at: sunday(year, 2, SUNDAYS.march) + (6 * 3_600 + 59 * 60 + 50) * 1_000,
      zone: NEW_YORK,
      why: 'an hour is missing, and the day has 23',
      isWorst: false,
    },
    { name: 'year-ahead', at: nowMs + 365 * DAY_MS, why: 'a day like today', isWorst: false },
  ];
}

function nextLeapYear(year: number): number {
  const isLeap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
  return isLeap ? year : nextLeapYear(year + 1);
}

/** Midnight UTC of a Sunday of a month, counted from 1. */
function sunday(year: number, month: number, count: number): number {
  const weekday = new Date(Date.UTC(year, month, 1)).getUTCDay();
  return Date.UTC(year, month, 1 + ((7 - weekday) % 7) + (count - 1) * 7);
}
