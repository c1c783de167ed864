//! Full series of chosen nodes and elements, handed on in batches so that they need not fit into memory.

use super::options::Series;
use super::tables::{ElementSeriesRow, NodeSeriesRow, Row, Text};
use super::{SeriesError, TableBatch};
use num_complex::Complex64;
use powerflow::{Circuit, NodeNumber, State};

/// Rows that are gathered before a batch is handed on.
const BATCH_ROWS: usize = 1 << 16;

/// Chosen nodes and elements, and the rows that wait.
pub struct FullSeries {
    nodes: Vec<(NodeNumber, Text, f64)>,
    elements: Vec<(usize, Text)>,
    node_rows: Vec<NodeSeriesRow>,
    element_rows: Vec<ElementSeriesRow>,
    scratch: Vec<Complex64>,
}

impl FullSeries {
    /// What `series` chooses of a circuit; `None` for nothing.
    ///
    /// # Errors
    /// A name that is no element, bus or node.
    pub fn choose(circuit: &Circuit, series: &Series) -> Result<Option<Self>, SeriesError> {
        let network = circuit.network();
        let (mut nodes, mut elements) = (Vec::new(), Vec::new());
        match series {
            Series::None => return Ok(None),
            Series::All => {
                nodes.extend_from_slice(circuit.reported());
                elements.extend(0..circuit.elements().len());
            }
            Series::Named(names) => {
                for name in names {
                    if let Some(index) = network.find(name).and_then(|id| circuit.index_of(id)) {
                        elements.push(index);
                        continue;
                    }
                    if let Some(bus) = network.bus_id(name) {
                        nodes.extend(circuit.bus_nodes(bus).iter().map(|&(_, n)| n));
                        continue;
                    }
                    let node = name.rsplit_once('.').and_then(|(bus, at)| {
                        let number = circuit.node_number(network.bus_id(bus)?, at.parse().ok()?);
                        (number != 0).then_some(number)
                    });
                    nodes.push(node.ok_or_else(|| SeriesError { name: name.clone() })?);
                }
                let mut seen = std::collections::HashSet::new();
                nodes.retain(|n| seen.insert(*n));
                let mut seen = std::collections::HashSet::new();
                elements.retain(|e| seen.insert(*e));
            }
        }
        let order = circuit.elements().iter().map(|e| e.nodes.len()).max().unwrap_or(0);
        Ok(Some(Self {
            nodes: nodes.into_iter().map(|n| (n, circuit.node_name(n).into(), circuit.kv_base_ln(n) * 1e3)).collect(),
            elements: elements.into_iter().map(|i| (i, network.full_name(circuit.elements()[i].id).into())).collect(),
            node_rows: Vec::new(),
            element_rows: Vec::new(),
            scratch: vec![Complex64::ZERO; order],
        }))
    }

    /// Keeps a settled step.
    pub fn step(&mut self, step: u32, hour: f64, state: &State) {
        let v = state.voltages();
        for (number, node, base_v) in &self.nodes {
            let v = v[*number as usize];
            let v_pu = (*base_v > 0.0).then(|| v.norm() / base_v);
            self.node_rows.push(NodeSeriesRow { step, hour, node: node.clone(), v_pu, angle_deg: v.arg().to_degrees() });
        }
        let factor = state.power_factor_of_phases() / 1e3;
        for (index, element) in &self.elements {
            let e = &state.circuit().elements()[*index];
            state.currents_into(*index, &mut self.scratch);
            for (k, (&node, i)) in e.nodes.iter().zip(&self.scratch).enumerate() {
                let s = v[node as usize] * i.conj() * factor;
                self.element_rows.push(ElementSeriesRow {
                    step,
                    hour,
                    element: element.clone(),
                    terminal: (k / e.n_conductors + 1) as u8,
                    conductor: (k % e.n_conductors + 1) as u8,
                    i_a: i.norm(),
                    p_kw: s.re,
                    q_kvar: s.im,
                });
            }
        }
    }

    /// Whether enough rows wait for a batch.
    pub fn is_full(&self) -> bool {
        self.node_rows.len().max(self.element_rows.len()) >= BATCH_ROWS
    }

    /// The rows that wait, as batches.
    pub fn take(&mut self) -> Vec<TableBatch> {
        let mut batches = Vec::new();
        if !self.node_rows.is_empty() {
            batches.push(TableBatch { table: NodeSeriesRow::TABLE, batch: NodeSeriesRow::batch(&self.node_rows) });
        }
        if !self.element_rows.is_empty() {
            batches.push(TableBatch { table: ElementSeriesRow::TABLE, batch: ElementSeriesRow::batch(&self.element_rows) });
        }
        self.node_rows.clear();
        self.element_rows.clear();
        batches
    }
}
