//! A report as PDF: pages of A4 with running heads, tables that continue over pages with their heads repeated, and pictures.
//!
//! The layout is a cursor that goes down the page; whatever does not fit begins the next one. Sizes are points (1/72 inch).

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Transform};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, LineCap, LineJoin, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use network::picture::drawing::{Anchor, CALM, Colour, Drawing, GRID, INK, PALE_INK, PAPER, Shape};

const PAGE: [f64; 2] = [595.0, 842.0];
const MARGIN: f64 = 40.0;
const TOP: f64 = 58.0;
const BOTTOM: f64 = 48.0;
const BODY: f64 = 8.5;
const LINE: f64 = 12.0;
/// Blank between columns of a table.
const GAP: f64 = 9.0;

/// A typeface and how wide its letters are.
struct Face {
    font: Font,
    metrics: ttf_parser::Face<'static>,
}

impl Face {
    fn new(bytes: &'static [u8]) -> Self {
        Self {
            font: Font::new(bytes.to_vec().into(), 0).expect("the font that ships is one"),
            metrics: ttf_parser::Face::parse(bytes, 0).expect("the font that ships is one"),
        }
    }

    fn width(&self, text: &str, size: f64) -> f64 {
        let units = f64::from(self.metrics.units_per_em());
        let advance = |c: char| self.metrics.glyph_index(c).and_then(|g| self.metrics.glyph_hor_advance(g)).unwrap_or(600);
        text.chars().map(|c| f64::from(advance(c))).sum::<f64>() * size / units
    }

    /// The text, cut with an ellipsis where it is wider than `most`.
    fn cut(&self, text: &str, size: f64, most: f64) -> String {
        if self.width(text, size) <= most {
            return text.to_owned();
        }
        let mut cut = String::new();
        for c in text.chars() {
            cut.push(c);
            if self.width(&cut, size) + self.width("…", size) > most {
                cut.pop();
                break;
            }
        }
        cut + "…"
    }

