//! Primitive admittances: each element alone, before it is joined to others.
//!
//! A primitive admittance `Y` gives the currents into an element's conductors, `i = Y v`, from the voltages of the
//! conductors to earth. Its rows run over the conductors of terminal 1, then those of terminal 2, and so on. An open conductor
//! is not treated here: it is the solver that eliminates it.

mod auto_transformer;
pub mod transformer;
