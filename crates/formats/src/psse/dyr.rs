//! Dynamic data of PSS/E (DYR): machines, exciters and governors of a case.
//!
//! A record is free format over any number of lines and ends at a slash; what follows the slash on its line is comment. It begins
//! `BUS 'MODEL' ID` and goes on with the model's constants in the order of its sheet, blanks or commas between them:
//!
//! ```text
//!   1 'GENROU' 1  8.96 0.05 0.31 0.05 23.64 0.0 0.146 0.0969 0.0608 0.0969 0.05 0.0336 0.0 0.0 /
//! ```
//!
//! Models read: `GENCLS`, `GENROU`, `GENSAL`, `SEXS`, `IEEET1`, `TGOV1`, `GAST`, and `TWOAXIS`, a record of this project for the two-axis machine, for
//! which the format has none: `T'd0 T'q0 H D Xd Xq X'd X'q S(1.0) S(1.2)`. Records of any other model are kept as text in
//! [`Dynamics::kept`] and stand in the ledger as dropped: their effect is not carried. Order of the constants: PSS/E model sheets as used by the
//! public files of `CURENT/andes` and `NREL-Sienna/PowerSystemsTestData`.

use super::lex;
use network::dynamics::{
    Classical, DynamicRecord, Dynamics, ExciterModel, ExciterSaturation, Gast, GovernorModel, IeeeType1, MachineModel, MachineSaturation,
    RoundRotor, SalientPole, Sexs, Tgov1, TwoAxis,
};
use network::{Diagnostic, Disposition, KeptRecord, Ledger, Reject, SourceRef};
use std::sync::Arc;

/// What reading a DYR file gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DyrImport {
    pub dynamics: Dynamics,
    /// A record that could not be used has an error here.
    pub diagnostics: Vec<Diagnostic>,
    pub ledger: Ledger,
    /// Records that were not used because something in them is wrong.
    pub rejects: Vec<Reject>,
    /// Records by model, in the order in which models came.
    pub counts: Vec<(String, usize)>,
}

/// Names of a model's constants, in the order in which they stand.
fn constants(model: &str) -> Option<&'static [&'static str]> {
    Some(match model {
        "GENCLS" => &["H", "D"],
        "TWOAXIS" => &["T'd0", "T'q0", "H", "D", "Xd", "Xq", "X'd", "X'q", "S(1.0)", "S(1.2)"],
        "GENROU" => &["T'd0", "T''d0", "T'q0", "T''q0", "H", "D", "Xd", "Xq", "X'd", "X'q", "X''d", "Xl", "S(1.0)", "S(1.2)"],
        "GENSAL" => &["T'd0", "T''d0", "T''q0", "H", "D", "Xd", "Xq", "X'd", "X''d", "Xl", "S(1.0)", "S(1.2)"],
        "SEXS" => &["TA/TB", "TB", "K", "TE", "EMIN", "EMAX"],
        "IEEET1" => &["TR", "KA", "TA", "VRMAX", "VRMIN", "KE", "TE", "KF", "TF", "SWITCH", "E1", "SE(E1)", "E2", "SE(E2)"],
        "TGOV1" => &["R", "T1", "VMAX", "VMIN", "T2", "T3", "Dt"],
        "GAST" => &["R", "T1", "T2", "T3", "AT", "KT", "VMAX", "VMIN", "Dturb"],
        _ => return None,
    })
}

/// A record on its way: its words, the line at which it begins, its text.
struct Pending {
    line: u32,
    /// Text and whether it stood in quotes.
    words: Vec<(String, bool)>,
    lines: Vec<String>,
}

