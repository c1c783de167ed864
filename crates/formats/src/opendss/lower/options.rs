//! Options of the solution: shapes and curves by name become ids.

use network::{Diagnostic, Network, Severity, SolutionOptions};

use super::LowerOptions;
use crate::opendss::class::ClassId;
use crate::opendss::script::Model;

/// The options of a script, with ids of the network that its objects become.
///
/// # Errors
/// Findings about options that name what does not exist, and about options that would change the answer and are not
/// supported; leniency makes warnings of the latter.
pub fn lower(model: &Model, options: LowerOptions, findings: &mut Vec<Diagnostic>) -> SolutionOptions {
    let mut solution = model.options.solution.clone();
    let place = |class: ClassId, name: &str| model.objects.of_class(class).position(|(_, object)| *object.name == *name.to_lowercase());
    let mut named = |option: &str, class: ClassId, name: &str| -> Option<usize> {
        if name.is_empty() || name.eq_ignore_ascii_case("none") {
            return None;
        }
        let found = place(class, name);
        if found.is_none() {
            let message = format!("option {option}: there is no {} \"{name}\"", class.name());
            findings.push(Diagnostic::error("READ.OPENDSS.UNDEFINED_REFERENCE", message));
        }
        found
    };
    let own = &model.options;
    solution.default_daily = named("DefaultDaily", ClassId::LoadShape, &own.default_daily).map(From::from);
    solution.default_yearly = named("DefaultYearly", ClassId::LoadShape, &own.default_yearly).map(From::from);
    solution.load_duration_curve =
        own.load_duration_curve.as_ref().and_then(|name| named("LDCurve", ClassId::LoadShape, name)).map(From::from);
    solution.price_curve = own.price_curve.as_ref().and_then(|name| named("PriceCurve", ClassId::PriceShape, name)).map(From::from);
    solution.default_growth = place(ClassId::GrowthShape, "default").map(From::from);
    if own.long_line_correction {
        let mut finding =
            Diagnostic::error("READ.OPTION.REFUSED", "option LongLineCorrection is not supported and would change the result");
        if options.lenient {
            finding.severity = Severity::Warning;
        }
        findings.push(finding);
    }
    solution
}

/// Renews the options of a network whose objects have not changed.
pub fn renew(network: &mut Network, model: &Model) {
    // What is wrong with them was told when the objects were lowered, or is told when they are next.
    network.options = lower(model, LowerOptions::default(), &mut Vec::new());
}
