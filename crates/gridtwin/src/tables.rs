//! Result files: the columns of the reference solutions, numbers with twelve significant digits.

use crate::number::push_g12;
use powerflow::{NodeRow, TerminalRow};

/// Files of `solve --out`; the last one is the sign that all are whole.
pub const SOLVE_FILES: &[&str] = &["nodes.csv", "elements.csv", "summary.json"];

/// Files of `faults --out`; the last one is the sign that both are whole.
pub const FAULT_FILES: &[&str] = &["faultstudy.csv", "faults.csv"];

/// Files of `reliability --out`; the last one is the sign that all are whole.
pub const RELIABILITY_FILES: &[&str] = &["load_points.csv", "elements.csv", "summary.json"];

/// A line of text and numbers.
pub(crate) fn push_line(text: &mut String, words: &[&str], numbers: impl IntoIterator<Item = f64>) {
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        push_field(text, word);
    }
    for x in numbers {
        text.push(',');
        push_g12(text, x);
    }
    text.push('\n');
}

/// A name, in quotes where it holds a comma, a quote or a line end.
pub(crate) fn push_field(text: &mut String, word: &str) {
    if word.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&word.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(word);
    }
}

/// `nodes.csv`: complex volts and per-unit magnitude of every node.
pub fn nodes_csv(rows: &[NodeRow]) -> String {
    let mut text = String::with_capacity(80 * rows.len() + 64);
    text.push_str("node,kvbase_ln,v_re,v_im,v_pu,angle_deg\n");
    for r in rows {
        push_line(&mut text, &[&r.node], [r.kv_base_ln, r.v_v.re, r.v_v.im, r.v_pu.unwrap_or(0.0), r.angle_deg]);
    }
    text
}

/// `elements.csv`: current into the element and power, conductor by conductor.
pub fn elements_csv(rows: &[TerminalRow]) -> String {
    let mut text = String::with_capacity(90 * rows.len() + 64);
    text.push_str("element,terminal,conductor,node,i_re,i_im,p_kw,q_kvar\n");
    for r in rows {
        let (terminal, conductor) = (r.terminal.to_string(), r.conductor.to_string());
        push_line(&mut text, &[&r.element, &terminal, &conductor, &r.node], [r.i_a.re, r.i_a.im, r.p_kw, r.q_kvar]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_are_quoted() {
        let mut text = String::new();
        push_line(&mut text, &["a,b", "c\"d", "e"], [1.5]);
        assert_eq!(text, "\"a,b\",\"c\"\"d\",e,1.5\n");
    }
}
