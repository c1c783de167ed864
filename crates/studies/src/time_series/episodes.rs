//! Runs of steps during which an asset is beyond a limit.
//!
//! An episode begins with the first step beyond the limit and ends before the first step that is not. A step that did not settle says
//! nothing of the asset, so it ends every episode.

/// A limit that an asset can be beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    Overload,
    OverEmergency,
    BelowA,
    AboveA,
    BelowB,
    AboveB,
}

impl Limit {
    pub const ALL: [Self; 6] = [Self::Overload, Self::OverEmergency, Self::BelowA, Self::AboveA, Self::BelowB, Self::AboveB];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overload => "overload",
            Self::OverEmergency => "over_emergency",
            Self::BelowA => "below_a",
            Self::AboveA => "above_a",
            Self::BelowB => "below_b",
            Self::AboveB => "above_b",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.name() == name)
    }

    /// Whether it is one of loading, so that its assets are elements; else of voltage, and they are nodes.
    pub fn is_thermal(self) -> bool {
        matches!(self, Self::Overload | Self::OverEmergency)
    }

    pub fn unit(self) -> &'static str {
        if self.is_thermal() { "%" } else { "pu" }
    }

    /// How far `a` lies beyond `b`, the limit's way.
    pub(crate) fn beyond(self, a: f64, b: f64) -> f64 {
        if matches!(self, Self::BelowA | Self::BelowB) { b - a } else { a - b }
    }
}

/// One episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episode {
    pub kind: Limit,
    /// The asset's place among nodes or elements, as its keeper numbers them.
    pub asset: u32,
    /// Clock at the end of the first and of the worst step, h.
    pub start_hour: f64,
    pub worst_hour: f64,
    pub worst_value: f64,
    pub limit: f64,
    pub steps: u32,
}

/// An episode that may still go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open {
    /// Steps so far; none when nothing is open.
    steps: u32,
    start_hour: f64,
    worst_hour: f64,
    worst_value: f64,
}

impl Open {
    pub fn is_open(&self) -> bool {
        self.steps > 0
    }

    /// Takes the next step: `beyond` tells whether `value` passes `limit`.
    #[inline]
    pub fn step(&mut self, kind: Limit, asset: u32, limit: f64, beyond: bool, value: f64, hour: f64, ended: &mut Vec<Episode>) {
        if !beyond {
            return self.end(kind, asset, limit, ended);
        }
        if self.steps == 0 {
            *self = Self { steps: 1, start_hour: hour, worst_hour: hour, worst_value: value };
            return;
        }
        self.steps += 1;
        if kind.beyond(value, self.worst_value) > 0.0 {
            (self.worst_value, self.worst_hour) = (value, hour);
        }
    }

    /// Ends what is open.
    pub fn end(&mut self, kind: Limit, asset: u32, limit: f64, ended: &mut Vec<Episode>) {
        if self.steps > 0 {
            let Self { steps, start_hour, worst_hour, worst_value } = *self;
            ended.push(Episode { kind, asset, start_hour, worst_hour, worst_value, limit, steps });
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_told_with_their_worst_step() {
        let mut ended = Vec::new();
        let mut open = Open::default();
        for (i, v) in [1.0, 0.94, 0.92, 0.93, 0.96, 0.949].into_iter().enumerate() {
            open.step(Limit::BelowA, 7, 0.95, v < 0.95, v, i as f64 + 1.0, &mut ended);
        }
        assert_eq!(ended.len(), 1);
        let first = Episode { kind: Limit::BelowA, asset: 7, start_hour: 2.0, worst_hour: 3.0, worst_value: 0.92, limit: 0.95, steps: 3 };
        assert_eq!(ended[0], first);
        assert!(open.is_open());
        open.end(Limit::BelowA, 7, 0.95, &mut ended);
        assert_eq!((ended[1].steps, ended[1].start_hour, ended[1].worst_value), (1, 6.0, 0.949));
        assert!(!open.is_open());
    }
}
