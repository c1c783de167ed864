//! Cost catalogues: YAML or JSON with the names of [`CostCatalogue`].

use network::cost::{COST_FIGURES, CostCatalogue};
use network::{Diagnostic, SourceRef};

/// Reads a catalogue; `name` is that of the file, for findings.
///
/// # Errors
/// What the file has that is none of the catalogue's names, figures that are no costs, no figure at all.
pub fn read(text: &str, name: &str) -> Result<CostCatalogue, Vec<Diagnostic>> {
    let names = || COST_FIGURES.iter().map(|(n, what)| format!("{n} ({what})")).collect::<Vec<_>>().join("; ");
    let read: Result<CostCatalogue, _> = serde_saphyr::from_str(text);
    let catalogue = read.map_err(|e| {
        let line = e.location().map_or(0, |l| l.line() as u32);
        let message = e.to_string().lines().next().unwrap_or_default().to_owned();
        vec![
            Diagnostic::error("MITIGATION.COSTS.UNREADABLE", "the cost catalogue cannot be read")
                .at(&SourceRef::new(name, line))
                .detail(message)
                .hint(format!("Figures: {}. conductor_per_km_of has figures by line code, currency and source are words.", names())),
        ]
    })?;
    let faults: Vec<Diagnostic> = catalogue
        .faults()
        .into_iter()
        .map(|figure| {
            Diagnostic::error("MITIGATION.COSTS.VALUE", format!("{figure} is no cost"))
                .at(&SourceRef::new(name, 0))
                .hint("A cost is a number of 0 or more.")
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    if COST_FIGURES.iter().all(|(n, _)| catalogue.figure(n).is_none()) && catalogue.conductor_per_km_of.is_empty() {
        return Err(vec![
            Diagnostic::error("MITIGATION.COSTS.NONE", "the cost catalogue has no figure")
                .at(&SourceRef::new(name, 0))
                .hint(format!("Give at least one: {}.", names())),
        ]);
    }
    Ok(catalogue)
}

/// An empty catalogue to be filled in, as YAML.
pub fn template() -> String {
    let figures: String = COST_FIGURES.iter().map(|(name, what)| format!("# {name}:   # {what}\n")).collect();
    format!(
        "# Costs of changes, yours: no published figure holds for a street, a year and a company.\n# A change whose figure is left out is not proposed.\ncurrency: USD\nsource: \"\"\n{figures}# conductor_per_km_of:   # for single line codes, in place of conductor_per_km\n#   some_code:\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_read_or_told_what_is_wrong_with_it() {
        let read_ok = read("currency: EUR\ntransformer: 1000\nconductor_per_km_of: {a: 5e4}\n", "c.yaml").unwrap();
        assert_eq!((read_ok.currency.as_str(), read_ok.transformer, read_ok.conductor_per_km_of["a"]), ("EUR", Some(1000.0), 5e4));
        assert!(read("{\"capacitor\": 3}", "c.json").is_ok());
        for (text, code) in [
            ("transformr: 3\n", "MITIGATION.COSTS.UNREADABLE"),
            ("transformer: many\n", "MITIGATION.COSTS.UNREADABLE"),
            (": [", "MITIGATION.COSTS.UNREADABLE"),
            ("transformer: -3\n", "MITIGATION.COSTS.VALUE"),
            ("transformer: .nan\n", "MITIGATION.COSTS.VALUE"),
            ("currency: EUR\n", "MITIGATION.COSTS.NONE"),
        ] {
            let found = read(text, "c.yaml").unwrap_err();
            assert_eq!(found[0].code, code, "{text}: {found:?}");
        }
        let found = read("currency: EUR\ntransformr: 3\n", "c.yaml").unwrap_err();
        assert_eq!(found[0].source.as_ref().map(|s| s.line), Some(2), "{found:?}");
        // Every figure of the template is one of the catalogue, and the other way round.
        let all = COST_FIGURES.iter().fold(template(), |t, (name, _)| t.replace(&format!("# {name}:"), &format!("{name}: 1")));
        let all = read(&all, "t").unwrap();
        assert!(COST_FIGURES.iter().all(|(name, _)| all.figure(name) == Some(1.0)));
        let filled = template().replace("# setting:   #", "setting: 5   #");
        assert_eq!(read(&filled, "t").unwrap().setting, Some(5.0));
    }
}
