//! Vector groups: `Dyn11`, `YNd5`, `YNyn0d5`.
//!
//! A group names the connection of each winding (`Y` star, `D` delta, `Z` zigzag), an earthed star point by `N`, and the clock number by which
//! a lower-voltage winding lags the highest one, in steps of 30 degrees. Capitals mark the highest voltage, and are not needed here: the order
//! does. Source: IEC 60076-1, clause 7.

/// How a winding is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    Star,
    StarEarthed,
    Delta,
    Zigzag,
    ZigzagEarthed,
}

impl Connection {
    /// Whether its star point is brought to earth.
    pub fn is_earthed(self) -> bool {
        matches!(self, Self::StarEarthed | Self::ZigzagEarthed)
    }

    fn is_star_like(self) -> bool {
        matches!(self, Self::Star | Self::StarEarthed)
    }
}

/// A winding with the clock number by which it lags the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Winding {
    pub connection: Connection,
    pub clock: u8,
    /// Whether the clock number stood there; else 0 for alike windings and 5 for unlike ones.
    pub clock_given: bool,
}

/// Reads the windings of a group.
///
/// # Errors
/// What cannot be read, in words.
pub fn parse(text: &str, windings: usize) -> Result<Vec<Winding>, String> {
    let mut rest = text.trim();
    let mut found: Vec<Winding> = Vec::new();
    while let Some(letter) = rest.chars().next() {
        let connection = match letter.to_ascii_lowercase() {
            'y' => Connection::Star,
            'd' => Connection::Delta,
            'z' => Connection::Zigzag,
            _ => return Err(format!("\"{letter}\" is no connection: Y, D or Z")),
        };
        rest = &rest[1..];
        let connection = match (connection, rest.chars().next()) {
            (Connection::Star, Some('n' | 'N')) => Connection::StarEarthed,
            (Connection::Zigzag, Some('n' | 'N')) => Connection::ZigzagEarthed,
            (Connection::Delta, Some('n' | 'N')) => return Err("a delta has no star point".to_owned()),
            (c, _) => c,
        };
        if connection.is_earthed() {
            rest = &rest[1..];
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let given = (digits > 0).then(|| rest[..digits].parse::<u8>().unwrap_or(99));
        rest = &rest[digits..];
        if given.is_some_and(|c| c > 11) {
            return Err("a clock number lies between 0 and 11".to_owned());
        }
        let first = found.first().map(|w| w.connection);
        let alike = first.is_none_or(|f| f.is_star_like() == connection.is_star_like());
        // Star with star is even, star with delta or zigzag odd, and these among themselves even.
        if let Some(clock) = given
            && !found.is_empty()
            && alike != clock.is_multiple_of(2)
        {
            return Err(format!("clock number {clock} is not possible between these windings"));
        }
        let clock = given.unwrap_or(if alike { 0 } else { 5 });
        found.push(Winding { connection, clock, clock_given: given.is_some() || found.is_empty() });
    }
    if found.len() == windings { Ok(found) } else { Err(format!("{} windings are named, {windings} are needed", found.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_and_impossible_ones_refused() {
        let w = parse("YNyn0d5", 3).expect("a group");
        assert_eq!(
            [w[0].connection, w[1].connection, w[2].connection],
            [Connection::StarEarthed, Connection::StarEarthed, Connection::Delta]
        );
        assert_eq!([w[1].clock, w[2].clock], [0, 5]);
        let w = parse("Dyn11", 2).expect("a group");
        assert_eq!((w[0].connection, w[1].connection, w[1].clock), (Connection::Delta, Connection::StarEarthed, 11));
        assert!(!parse("YNd", 2).expect("a group")[1].clock_given);
        assert_eq!(parse("dzn0", 2).expect("a group")[1].connection, Connection::ZigzagEarthed);
        for wrong in ["", "Y", "Xyn0", "Dny5", "Dyn10", "Yy5", "Yd12", "YNyn0d5d5", "é"] {
            assert!(parse(wrong, 2).is_err(), "{wrong}");
        }
    }
}
