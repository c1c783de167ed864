//! Lists in pieces.

use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Rows of a piece, unless told.
const LIMIT: u32 = 100;
/// Rows of a piece at most.
const LIMIT_MAX: u32 = 1000;

/// Which piece of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Rows at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Rows left out before.
    pub offset: Option<u64>,
}

/// A piece of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Rows of the whole list.
    pub total: u64,
    /// `offset` of the next piece; none after the last.
    pub next: Option<u64>,
}

/// A limit, or the usual one.
///
/// # Errors
/// One that is 0 or too large.
pub fn limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit.unwrap_or(LIMIT) {
        n @ 1..=LIMIT_MAX => Ok(n),
        n => Err(Problem::bad_request("The limit is out of range")
            .detail(format!("{n} rows are asked for at once; 1 to {LIMIT_MAX} can be had."))
            .hint("Ask for fewer, and for the next piece with `offset`.")
            .field("limit")),
    }
}

impl Paging {
    /// Refuses a limit that cannot be had, before any work is done.
    ///
    /// # Errors
    /// A limit of 0 or one that is too large.
    pub fn check(self) -> Result<Self, Problem> {
        limit(self.limit).map(|_| self)
    }

    /// The piece of a list that is there as a whole.
    ///
    /// # Errors
    /// A limit of 0 or one that is too large.
    pub fn of<T>(self, all: impl IntoIterator<Item = T>) -> Result<Page<T>, Problem> {
        let (limit, offset) = (u64::from(limit(self.limit)?), self.offset.unwrap_or(0));
        let (mut items, mut total) = (Vec::new(), 0);
        for item in all {
            if (offset..offset.saturating_add(limit)).contains(&total) {
                items.push(item);
            }
            total += 1;
        }
        let end = offset.saturating_add(limit);
        Ok(Page { items, total, next: (end < total).then_some(end) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_whole() {
        let piece = |limit, offset| Paging { limit: Some(limit), offset: Some(offset) }.of(0..7).map(|p| (p.items, p.total, p.next));
        assert_eq!(piece(3, 0).unwrap(), (vec![0, 1, 2], 7, Some(3)));
        assert_eq!(piece(3, 6).unwrap(), (vec![6], 7, None));
        assert_eq!(piece(3, u64::MAX).unwrap(), (vec![], 7, None));
        assert_eq!(piece(7, 0).unwrap().2, None);
        assert!(piece(0, 0).is_err() && piece(1001, 0).is_err());
    }
}
