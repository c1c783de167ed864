//! Pictures for reports and pages: lines, areas and words with their places, which a page takes as SVG and a report as PDF.
//!
//! ```text
//! Network ─► diagram (symbols on a grid) ─► single_line ─┐
//! parts of a reliability diagram ─────────► blocks ──────┴─► Drawing ─► SVG, PDF
//! ```

pub mod blocks;
pub mod drawing;
pub mod single_line;

/// A text cut so that it is no wider than so many points, by the mean width of letters.
pub(crate) fn fitted(text: &str, size: f64, width: f64) -> String {
    let most = (width / (0.52 * size)).floor().max(2.0) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most - 1).collect();
    cut.push('…');
    cut
}
