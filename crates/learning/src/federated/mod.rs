//! Federated training: sites that must not part with their data fit one model together.

pub mod accountant;
pub mod digest;
pub mod federation;
pub mod fixed;
pub mod identity;
pub mod masks;
pub mod privacy;
pub mod secret;
pub mod shamir;
