//! Neighbourhoods of a feeder: YAML or JSON, as `models/ieee123/neighbourhoods.yaml` shows.

use crate::ImportError;
use crate::exchange::read_document;
use network::neighbourhood::Neighbourhoods;

const HINT: &str = "models/ieee123/neighbourhoods.yaml shows how they are written";

/// Reads neighbourhoods; `name` is that of the file, for findings. Whether they fit a network is told by the study that uses them.
///
/// # Errors
/// A text that is none.
pub fn read(text: &str, name: &str) -> Result<Neighbourhoods, ImportError> {
    read_document(text, name, "DESK.NEIGHBOURHOOD.UNREADABLE", "list of neighbourhoods", HINT)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::samples::IEEE123_NEIGHBOURHOODS;

    #[test]
    fn the_sample_is_read_and_what_is_none_is_told_with_its_line() {
        let all = read(IEEE123_NEIGHBOURHOODS, "neighbourhoods.yaml").unwrap();
        assert_eq!((all.neighbourhoods.len(), all.neighbourhoods[0].pincode), (14, 1));
        assert_eq!(all.neighbourhoods[1].transformer_bus, "24");
        let e = read("neighbourhoods:\n  - {pincode: 1, transformer_bus: a, busses: [a]}\n", "n.yaml").unwrap_err();
        let d = &e.diagnostics[0];
        assert_eq!((d.code.as_str(), d.source.as_ref().map(|s| s.line)), ("DESK.NEIGHBOURHOOD.UNREADABLE", Some(2)));
        assert!(d.detail.as_ref().unwrap().contains("busses"), "{d:?}");
    }
}