    /// Lines of at most `most`; a word that is wider is cut into pieces.
    fn lines(&self, text: &str, size: f64, most: f64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size) <= most {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                if !line.is_empty() && self.width(&line, size) + self.width(&c.to_string(), size) > most {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(c);
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}

/// One piece on a page: a shape and how far it is moved.
type Placed = (Shape, [f64; 2]);

/// A report while it is laid out.
pub struct Pdf {
    regular: Face,
    bold: Face,
    title: String,
    pages: Vec<Vec<Placed>>,
    y: f64,
}

impl Pdf {
    pub fn new(title: &str) -> Self {
        let mut pdf = Self {
            regular: Face::new(dejavu::sans_condensed::regular()),
            bold: Face::new(dejavu::sans_condensed::bold()),
            title: title.to_owned(),
            pages: vec![Vec::new()],
            y: TOP,
        };
        pdf.put_text(title, 18.0, true, INK, 26.0);
        pdf
    }

    fn width() -> f64 {
        PAGE[0] - 2.0 * MARGIN
    }

    fn place(&mut self, shape: Shape) {
        self.pages.last_mut().expect("there is a page").push((shape, [0.0, 0.0]));
    }

    /// Begins a page unless `height` still fits.
    fn need(&mut self, height: f64) -> bool {
        let is_new = self.y + height > PAGE[1] - BOTTOM && self.y > TOP;
        if is_new {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
        is_new
    }

    fn put_text(&mut self, text: &str, size: f64, bold: bool, colour: Colour, advance: f64) {
        let face = if bold { &self.bold } else { &self.regular };
        for line in face.lines(text, size, Self::width()) {
            self.need(advance);
            let at = [MARGIN, self.y + size];
            self.place(Shape::Text { at, size, colour, anchor: Anchor::Start, bold, turned: false, text: line });
            self.y += advance;
        }
    }

    pub fn facts(&mut self, facts: &[(&str, String)]) {
        for (label, value) in facts {
            self.need(LINE);
            let at = [MARGIN, self.y + BODY];
            self.place(Shape::Text {
                at,
                size: BODY,
                colour: PALE_INK,
                anchor: Anchor::Start,
                bold: false,
                turned: false,
                text: (*label).into(),
            });
            let x = MARGIN + 150.0;
            for line in self.regular.lines(value, BODY, Self::width() - 150.0) {
                self.need(LINE);
                let at = [x, self.y + BODY];
                self.place(Shape::Text { at, size: BODY, colour: INK, anchor: Anchor::Start, bold: false, turned: false, text: line });
                self.y += LINE;
            }
        }
        self.y += 6.0;
    }

    pub fn section(&mut self, title: &str, meaning: &str) {
        self.y += 10.0;
        // A heading does not stand alone at the foot of a page.
        self.need(70.0);
        self.put_text(title, 12.5, true, INK, 18.0);
        if !meaning.is_empty() {
            self.put_text(meaning, BODY, false, PALE_INK, LINE);
        }
        self.y += 3.0;
    }

    pub fn paragraph(&mut self, text: &str) {
        self.put_text(text, BODY, false, INK, LINE);
        self.y += 3.0;
    }

    pub fn table(&mut self, names: &[String], numbers: &[bool], rows: &[Vec<String>]) {
        let widths = self.widths(names, rows);
        let mut heads: Vec<Vec<String>> = names.iter().zip(&widths).map(|(name, w)| self.bold.lines(name, BODY - 0.5, *w)).collect();
        let head_lines = heads.iter().map(Vec::len).max().unwrap_or(1);
        for head in &mut heads {
            // Heads stand on the line below them.
            let missing = head_lines - head.len();
            head.splice(0..0, std::iter::repeat_n(String::new(), missing));
        }
        let head_height = head_lines as f64 * 10.5 + 4.0;
        self.need(head_height + 2.0 * LINE);
        self.head(&heads, &widths, numbers, head_height);
        for row in rows {
            if self.need(LINE) {
                self.head(&heads, &widths, numbers, head_height);
            }
            let mut x = MARGIN;
            for ((cell, width), is_number) in row.iter().zip(&widths).zip(numbers) {
                let text = self.regular.cut(cell, BODY, *width);
                let (at, anchor) = if *is_number { (x + width, Anchor::End) } else { (x, Anchor::Start) };
                let at = [at, self.y + BODY];
                self.place(Shape::Text { at, size: BODY, colour: INK, anchor, bold: false, turned: false, text });
                x += width + GAP;
            }
            self.y += LINE;
            self.rule(GRID, 0.4);
        }
        self.y += 6.0;
    }

    fn rule(&mut self, colour: Colour, width: f64) {
        let points = vec![[MARGIN, self.y - 1.0], [PAGE[0] - MARGIN, self.y - 1.0]];
        self.place(Shape::Path { pieces: vec![points], colour, width, filled: false, dashed: false });
    }

    fn head(&mut self, heads: &[Vec<String>], widths: &[f64], numbers: &[bool], height: f64) {
        let mut x = MARGIN;
        for ((lines, width), is_number) in heads.iter().zip(widths).zip(numbers) {
            for (i, line) in lines.iter().enumerate().filter(|(_, l)| !l.is_empty()) {
                let (at, anchor) = if *is_number { (x + width, Anchor::End) } else { (x, Anchor::Start) };
                let at = [at, self.y + BODY + i as f64 * 10.5];
                self.place(Shape::Text { at, size: BODY - 0.5, colour: PALE_INK, anchor, bold: true, turned: false, text: line.clone() });
            }
            x += width + GAP;
        }
        self.y += height;
        self.rule(CALM, 0.8);
        self.y += 1.0;
    }

    /// Widths of columns: what the cells need, shared out where that is more than the page has.
    fn widths(&self, names: &[String], rows: &[Vec<String>]) -> Vec<f64> {
        let mut widths: Vec<f64> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let longest_word = name.split_whitespace().map(|w| self.bold.width(w, BODY)).fold(0.0, f64::max);
            let widest = rows.iter().filter_map(|r| r.get(i)).map(|c| self.regular.width(c, BODY)).fold(0.0, f64::max);
            widths.push(widest.max(longest_word) + 0.5);
        }
        let room = Self::width() - GAP * names.len().saturating_sub(1) as f64;
        // The widest columns give way first, all to the same width.
        let mut sorted = widths.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let total: f64 = widths.iter().sum();
        if total > room {
            let mut most = room / widths.len() as f64;
            let mut rest: f64 = total;
            for (i, width) in sorted.iter().enumerate() {
                rest -= width;
                let share = (room - rest) / (i + 1) as f64;
                if sorted.get(i + 1).is_none_or(|next| share >= *next) {
                    most = share;
                    break;
                }
            }
            widths.iter_mut().for_each(|w| *w = w.min(most.max(10.0)));
        }
        widths
    }

    pub fn picture(&mut self, drawing: &Drawing) {
        let lines = self.regular.lines(&drawing.caption, BODY, Self::width());
        let height = 18.0 + drawing.height + LINE * lines.len() as f64 + 10.0;
        self.need(height);
        self.put_text(&drawing.title, 10.0, true, INK, 16.0);
        let shift = [MARGIN, self.y];
        let page = self.pages.last_mut().expect("there is a page");
        page.extend(drawing.shapes.iter().map(|shape| (shape.clone(), shift)));
        self.y += drawing.height + 2.0;
        self.put_text(&drawing.caption, BODY, false, PALE_INK, LINE);
        self.y += 10.0;
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// What the writer of PDF refuses, in words.
    pub fn finish(self) -> Result<Vec<u8>, String> {
        let mut document = Document::new();
        document.set_metadata(Metadata::new().title(self.title.clone()).creator("GridTwin".into()).language("en".into()));
        let count = self.pages.len();
        for (number, shapes) in self.pages.iter().enumerate() {
            let settings = PageSettings::from_wh(PAGE[0] as f32, PAGE[1] as f32).ok_or("a page without size")?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            let foot = |x: f64, anchor, text: String| Shape::Text {
                at: [x, PAGE[1] - 26.0],
                size: 7.5,
                colour: PALE_INK,
                anchor,
                bold: false,
                turned: false,
                text,
            };
            self.draw(&mut surface, &foot(MARGIN, Anchor::Start, format!("GridTwin · {}", self.title)), [0.0, 0.0]);
            self.draw(&mut surface, &foot(PAGE[0] - MARGIN, Anchor::End, format!("{} / {count}", number + 1)), [0.0, 0.0]);
            for (shape, shift) in shapes {
                self.draw(&mut surface, shape, *shift);
            }
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|e| format!("{e:?}"))
    }

    fn draw(&self, surface: &mut Surface<'_>, shape: &Shape, shift: [f64; 2]) {
        let paint = |c: &Colour| rgb::Color::new(c[0], c[1], c[2]).into();
        let fill = |c: &Colour| Some(Fill { paint: paint(c), opacity: NormalizedF32::ONE, rule: FillRule::NonZero });
        let at = |[x, y]: [f64; 2]| ((x + shift[0]) as f32, (y + shift[1]) as f32);
        match shape {
            Shape::Path { pieces, colour, width, filled, dashed } => {
                let mut builder = PathBuilder::new();
                for piece in pieces {
                    for (i, point) in piece.iter().enumerate() {
                        let (x, y) = at(*point);
                        if i == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
                    }
                    if *filled {
                        builder.close();
                    }
                }
                surface.set_fill(if *filled { fill(colour) } else { None });
                surface.set_stroke((!*filled).then(|| Stroke {
                    paint: paint(colour),
                    width: *width as f32,
                    line_cap: LineCap::Round,
                    line_join: LineJoin::Round,
                    dash: dashed.then(|| StrokeDash { array: vec![4.0, 3.0], offset: 0.0 }),
                    ..Stroke::default()
                }));
                if let Some(path) = builder.finish() {
                    surface.draw_path(&path);
                }
            }
            Shape::Dot { at: centre, radius, colour, hollow } => {
                let mut builder = PathBuilder::new();
                let ((x, y), r) = (at(*centre), *radius as f32);
                // Four arcs of Bézier curves; the constant makes them a circle to 0.03 %.
                let k = 0.552_284_8 * r;
                builder.move_to(x + r, y);
                builder.cubic_to(x + r, y + k, x + k, y + r, x, y + r);
                builder.cubic_to(x - k, y + r, x - r, y + k, x - r, y);
                builder.cubic_to(x - r, y - k, x - k, y - r, x, y - r);
                builder.cubic_to(x + k, y - r, x + r, y - k, x + r, y);
                builder.close();
                surface.set_fill(fill(if *hollow { &PAPER } else { colour }));
                surface.set_stroke(hollow.then(|| Stroke { paint: paint(colour), width: 0.9, ..Stroke::default() }));
                if let Some(path) = builder.finish() {
                    surface.draw_path(&path);
                }
            }
            Shape::Text { at: place, size, colour, anchor, bold, turned, text } => {
                let face = if *bold { &self.bold } else { &self.regular };
                let width = face.width(text, *size);
                let back = match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => width / 2.0,
                    Anchor::End => width,
                };
                let (x, y) = at(*place);
                surface.set_stroke(None);
                surface.set_fill(fill(colour));
                if *turned {
                    surface.push_transform(&Transform::from_rotate_at(-90.0, x, y));
                }
                surface.draw_text(Point::from_xy(x - back as f32, y), face.font.clone(), *size as f32, text, false, TextDirection::Auto);
                if *turned {
                    surface.pop();
                }
            }
        }
    }
}
