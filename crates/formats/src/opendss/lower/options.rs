//! Options of the solution: shapes and curves by name become ids.

use network::{Diagnostic, Network, ShapeClass, SolutionOptions};

use crate::opendss::class::ClassId;
use crate::opendss::script::Model;

/// The options of a script, with ids of the network that its objects become.
///
/// # Errors
/// Findings about options that name what does not exist.
pub fn lower(model: &Model, findings: &mut Vec<Diagnostic>) -> SolutionOptions {
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
    solution.long_line_correction = own.long_line_correction;
    solution.load_shape_class = match own.load_shape_class {
        0 => ShapeClass::Daily,
        1 => ShapeClass::Yearly,
        2 => ShapeClass::Duty,
        _ => ShapeClass::None,
    };
    solution
}

/// Renews the options of a network whose objects have not changed.
pub fn renew(network: &mut Network, model: &Model) {
    // What is wrong with them was told when the objects were lowered, or is told when they are next.
    network.options = lower(model, &mut Vec::new());
}
