//! Federated training: sites that must not part with their data fit one model together.
//!
//! [`federation::Federation`] is the document that all hold. [`coordinator::Coordinator`] and [`participant::Participant`] are the two sides as state
//! machines that touch no socket, file or clock; [`wire`] puts them on TLS. What is protected from whom stands in `docs/methods/learning-federated.md`.

pub mod accountant;
pub mod average;
pub mod coding;
pub mod coordinator;
pub mod credentials;
pub mod dense;
pub mod digest;
pub mod federation;
pub mod fixed;
pub mod identity;
pub mod linear;
pub mod masks;
pub mod message;
pub mod node;
pub mod participant;
pub mod privacy;
pub mod robust;
pub mod secret;
pub mod shamir;
pub mod site;
pub mod task;
pub mod trees;
pub mod wire;
