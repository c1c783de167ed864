//! Views over the tables of a lake, each an SQL file that begins with its own documentation.
//!
//! The head of a file: what a row is, the tables that it needs, then `name [unit]: meaning` for every column. The report makes the same
//! figures without SQL; tests hold both to each other.

/// One view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    pub name: &'static str,
    text: &'static str,
}

/// One column of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewColumn {
    pub name: &'static str,
    pub unit: &'static str,
    pub meaning: &'static str,
}

/// All views, in the order in which a report shows them.
pub const VIEWS: &[View] = &[
    View { name: "feeder_scorecard", text: include_str!("views/feeder_scorecard.sql") },
    View { name: "thermal_overloads", text: include_str!("views/thermal_overloads.sql") },
    View { name: "voltage_violations", text: include_str!("views/voltage_violations.sql") },
    View { name: "losses", text: include_str!("views/losses.sql") },
    View { name: "transformer_loading", text: include_str!("views/transformer_loading.sql") },
    View { name: "voltage_profile", text: include_str!("views/voltage_profile.sql") },
];

/// The view of this name.
pub fn view(name: &str) -> Option<View> {
    VIEWS.iter().copied().find(|v| v.name == name)
}

impl View {
    fn head(self) -> impl Iterator<Item = &'static str> {
        self.text.lines().map_while(|line| line.strip_prefix("-- "))
    }

    /// What a row is.
    pub fn meaning(self) -> &'static str {
        self.head().next().unwrap_or_default()
    }

    /// Tables that it is made from.
    pub fn needs(self) -> impl Iterator<Item = &'static str> {
        self.head().find_map(|line| line.strip_prefix("needs: ")).unwrap_or_default().split(' ')
    }

    pub fn columns(self) -> impl Iterator<Item = ViewColumn> {
        self.head().filter_map(|line| {
            let (name, rest) = line.split_once(" [")?;
            let (unit, meaning) = rest.split_once("]: ")?;
            (!name.contains(' ')).then_some(ViewColumn { name, unit, meaning })
        })
    }

    /// The query, its head included.
    pub fn sql(self) -> &'static str {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_complete() {
        for view in VIEWS {
            assert!(view.meaning().ends_with('.'), "{}", view.name);
            assert!(view.needs().all(|t| network::result_table(t).is_some()), "{}", view.name);
            let lines = view.head().count();
            assert_eq!(view.columns().count() + 2, lines, "{}: a line of the head is not understood", view.name);
        }
    }
}
