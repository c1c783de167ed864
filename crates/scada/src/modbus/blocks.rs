//! Which requests read which points.
//!
//! Every value is read whole by one request: the two registers of a float that were read one after the other could belong to two values.
//! Gaps between points are left out, since a device may refuse a request for what it does not have; `max_gap` allows to read over them.

use super::map::{ModbusSpec, Table};

/// One request, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub table: Table,
    pub start: u16,
    pub count: u16,
    /// Places that must come together: first, and one past the last.
    pub spans: Vec<(u32, u32)>,
}

impl Block {
    /// One block for every span, for a device that refuses them together.
    pub fn split(&self) -> Vec<Self> {
        let single = |&(start, end): &(u32, u32)| Self {
            table: self.table,
            start: start as u16,
            count: (end - start) as u16,
            spans: vec![(start, end)],
        };
        self.spans.iter().map(single).collect()
    }
}

/// The requests that read the points at `which`, in the order of their places.
pub fn plan(spec: &ModbusSpec, which: &[usize]) -> Vec<Block> {
    let mut spans: Vec<(Table, u32, u32)> = Vec::new();
    for point in which.iter().filter_map(|i| spec.points.get(*i)) {
        let (start, end) = point.span();
        spans.push((point.at.table, start, end));
        spans.extend(point.scale_register.map(|r| (Table::Holding, u32::from(r), u32::from(r) + 1)));
    }
    spans.sort_unstable();
    spans.dedup();
    let mut blocks: Vec<Block> = Vec::new();
    for (table, start, end) in spans {
        if let Some(last) = blocks.last_mut() {
            let last_end = u32::from(last.start) + u32::from(last.count);
            let joined = end.max(last_end) - u32::from(last.start);
            if last.table == table && start <= last_end + u32::from(spec.max_gap) && joined <= u32::from(table.limit()) {
                last.count = joined as u16;
                last.spans.push((start, end));
                continue;
            }
        }
        blocks.push(Block { table, start: start as u16, count: (end - start) as u16, spans: vec![(start, end)] });
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::super::map::{ModbusPoint, RegisterType, WordOrder, parse_address};
    use super::*;

    fn spec(max_gap: u16, points: &[(&str, RegisterType)]) -> ModbusSpec {
        let points = points.iter().map(|(t, r)| ModbusPoint::new(parse_address(t).unwrap(), *r)).collect();
        ModbusSpec { unit: 1, word_order: WordOrder::Abcd, max_gap, points }
    }

    fn starts(blocks: &[Block]) -> Vec<(u16, u16)> {
        blocks.iter().map(|b| (b.start, b.count)).collect()
    }

    #[test]
    fn neighbours_are_read_together_and_gaps_are_not() {
        let points = [("holding:0", RegisterType::Float32), ("holding:2", RegisterType::Uint16), ("holding:5", RegisterType::Uint16)];
        assert_eq!(starts(&plan(&spec(0, &points), &[0, 1, 2])), [(0, 3), (5, 1)]);
        assert_eq!(starts(&plan(&spec(2, &points), &[0, 1, 2])), [(0, 6)]);
        assert_eq!(starts(&plan(&spec(0, &points), &[2])), [(5, 1)]);
    }

    #[test]
    fn no_value_is_torn_and_no_request_is_too_long() {
        let points: Vec<(String, RegisterType)> = (0..500).map(|i| (format!("holding:{}", 2 * i), RegisterType::Float32)).collect();
        let points: Vec<(&str, RegisterType)> = points.iter().map(|(t, r)| (t.as_str(), *r)).collect();
        let spec = spec(0, &points);
        let all: Vec<usize> = (0..500).collect();
        let blocks = plan(&spec, &all);
        // 62 floats fill 124 of the 125 registers; the 125th would be half of one.
        assert_eq!(blocks[0].count, 124);
        assert_eq!(blocks.len(), 500usize.div_ceil(62));
        for point in &spec.points {
            let (start, end) = point.span();
            let holds = |b: &Block| u32::from(b.start) <= start && end <= u32::from(b.start) + u32::from(b.count);
            assert_eq!(blocks.iter().filter(|b| holds(b)).count(), 1);
        }
    }

    #[test]
    fn bits_of_one_register_are_one_span() {
        let points = [("holding:3.0", RegisterType::Bool), ("holding:3.1", RegisterType::Bool)];
        let blocks = plan(&spec(0, &points), &[0, 1]);
        assert_eq!((blocks.len(), blocks[0].spans.len()), (1, 1));
    }
}
