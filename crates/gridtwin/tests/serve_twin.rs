//! The live twin over the wire.
#[test]
fn placeholder() {}
