//! What happened, as a sentence.

use std::fmt;

use super::super::participant::SiteNotice;
use super::{Entry, Notice, Step};

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answers => "training",
            Self::Shares => "sharing of keys",
            Self::Masked => "sending of the masked sum",
            Self::Agreement => "agreement on who is left",
            Self::Revealed => "opening of the sum",
            Self::Judged => "judging",
        })
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { site, step } => write!(f, "{site} did not answer at the {step} in time, or was gone"),
            Self::Declined { site, refusal } => write!(f, "{site} sat the attempt out: {refusal}"),
            Self::Refused { site, reason } => write!(f, "what {site} sent was dropped: {reason}"),
            Self::Poisoned { site, poison } => write!(f, "the update of {site} was left out: {poison}"),
            Self::SumRefused { reason } => write!(f, "the sum was refused: {reason}; under masks nobody can say whose fault it is"),
            Self::RolledBack { before, after } => {
                write!(f, "the candidate was dropped: its loss on held-out rows is {after:.4}, that of the model before {before:.4}")
            }
            Self::Abandoned { step, present, threshold } => {
                write!(f, "the attempt ended at the {step} without a sum: {present} answered, {threshold} are needed")
            }
            Self::JoinedLate { site } => write!(f, "{site} came for the first time"),
            Self::TreesShortened { levels } => write!(f, "a site of these trees was missing: they stay with {levels} levels of questions"),
            Self::Released { version } => write!(f, "version {version} was released"),
            Self::Resumed => f.write_str("the coordinator was started again and read its journal"),
            Self::Ended { reason } => write!(f, "there will be no more rounds: {reason}"),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.round, self.attempt) {
            (0, _) => write!(f, "{}", self.notice),
            (round, 0 | 1) => write!(f, "round {round}: {}", self.notice),
            (round, attempt) => write!(f, "round {round}, attempt {attempt}: {}", self.notice),
        }
    }
}

impl fmt::Display for SiteNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined { round, refusal, reason } => write!(f, "round {round}: sat an attempt out, for {refusal}: {reason}"),
            Self::Clipped { round, norm, bound } => {
                write!(f, "round {round}: the update was {norm:.3} long and was shortened to {bound:.3}")
            }
            Self::Released { version, sha256 } => write!(f, "version {version} came, SHA-256 {:.12}", sha256.to_string()),
            Self::ReleaseRefused { version } => {
                write!(f, "version {version} was refused: it is not what its digest says, not of this kind, or older than the one at hand")
            }
            Self::Goodbye { reason } => write!(f, "the coordinator parted: {reason}"),
            Self::Finished => f.write_str("there will be no more rounds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::message::Refusal;
    use super::*;

    #[test]
    fn a_notice_is_a_sentence_with_its_round() {
        let of = |round, attempt, notice| Entry { round, attempt, notice }.to_string();
        assert_eq!(of(3, 1, Notice::Released { version: 3 }), "round 3: version 3 was released");
        assert_eq!(
            of(4, 2, Notice::Missing { site: "north".into(), step: Step::Masked }),
            "round 4, attempt 2: north did not answer at the sending of the masked sum in time, or was gone"
        );
        assert_eq!(of(0, 0, Notice::Resumed), "the coordinator was started again and read its journal");
        let declined = Notice::Declined { site: "south".into(), refusal: Refusal::Budget };
        assert_eq!(of(5, 1, declined), "round 5: south sat the attempt out: one more round would exceed its limit of epsilon");
    }
}
