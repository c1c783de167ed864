//! Dates of the Gregorian calendar as days since 1970-01-01, for what counts in UTC and needs no zone.
//!
//! Counted in years that begin in March, so that the leap day is the last one. An era of 400 such years has 146 097 days, and the first of March of year 0
//! lies 719 468 days before 1970-01-01. Months from March on have 31, 30, 31, 30, 31 days again and again, so that the days before month `m` (March is 0) are
//! `(153 m + 2) / 5`. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013). The calendar is taken to hold for all years (proleptic).

const DAYS_OF_ERA: i64 = 146_097;
const DAYS_TO_1970: i64 = 719_468;

/// Days from 1970-01-01 to a date; month 1 to 12, day 1 to 31. A day that its month does not have is counted on into the next one.
#[inline]
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * DAYS_OF_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970
}

/// Year, month and day of days since 1970-01-01; the inverse of [`days_from_civil`].
#[inline]
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + DAYS_TO_1970;
    let era = z.div_euclid(DAYS_OF_ERA);
    let of_era = z - era * DAYS_OF_ERA;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_count_from_1970_and_come_back() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
        assert_eq!(days_from_civil(2024, 2, 29) + 1, days_from_civil(2024, 3, 1));
        assert_eq!(days_from_civil(2023, 2, 29), days_from_civil(2023, 3, 1));
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(19_417), (2023, 3, 1));
        let mut before = civil_from_days(-200_001);
        for days in -200_000..200_000 {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
            // The next date, or the first of the next month or year.
            let next = [(before.0, before.1, before.2 + 1), (before.0, before.1 + 1, 1), (before.0 + 1, 1, 1)];
            assert!(next.contains(&(y, m, d)), "{before:?} {:?}", (y, m, d));
            before = (y, m, d);
        }
    }
}
