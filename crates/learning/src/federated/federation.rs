//! What the sites of a federation have agreed upon before anything is sent: who they are and what protects each.
//!
//! Every site and the coordinator hold the same document; its SHA-256 is part of every key, signature and greeting. So a coordinator cannot tell one site of
//! a lower threshold, of less noise or of other members than the rest.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::Digest;

/// A site by its place in the roster, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Site(pub u8);

impl Site {
    /// Its place in a list of sites.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Where the polynomials of its shares are taken; never 0.
    pub(super) fn point(self) -> u8 {
        self.0 + 1
    }
}

/// A site of the roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// SHA-256 of its certificate in DER.
    pub certificate_sha256: Digest,
}

/// Whether the coordinator sees single updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Only sums, by masks that cancel.
    Masked,
    /// Each update, so that it can judge each. For sites that trust the coordinator with them.
    Open,
}

/// Noise that hides whether and how one site took part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Standard deviation of the noise in a sum over the greatest norm of one site's addend.
    pub noise_multiplier: f64,
    /// How many sites are counted upon to add their share of the noise honestly. With fewer than that among those who finish, a round does not count.
    pub honest: u8,
    /// The probability with which epsilon may not hold.
    pub delta: f64,
    /// A site takes part no more when epsilon would exceed this.
    pub epsilon_limit: f64,
}

/// The document. A word that is not known is refused when it is read: it may be a protection that was misspelt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// Its name.
    pub name: String,
    /// SHA-256 of the coordinator's certificate in DER.
    pub coordinator_sha256: Digest,
    /// The sites.
    pub members: Vec<Member>,
    /// How many sites have to finish a round, and how many shares open a secret.
    pub threshold: u8,
    /// Whether the coordinator sees single updates.
    pub aggregation: Aggregation,
    /// The greatest Euclidean norm of one site's update; what is longer is shortened.
    pub clip_norm: f64,
    /// The greatest weight of one site in an average. Under `privacy` every weight is 1.
    pub weight_limit: f64,
    /// Noise, if any.
    pub privacy: Option<Privacy>,
}

/// What is wrong with the document.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum FederationFault {
    /// Too few or too many sites.
    #[error("{members} sites; a federation has 2 to 254 in the clear and 3 to 254 under masks")]
    Members {
        /// How many.
        members: usize,
    },
    /// A name or certificate that stands twice.
    #[error("members {first} and {second} have the same {what}")]
    Twice {
        /// Name or certificate.
        what: &'static str,
        /// The one.
        first: usize,
        /// The other.
        second: usize,
    },
    /// With half of the sites or fewer, the coordinator could open both kinds of shares of a site by telling two stories.
    #[error("a threshold of {threshold} for {members} sites; it has to be more than half of them and no more than all")]
    Threshold {
        /// The threshold.
        threshold: u8,
        /// How many sites.
        members: usize,
    },
    /// Noise is added in shares that hide only sums.
    #[error(
        "privacy needs masked aggregation: one site's share of the noise does not hide its update from a coordinator that sees it alone"
    )]
    OpenPrivacy,
    /// A number that is not one or out of its range.
    #[error("{name} is {value}; it has to be {range}")]
    Number {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
}

impl Federation {
    /// Everything that is wrong with the document, at once.
    pub fn faults(&self) -> Vec<FederationFault> {
        let mut faults = Vec::new();
        let members = self.members.len();
        let least = if self.aggregation == Aggregation::Masked { 3 } else { 2 };
        if !(least..=254).contains(&members) {
            faults.push(FederationFault::Members { members });
        }
        for second in 0..members {
            for first in 0..second {
                let (a, b) = (&self.members[first], &self.members[second]);
                if a.name == b.name {
                    faults.push(FederationFault::Twice { what: "name", first, second });
                }
                if a.certificate_sha256 == b.certificate_sha256 {
                    faults.push(FederationFault::Twice { what: "certificate", first, second });
                }
            }
        }
        let threshold = usize::from(self.threshold);
        if threshold * 2 <= members || threshold > members {
            faults.push(FederationFault::Threshold { threshold: self.threshold, members });
        }
        if self.aggregation == Aggregation::Open && self.privacy.is_some() {
            faults.push(FederationFault::OpenPrivacy);
        }
        let mut number = |name, value: f64, range, fits: bool| {
            if !(fits && value.is_finite()) {
                faults.push(FederationFault::Number { name, value, range });
            }
        };
        number("clip_norm", self.clip_norm, "above 0 and at most 1e9", self.clip_norm > 0.0 && self.clip_norm <= 1e9);
        number("weight_limit", self.weight_limit, "1 to 1e9", (1.0..=1e9).contains(&self.weight_limit));
        if let Some(privacy) = &self.privacy {
            number("noise_multiplier", privacy.noise_multiplier, "0.01 to 1000", (0.01..=1000.0).contains(&privacy.noise_multiplier));
            let honest = f64::from(privacy.honest);
            number("honest", honest, "1 to the threshold", honest >= 1.0 && honest <= f64::from(self.threshold));
            number("delta", privacy.delta, "above 0 and below 1", privacy.delta > 0.0 && privacy.delta < 1.0);
            number("epsilon_limit", privacy.epsilon_limit, "above 0", privacy.epsilon_limit > 0.0);
        }
        faults
    }

    /// SHA-256 of everything in the document.
    pub fn digest(&self) -> Digest {
        Digest::of_value(self)
    }

    /// The site that shows this certificate.
    pub fn site_of(&self, certificate: Digest) -> Option<Site> {
        self.members.iter().position(|m| m.certificate_sha256 == certificate).and_then(|i| u8::try_from(i).ok()).map(Site)
    }

    /// A member.
    pub fn member(&self, site: Site) -> Option<&Member> {
        self.members.get(site.index())
    }

    /// What people call a site.
    pub fn name_of(&self, site: Site) -> &str {
        self.member(site).map_or("unknown", |m| m.name.as_str())
    }

    /// All sites.
    pub fn sites(&self) -> impl Iterator<Item = Site> + use<> {
        (0..self.members.len() as u8).map(Site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let member = |name: &str| Member { name: name.to_owned(), certificate_sha256: Digest::of(name.as_bytes()) };
        let mut federation = Federation {
            name: "test".to_owned(),
            coordinator_sha256: Digest::of(b"c"),
            members: ["a", "b", "c", "d", "e"].map(member).to_vec(),
            threshold: 3,
            aggregation: Aggregation::Masked,
            clip_norm: 1.0,
            weight_limit: 100.0,
            privacy: Some(Privacy { noise_multiplier: 1.0, honest: 3, delta: 1e-5, epsilon_limit: 10.0 }),
        };
        assert_eq!(federation.faults(), []);
        let text = serde_json::to_string(&federation).unwrap();
        assert_eq!(serde_json::from_str::<Federation>(&text).unwrap().digest(), federation.digest());
        assert!(serde_json::from_str::<Federation>(&text.replace("privacy", "privcy")).is_err());
        federation.members[4] = federation.members[0].clone();
        federation.threshold = 2;
        federation.clip_norm = f64::NAN;
        federation.privacy.as_mut().unwrap().honest = 3;
        federation.privacy.as_mut().unwrap().delta = 0.0;
        let faults: Vec<String> = federation.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 6, "{faults:#?}");
        federation.aggregation = Aggregation::Open;
        assert_eq!(federation.faults().len(), 7);
    }
}
