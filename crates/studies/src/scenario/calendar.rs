//! The year of a scenario: which step is which hour of which day.

use network::scenario::{DAYS, Scenario};

/// Days of the months of a year of 365.
const MONTHS: [usize; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Steps of a year of 365 days; the first begins at midnight of the first of January.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Days since Monday of the first day.
    first_weekday: usize,
    pub steps_per_hour: usize,
}

impl Calendar {
    pub fn new(scenario: &Scenario) -> Self {
        Self { first_weekday: scenario.first_weekday.index(), steps_per_hour: (60 / scenario.step_min.clamp(1, 60)) as usize }
    }

    pub fn n_steps(self) -> usize {
        DAYS * 24 * self.steps_per_hour
    }

    pub fn steps_per_day(self) -> usize {
        24 * self.steps_per_hour
    }

    pub fn step_h(self) -> f64 {
        1.0 / self.steps_per_hour as f64
    }

    /// Hour of the year, from 0, in which a step lies.
    pub fn hour(self, step: usize) -> usize {
        step / self.steps_per_hour
    }

    /// Middle of a step, hours since midnight.
    pub fn hour_of_day(self, step: usize) -> f64 {
        ((step % self.steps_per_day()) as f64 + 0.5) / self.steps_per_hour as f64
    }

    pub fn day(self, step: usize) -> usize {
        step / self.steps_per_day()
    }

    /// Days since Monday of a day.
    pub fn weekday(self, day: usize) -> usize {
        (self.first_weekday + day) % 7
    }

    pub fn is_weekend(self, day: usize) -> bool {
        self.weekday(day) >= 5
    }

    /// Month of a day, from 1.
    pub fn month(day: usize) -> i64 {
        let mut left = day % DAYS;
        for (i, n) in MONTHS.iter().enumerate() {
            if left < *n {
                return i as i64 + 1;
            }
            left -= n;
        }
        12
    }

    /// Day of the year, from 0, of a month from 1 and its day from 1.
    pub fn day_of_year(month: usize, day: usize) -> usize {
        MONTHS[..month.clamp(1, 12) - 1].iter().sum::<usize>() + day - 1
    }

    /// The day of `MM-DD`.
    pub fn parse_day(text: &str) -> Option<usize> {
        let (month, day) = text.split_once('-')?;
        let (month, day): (usize, usize) = (month.parse().ok()?, day.parse().ok()?);
        let length = *MONTHS.get(month.checked_sub(1)?)?;
        (1..=length).contains(&day).then(|| Self::day_of_year(month, day))
    }

    /// Whether an hour of the day lies in a window that may pass midnight; the whole day where both are equal.
    pub fn in_window(hour: f64, from: f64, to: f64) -> bool {
        if from < to { (from..to).contains(&hour) } else { hour >= from || hour < to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lie_in_their_hours_days_and_months() {
        let c = Calendar { first_weekday: 5, steps_per_hour: 4 };
        assert_eq!((c.n_steps(), c.steps_per_day(), c.step_h()), (35_040, 96, 0.25));
        assert_eq!((c.hour(4), c.day(96), c.hour_of_day(97)), (1, 1, 0.375));
        assert!(c.is_weekend(0) && c.is_weekend(1) && !c.is_weekend(2) && c.is_weekend(7));
        assert_eq!((Calendar::month(0), Calendar::month(58), Calendar::month(59), Calendar::month(364)), (1, 2, 3, 12));
        assert_eq!((Calendar::parse_day("07-04"), Calendar::parse_day("02-29")), (Some(184), None));
        assert!(Calendar::in_window(23.0, 22.0, 6.0) && !Calendar::in_window(12.0, 22.0, 6.0) && Calendar::in_window(17.0, 16.0, 21.0));
    }
}
