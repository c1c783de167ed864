/** Days of a year of 365 days, counted from 0. */

import { hourOfYear } from '../../../ui/format';

export const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** As `19 Aug`. */
export const dayText = (day: number): string => hourOfYear(24 * day + 1).replace(/ \d\d:\d\d$/, '');

/** Month from 0 and day of the month from 1. */
export function monthOf(day: number): { month: number; date: number } {
  let month = 0;
  let left = day;
  while (month < 11 && left >= (LENGTHS[month] as number)) {
    left -= LENGTHS[month] as number;
    month += 1;
  }
  return { month, date: left + 1 };
}

/** Day of a month and a day of it; the month's last where it has not as many. */
export const dayOf = (month: number, date: number): number => LENGTHS.slice(0, month).reduce((n, l) => n + l, 0) + Math.min(date, LENGTHS[month] ?? 31) - 1;
