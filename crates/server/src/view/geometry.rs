//! All positions of a view in one answer, as arrays that a browser hands to the graphics card.
//!
//! ```text
//! "GTG1"            4 bytes
//! header length     u32, little-endian; the header is filled up with blanks so that data begin at a multiple of 8
//! header            JSON: counts, names of classes and feeders, arrays: name, type, offset from the begin of the data (bytes), length (values)
//! data              the arrays, little-endian, each beginning at a multiple of 8
//! ```

use super::{View, phase_letters};
use serde::Serialize;
use std::sync::Arc;

/// Begin of the file.
pub const MAGIC: &[u8; 4] = b"GTG1";

#[derive(Serialize)]
struct Array {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    offset: usize,
    length: usize,
}

#[derive(Serialize)]
struct Header<'a> {
    network: &'a str,
    version: u64,
    layout: network::layout::Placement,
    bounds: Option<[f64; 4]>,
    count_elements: usize,
    count_lines: usize,
    count_points: usize,
    count_buses: usize,
    classes: &'a [String],
    feeders: &'a [String],
    /// What the bits of `phases` arrays mean.
    phase_bits: [String; 4],
    arrays: Vec<Array>,
}

#[derive(Default)]
struct Data {
    bytes: Vec<u8>,
    arrays: Vec<Array>,
}

impl Data {
    fn put<const N: usize>(&mut self, name: &'static str, kind: &'static str, values: impl Iterator<Item = [u8; N]>) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = self.bytes.len();
        values.for_each(|v| self.bytes.extend_from_slice(&v));
        self.arrays.push(Array { name, kind, offset, length: (self.bytes.len() - offset) / N });
    }
}

impl View {
    /// The answer, gzip.
    pub fn geometry(&self) -> Arc<[u8]> {
        self.kept.get_or("geometry", || super::tiles::gzip(&self.encode_geometry()))
    }

    /// The answer before it is compressed.
    pub fn encode_geometry(&self) -> Vec<u8> {
        let mut data = Data::default();
        let flat = |p: &[f64; 2]| [p[0].to_le_bytes(), p[1].to_le_bytes()];
        let element = |i: u32| i as usize;
        data.put("line_positions", "f64", self.positions.iter().flat_map(flat));
        let ends = self.pieces.iter().map(|p| p.from).chain([self.positions.len() as u32]);
        data.put("line_starts", "u32", ends.map(u32::to_le_bytes));
        data.put("line_element", "u32", self.pieces.iter().map(|p| p.element.to_le_bytes()));
        data.put("line_class", "u8", self.pieces.iter().map(|p| [self.class_of[element(p.element)]]));
        data.put("line_kv", "f32", self.pieces.iter().map(|p| self.kv_of[element(p.element)].to_le_bytes()));
        data.put("line_phases", "u8", self.pieces.iter().map(|p| [self.phases_of[element(p.element)]]));
        data.put("line_feeder", "u16", self.pieces.iter().map(|p| self.feeder_of[element(p.element)].to_le_bytes()));
        data.put("line_open", "u8", self.pieces.iter().map(|p| [u8::from(!self.is_carrying(p.element))]));
        data.put("point_positions", "f64", self.marks.iter().flat_map(|m| flat(&m.at)));
        data.put("point_element", "u32", self.marks.iter().map(|m| m.element.to_le_bytes()));
        data.put("point_class", "u8", self.marks.iter().map(|m| [self.class_of[element(m.element)]]));
        data.put("point_kv", "f32", self.marks.iter().map(|m| self.kv_of[element(m.element)].to_le_bytes()));
        data.put("point_phases", "u8", self.marks.iter().map(|m| [self.phases_of[element(m.element)]]));
        data.put("point_feeder", "u16", self.marks.iter().map(|m| self.feeder_of[element(m.element)].to_le_bytes()));
        data.put("point_open", "u8", self.marks.iter().map(|m| [u8::from(!self.is_carrying(m.element))]));
        data.put("bus_positions", "f64", self.layout.buses.iter().flat_map(flat));
        data.put("bus_kv", "f32", self.bus_kv.iter().map(|kv| kv.to_le_bytes()));
        data.put("bus_phases", "u8", self.bus_phases.iter().map(|p| [*p]));
        data.put("bus_km", "f32", self.distance_km.iter().map(|km| (*km as f32).to_le_bytes()));
        let header = Header {
            network: &self.info.network,
            version: self.info.number,
            layout: self.layout.placement,
            bounds: self.bounds,
            count_elements: self.network.order.len(),
            count_lines: self.pieces.len(),
            count_points: self.marks.len(),
            count_buses: self.layout.buses.len(),
            classes: &self.classes,
            feeders: &self.feeders,
            phase_bits: [1, 2, 4, 8].map(phase_letters),
            arrays: data.arrays,
        };
        let mut text = serde_json::to_vec(&header).unwrap_or_default();
        text.resize(text.len().next_multiple_of(8), b' ');
        let mut out = Vec::with_capacity(8 + text.len() + data.bytes.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(&text);
        out.extend_from_slice(&data.bytes);
        out
    }

    /// Whether current can pass: in service, and no link of it is open.
    pub fn is_carrying(&self, element: u32) -> bool {
        !self.open.contains(&element)
    }
}
