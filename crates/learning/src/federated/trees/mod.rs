//! Boosted trees of several sites, from sums alone.
//!
//! Trees cannot be averaged, but what a tree is grown from can be summed: how many rows lie in which bin, and the gradients and hessians of the rows of a node by
//! bin (T. Chen, C. Guestrin, "XGBoost", KDD 2016; summed over sites as in K. Cheng and others, "SecureBoost", IEEE Intelligent Systems 36 (2021), here with all
//! features at all sites). Three kinds of sum, each a round of the protocol under its masks:
//!
//! ```text
//! count    rows by cell of a grid that all know beforehand ─► cuts of about equally many rows, first answers
//! sum      per level of a tree: gradients and hessians of the wanted nodes by bin ─► divisions, told with the next question
//! judge    the trees of a version, on rows kept apart ─► released, or the end
//! ```
//!
//! **No raw value is needed for a cut.** A feature has a physical range ([`super::linear::Scale`]) that is parted into equal cells; cuts are edges of cells.
//!
//! **Sums are exact.** Every row's gradient and hessian is rounded to a grid of a power of two, coarse enough that no sum of a whole federation needs more than
//! 53 bits. So the order of summing does not matter: trees are, bit for bit, those of one place that has all rows and rounds to the same grid.
//!
//! **A class each.** Of `k` classes, `k` logistic models of one against the rest are grown side by side, a tree of each in the same sums (of two classes one
//! suffices). A probability is the logistic of its margin over the sum of those of all classes.
//!
//! **A site that is lost.** A tree is of one set of sites: the histogram of a child is taken from that of its parent, and a sum with a site over one without it is
//! about that site alone. When one of them is missing in a level, that level is dropped, the tree stays as it was grown until then, and the next tree is of the
//! sites that are there. What was lost is a few questions of one tree.

mod ensemble;
mod growing;
mod plan;
mod site;

pub use ensemble::{Ensemble, EnsembleError};
pub use growing::{Absorbed, Growing};
pub use plan::{Ask, Plan, PlanFault, Target, Task};
pub use site::{TreeRows, TreeSite, in_one_place};

#[cfg(test)]
mod tests;
