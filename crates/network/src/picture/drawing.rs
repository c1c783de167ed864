//! A picture of lines, areas and words, in points (1/72 inch), the origin at the top left; it knows no file format.

use std::fmt::Write as _;

/// Red, green, blue.
pub type Colour = [u8; 3];

pub const INK: Colour = [0x1F, 0x23, 0x28];
pub const PALE_INK: Colour = [0x4A, 0x51, 0x58];
/// Conductors without anything to tell.
pub const CALM: Colour = [0x8A, 0x92, 0x9A];
pub const GRID: Colour = [0xD6, 0xD9, 0xDC];
pub const PAPER: Colour = [0xFF, 0xFF, 0xFF];
/// Beyond a rating or outside range B.
pub const CRITICAL: Colour = [0xB3, 0x00, 0x1B];
/// Near a rating, with its dark edge.
pub const HIGH: Colour = [0xF2, 0x8C, 0x00];
pub const HIGH_EDGE: Colour = [0x9A, 0x4D, 0x00];
/// Low voltage.
pub const LOW_V: Colour = [0x0B, 0x4F, 0x9E];
/// High voltage.
pub const HIGH_V: Colour = [0x9A, 0x4D, 0x00];

/// Text that can stand in XML and HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Pieces drawn in one colour; open unless `filled`.
    Path {
        pieces: Vec<Vec<[f64; 2]>>,
        colour: Colour,
        width: f64,
        filled: bool,
        dashed: bool,
    },
    Dot {
        at: [f64; 2],
        radius: f64,
        colour: Colour,
        hollow: bool,
    },
    Text {
        at: [f64; 2],
        size: f64,
        colour: Colour,
        anchor: Anchor,
        bold: bool,
        turned: bool,
        text: String,
    },
}

/// What is drawn, and in words what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    pub width: f64,
    pub height: f64,
    pub title: String,
    /// What is seen, unit and statistic included.
    pub caption: String,
    pub shapes: Vec<Shape>,
}

impl Drawing {
    pub fn new(width: f64, height: f64, title: impl Into<String>, caption: impl Into<String>) -> Self {
        Self { width, height, title: title.into(), caption: caption.into(), shapes: Vec::new() }
    }

    pub fn line(&mut self, points: Vec<[f64; 2]>, colour: Colour, width: f64) {
        self.lines(vec![points], colour, width);
    }

    pub fn lines(&mut self, pieces: Vec<Vec<[f64; 2]>>, colour: Colour, width: f64) {
        if pieces.iter().any(|p| p.len() > 1) {
            self.shapes.push(Shape::Path { pieces, colour, width, filled: false, dashed: false });
        }
    }

    pub fn dashed(&mut self, points: Vec<[f64; 2]>, colour: Colour, width: f64) {
        self.shapes.push(Shape::Path { pieces: vec![points], colour, width, filled: false, dashed: true });
    }

    pub fn area(&mut self, points: Vec<[f64; 2]>, colour: Colour) {
        self.shapes.push(Shape::Path { pieces: vec![points], colour, width: 0.0, filled: true, dashed: false });
    }

    pub fn rectangle(&mut self, [left, top]: [f64; 2], width: f64, height: f64, colour: Colour) {
        self.area(vec![[left, top], [left + width, top], [left + width, top + height], [left, top + height]], colour);
    }

    pub fn dot(&mut self, at: [f64; 2], radius: f64, colour: Colour, hollow: bool) {
        self.shapes.push(Shape::Dot { at, radius, colour, hollow });
    }

    pub fn text(&mut self, at: [f64; 2], size: f64, anchor: Anchor, colour: Colour, text: impl Into<String>) {
        self.shapes.push(Shape::Text { at, size, colour, anchor, bold: false, turned: false, text: text.into() });
    }

    /// Reads upwards.
    pub fn turned_text(&mut self, at: [f64; 2], size: f64, anchor: Anchor, colour: Colour, text: impl Into<String>) {
        self.shapes.push(Shape::Text { at, size, colour, anchor, bold: false, turned: true, text: text.into() });
    }

    /// The picture as an SVG element that can stand in a page.
    pub fn svg(&self) -> String {
        let hex = |c: &Colour| format!("#{:02x}{:02x}{:02x}", c[0], c[1], c[2]);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}pt\" height=\"{h}pt\" role=\"img\" aria-label=\"{label}\" \
             font-family=\"system-ui, sans-serif\">\n",
            w = self.width,
            h = self.height,
            label = escape(&format!("{}. {}", self.title, self.caption)),
        );
        for shape in &self.shapes {
            let written = match shape {
                Shape::Path { pieces, colour, width, filled, dashed } => {
                    let mut d = String::new();
                    for piece in pieces {
                        for (i, [x, y]) in piece.iter().enumerate() {
                            let _ = write!(d, "{}{x:.2} {y:.2}", if i == 0 { "M" } else { "L" });
                        }
                        if *filled {
                            d.push('Z');
                        }
                    }
                    let c = hex(colour);
                    if *filled {
                        writeln!(out, "<path d=\"{d}\" fill=\"{c}\"/>")
                    } else {
                        let dash = if *dashed { " stroke-dasharray=\"4 3\"" } else { "" };
                        writeln!(
                            out,
                            "<path d=\"{d}\" fill=\"none\" stroke=\"{c}\" stroke-width=\"{width}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"{dash}/>"
                        )
                    }
                }
                Shape::Dot { at: [x, y], radius, colour, hollow } => {
                    let c = hex(colour);
                    let fill =
                        if *hollow { format!("fill=\"#ffffff\" stroke=\"{c}\" stroke-width=\"1\"") } else { format!("fill=\"{c}\"") };
                    writeln!(out, "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{radius}\" {fill}/>")
                }
                Shape::Text { at: [x, y], size, colour, anchor, bold, turned, text } => {
                    let anchor = match anchor {
                        Anchor::Start => "start",
                        Anchor::Middle => "middle",
                        Anchor::End => "end",
                    };
                    let turn = if *turned { format!(" transform=\"rotate(-90 {x:.2} {y:.2})\"") } else { String::new() };
                    let weight = if *bold { " font-weight=\"bold\"" } else { "" };
                    let (c, text) = (hex(colour), escape(text));
                    writeln!(
                        out,
                        "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" fill=\"{c}\" text-anchor=\"{anchor}\"{weight}{turn}>{text}</text>"
                    )
                }
            };
            written.expect("writing to a string");
        }
        out += "</svg>\n";
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_a_picture_cannot_break_out_of_it() {
        let mut drawing = Drawing::new(10.0, 10.0, "<script>", "\"&");
        drawing.text([0.0, 0.0], 8.0, Anchor::Start, INK, "a<b>&\"c\"");
        let svg = drawing.svg();
        assert!(!svg.contains("<script>") && svg.contains("a&lt;b&gt;&amp;&quot;c&quot;"), "{svg}");
    }
}