/// Reads a DYR file.
///
/// # Inputs
/// `bytes` of the file; `file` as it is to be named in findings.
///
/// # Returns
/// The records with findings, ledger and rejects; no input makes it fail. A file without any record has the error `DYR.FILE.EMPTY`.
pub fn read(bytes: &[u8], file: &str) -> DyrImport {
    let mut reader = Reader { file: file.into(), import: DyrImport::default() };
    if bytes.contains(&0) {
        reader.import.diagnostics.push(
            Diagnostic::error("DYR.FILE.BINARY", "the file is not text")
                .at(&reader.at(0))
                .hint("a snapshot (.snp) cannot be read: write it as DYR from the program that made it"),
        );
        return reader.import;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => std::borrow::Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut pending: Option<Pending> = None;
    for (i, line) in text.lines().enumerate() {
        let number = u32::try_from(i + 1).unwrap_or(u32::MAX);
        if pending.is_none() && (line.trim().is_empty() || line.trim_start().starts_with("@!")) {
            continue;
        }
        let split = lex::split(line);
        let ends = split.comment.is_some();
        if !split.items.is_empty() {
            let record = pending.get_or_insert_with(|| Pending { line: number, words: Vec::new(), lines: Vec::new() });
            record.words.extend(split.items.into_iter().map(|item| (item.text.trim().to_owned(), item.quoted)));
            record.lines.push(line.trim_end().to_owned());
        }
        if ends && let Some(record) = pending.take() {
            reader.take(&record);
        }
    }
    if let Some(record) = pending {
        let fault =
            Diagnostic::error("DYR.RECORD.OPEN", "the last record is not ended by a slash").hint("copy the file again, or add the slash");
        reader.refuse(&record, fault);
    }
    if reader.import.counts.is_empty() && reader.import.diagnostics.is_empty() {
        let at = reader.at(0);
        reader.import.diagnostics.push(Diagnostic::error("DYR.FILE.EMPTY", "the file holds no record").at(&at).hint("copy the file again"));
    }
    reader.import
}

struct Reader {
    file: Arc<str>,
    import: DyrImport,
}

impl Reader {
    fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.file.clone(), line)
    }

    fn refuse(&mut self, record: &Pending, fault: Diagnostic) {
        let source = self.at(record.line);
        let text: String = record.lines.join("\n").chars().take(400).collect();
        self.import.rejects.push(Reject { source: source.clone(), reason: fault.message.clone(), text });
        self.import.diagnostics.push(fault.at(&source));
    }

    fn count(&mut self, model: &str) {
        match self.import.counts.iter_mut().find(|(name, _)| name == model) {
            Some((_, n)) => *n += 1,
            None => self.import.counts.push((model.to_owned(), 1)),
        }
    }

    fn take(&mut self, record: &Pending) {
        let word = |i: usize| record.words.get(i).map(|(text, _)| text.as_str()).unwrap_or_default();
        let Some(bus) = lex::integer(word(0)).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0) else {
            let fault = Diagnostic::error("DYR.RECORD.BUS", "a record does not begin with the number of a bus")
                .detail(format!("It begins \"{}\".", word(0).chars().take(40).collect::<String>()))
                .hint("write BUS 'MODEL' ID and the constants, and end the record before it with a slash");
            return self.refuse(record, fault);
        };
        let model = word(1).to_uppercase();
        if model.is_empty() || lex::number(&model).is_some() {
            let fault = Diagnostic::error("DYR.RECORD.MODEL", "a record names no model").hint("write BUS 'MODEL' ID and the constants");
            return self.refuse(record, fault);
        }
        let model: String = model.chars().take(40).collect();
        self.count(&model);
        let source = self.at(record.line);
        let Some(names) = constants(&model) else {
            let field =
                if model == "USRMDL" { format!("USRMDL {}", word(3).to_uppercase().chars().take(40).collect::<String>()) } else { model };
            let reason = "a model that is not carried: the machine is studied without it".to_owned();
            self.import.ledger.record(&field, Disposition::Dropped { reason }, Some(&source));
            self.import.dynamics.kept.push(KeptRecord { group: field.clone(), lines: record.lines.clone(), source: source.clone() });
            self.import.diagnostics.push(
                Diagnostic::warning("DYR.MODEL.NOT_CARRIED", format!("a record of model {field} has no effect"))
                    .element(format!("bus {bus} id {}", word(2)))
                    .at(&source)
                    .hint("The record is kept as text. See whether the machine behaves well enough without it."),
            );
            return;
        };
        let id = match word(2) {
            "" => "1".to_owned(),
            id => id.chars().take(12).collect(),
        };
        let given = &record.words[record.words.len().min(3)..];
        let element = format!("bus {bus} id {id}");
        if let Some(other) = given.iter().find(|(_, quoted)| *quoted) {
            let fault = Diagnostic::error("DYR.RECORD.RUN_ON", format!("a word stands among the constants of {model}"))
                .element(&element)
                .detail(format!("It reads \"{}\".", other.0.chars().take(40).collect::<String>()))
                .hint("end every record with a slash");
            return self.refuse(record, fault);
        }
        if given.len() < names.len() {
            let left: Vec<&str> = names[given.len()..].to_vec();
            let fault =
                Diagnostic::error("DYR.FIELD.MISSING", format!("a record of {model} has {} constants, not {}", given.len(), names.len()))
                    .element(&element)
                    .detail(format!("Left out: {}.", left.join(", ")))
                    .hint("complete the record");
            return self.refuse(record, fault);
        }
        let mut values = [0.0; 16];
        let mut faults = Vec::new();
        for ((name, (text, _)), value) in names.iter().zip(given).zip(&mut values) {
            match lex::number(text) {
                Some(x) => *value = x,
                None => faults.push(format!("{name} reads \"{}\"", text.chars().take(40).collect::<String>())),
            }
        }
        if !faults.is_empty() {
            let fault = Diagnostic::error("DYR.FIELD.NUMBER", format!("a constant of {model} is not a number"))
                .element(&element)
                .detail(format!("{}.", faults.join("; ")))
                .hint("write the value as a plain number");
            return self.refuse(record, fault);
        }
        if given.len() > names.len() {
            let reason = "more constants than the model has".to_owned();
            self.import.ledger.record(
                &format!("{model} beyond {}", names[names.len() - 1]),
                Disposition::Dropped { reason },
                Some(&source),
            );
            self.import.diagnostics.push(
                Diagnostic::warning("DYR.FIELD.BEYOND", format!("a record of {model} has {} constants, not {}", given.len(), names.len()))
                    .element(&element)
                    .at(&source)
                    .hint("Those beyond have no effect: see whether the record is of another model."),
            );
        }
        for name in names.iter().filter(|name| **name != "SWITCH") {
            self.import.ledger.record(&format!("{model}.{name}"), Disposition::Kept, Some(&source));
        }
        self.add(&model, bus, id, &values, source);
    }

    fn add(&mut self, model: &str, bus: u32, id: String, c: &[f64; 16], source: SourceRef) {
        let saturation = |k: usize| MachineSaturation { s_10: c[k], s_12: c[k + 1] };
        let d = &mut self.import.dynamics;
        let machine = match model {
            "GENCLS" => MachineModel::Classical(Classical { h_s: c[0], d_pu: c[1], r_a_pu: None, x_d_transient_pu: None }),
            "TWOAXIS" => MachineModel::TwoAxis(TwoAxis {
                t_d0_transient_s: c[0],
                t_q0_transient_s: c[1],
                h_s: c[2],
                d_pu: c[3],
                r_a_pu: None,
                x_d_pu: c[4],
                x_q_pu: c[5],
                x_d_transient_pu: c[6],
                x_q_transient_pu: c[7],
                saturation: saturation(8),
            }),
            "GENROU" => MachineModel::RoundRotor(RoundRotor {
                t_d0_transient_s: c[0],
                t_d0_subtransient_s: c[1],
                t_q0_transient_s: c[2],
                t_q0_subtransient_s: c[3],
                h_s: c[4],
                d_pu: c[5],
                r_a_pu: None,
                x_d_pu: c[6],
                x_q_pu: c[7],
                x_d_transient_pu: c[8],
                x_q_transient_pu: c[9],
                x_subtransient_pu: c[10],
                x_leakage_pu: c[11],
                saturation: saturation(12),
            }),
            "GENSAL" => MachineModel::SalientPole(SalientPole {
                t_d0_transient_s: c[0],
                t_d0_subtransient_s: c[1],
                t_q0_subtransient_s: c[2],
                h_s: c[3],
                d_pu: c[4],
                r_a_pu: None,
                x_d_pu: c[5],
                x_q_pu: c[6],
                x_d_transient_pu: c[7],
                x_subtransient_pu: c[8],
                x_leakage_pu: c[9],
                saturation: saturation(10),
            }),
            "SEXS" => {
                let model =
                    ExciterModel::Sexs(Sexs { t_a_over_t_b: c[0], t_b_s: c[1], k: c[2], t_e_s: c[3], efd_min_pu: c[4], efd_max_pu: c[5] });
                return d.exciters.push(DynamicRecord { bus, id, model, source });
            }
            "IEEET1" => {
                let model = ExciterModel::IeeeType1(IeeeType1 {
                    t_r_s: c[0],
                    k_a: c[1],
                    t_a_s: c[2],
                    v_r_max_pu: c[3],
                    v_r_min_pu: c[4],
                    k_e: c[5],
                    t_e_s: c[6],
                    k_f: c[7],
                    t_f_s: c[8],
                    saturation: ExciterSaturation::Points { e_1: c[10], s_1: c[11], e_2: c[12], s_2: c[13] },
                });
                let reason = "the constant SWITCH of IEEET1 has no meaning in the model".to_owned();
                self.import.ledger.record("IEEET1.SWITCH", Disposition::Dropped { reason }, Some(&source));
                return d.exciters.push(DynamicRecord { bus, id, model, source });
            }
            "TGOV1" => {
                let model = GovernorModel::Tgov1(Tgov1 {
                    r_pu: c[0],
                    t_1_s: c[1],
                    v_max_pu: c[2],
                    v_min_pu: c[3],
                    t_2_s: c[4],
                    t_3_s: c[5],
                    d_turbine_pu: c[6],
                });
                return d.governors.push(DynamicRecord { bus, id, model, source });
            }
            "GAST" => {
                let model = GovernorModel::Gast(Gast {
                    r_pu: c[0],
                    t_1_s: c[1],
                    t_2_s: c[2],
                    t_3_s: c[3],
                    a_t_pu: c[4],
                    k_t: c[5],
                    v_max_pu: c[6],
                    v_min_pu: c[7],
                    d_turbine_pu: c[8],
                });
                return d.governors.push(DynamicRecord { bus, id, model, source });
            }
            // `constants` names no other.
            _ => return,
        };
        d.machines.push(DynamicRecord { bus, id, model: machine, source });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(import: &DyrImport) -> Vec<&str> {
        import.diagnostics.iter().map(|d| d.code.as_str()).collect()
    }

    #[test]
    fn records_are_free_over_lines_and_end_at_a_slash() {
        let text = "@! a comment\n 1 'GENCLS' 1  5.5, 0.5 / trailing words 'x\n\n2,'genrou','G1',8.0 0.03\n 0.4,0.05 6.5D0 0. 1.8 1.7\n 0.3 0.55 0.25 0.2 0.05 0.3 /\n2 'SEXS' 'G1' 0.1 10 100 0.1 -4 5/\n";
        let read = read(text.as_bytes(), "a.dyr");
        assert_eq!(read.diagnostics, []);
        assert_eq!(read.counts, [("GENCLS".to_owned(), 1), ("GENROU".to_owned(), 1), ("SEXS".to_owned(), 1)]);
        let MachineModel::Classical(classical) = read.dynamics.machines[0].model else { panic!("GENCLS") };
        assert_eq!((classical.h_s, classical.d_pu), (5.5, 0.5));
        let second = &read.dynamics.machines[1];
        let MachineModel::RoundRotor(m) = second.model else { panic!("GENROU") };
        assert_eq!((second.bus, second.id.as_str(), second.source.line), (2, "G1", 4));
        assert_eq!((m.h_s, m.t_q0_transient_s, m.x_leakage_pu, m.saturation.s_12), (6.5, 0.4, 0.2, 0.3));
        assert!(matches!(read.dynamics.exciters[0].model, ExciterModel::Sexs(Sexs { k: 100.0, efd_max_pu: 5.0, .. })));
    }

    #[test]
    fn every_model_takes_its_constants_in_order() {
        let text = "1 'TWOAXIS' 1 1 2 3 4 5 6 7 8 9 10 /\n1 'GENSAL' 2 1 2 3 4 5 6 7 8 9 10 11 12 /\n1 'IEEET1' 1 1 2 3 4 5 6 7 8 9 0 11 12 13 14 /\n1 'TGOV1' 1 1 2 3 4 5 6 7 /\n1 'GAST' 2 1 2 3 4 5 6 7 8 9 /";
        let read = read(text.as_bytes(), "a.dyr");
        assert_eq!(read.diagnostics, []);
        let MachineModel::TwoAxis(t) = read.dynamics.machines[0].model else { panic!("TWOAXIS") };
        assert_eq!((t.t_d0_transient_s, t.t_q0_transient_s, t.h_s, t.d_pu, t.x_d_pu, t.x_q_pu), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0));
        assert_eq!((t.x_d_transient_pu, t.x_q_transient_pu, t.saturation.s_10, t.saturation.s_12), (7.0, 8.0, 9.0, 10.0));
        let MachineModel::SalientPole(s) = read.dynamics.machines[1].model else { panic!("GENSAL") };
        assert_eq!(
            (s.t_q0_subtransient_s, s.h_s, s.x_q_pu, s.x_subtransient_pu, s.x_leakage_pu, s.saturation.s_12),
            (3.0, 4.0, 7.0, 9.0, 10.0, 12.0)
        );
        let ExciterModel::IeeeType1(e) = read.dynamics.exciters[0].model else { panic!("IEEET1") };
        assert_eq!((e.t_r_s, e.v_r_max_pu, e.v_r_min_pu, e.k_e, e.t_e_s, e.t_f_s), (1.0, 4.0, 5.0, 6.0, 7.0, 9.0));
        assert_eq!(e.saturation, ExciterSaturation::Points { e_1: 11.0, s_1: 12.0, e_2: 13.0, s_2: 14.0 });
        let GovernorModel::Tgov1(g) = read.dynamics.governors[0].model else { panic!("TGOV1") };
        assert_eq!((g.r_pu, g.t_1_s, g.v_max_pu, g.v_min_pu, g.t_2_s, g.t_3_s, g.d_turbine_pu), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0));
        let GovernorModel::Gast(g) = read.dynamics.governors[1].model else { panic!("GAST") };
        assert_eq!((g.a_t_pu, g.k_t, g.v_max_pu, g.v_min_pu, g.d_turbine_pu), (5.0, 6.0, 7.0, 8.0, 9.0));
    }

    #[test]
    fn an_unknown_model_is_kept_and_said() {
        let read = read(b"7 'IEEEST' 1 1 0 0 0 /\n7 'USRMDL' 1 'MYGOV' 5 0 0 1 2 /\n", "a.dyr");
        assert_eq!(codes(&read), ["DYR.MODEL.NOT_CARRIED", "DYR.MODEL.NOT_CARRIED"]);
        assert_eq!(read.dynamics.kept[0].lines, ["7 'IEEEST' 1 1 0 0 0 /"]);
        assert_eq!(read.ledger.dropped().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["IEEEST", "USRMDL MYGOV"]);
    }

    #[test]
    fn all_faults_come_at_once() {
        let text = "x 'GENCLS' 1 1 2/\n1 2 3 /\n2 'GENCLS' 1 abc ****/\n3 'GENCLS' 1 5 /\n4 'GENCLS' 1 5 0\n5 'GENCLS' 1 5 0/\n6 'GENCLS' 1 5 0 9/\n7 'GENCLS' 1 5 0";
        let read = read(text.as_bytes(), "a.dyr");
        let wanted = [
            "DYR.RECORD.BUS",
            "DYR.RECORD.MODEL",
            "DYR.FIELD.NUMBER",
            "DYR.FIELD.MISSING",
            "DYR.RECORD.RUN_ON",
            "DYR.FIELD.BEYOND",
            "DYR.RECORD.OPEN",
        ];
        assert_eq!(codes(&read), wanted);
        assert_eq!(read.rejects.len(), 6);
        assert_eq!(read.dynamics.machines.len(), 1);
    }

    #[test]
    fn nothing_and_binary_are_refused() {
        assert_eq!(codes(&read(b"\n \n", "a")), ["DYR.FILE.EMPTY"]);
        assert_eq!(codes(&read(b"PK\0\x01", "a")), ["DYR.FILE.BINARY"]);
    }
}
