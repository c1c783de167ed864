//! What changes while a circuit is solved: voltages, taps, steps, switch
//! positions, the power of the moment, stored energy, the clock.
//!
//! A state belongs to one [`Circuit`] and shares it; any number of states can be
//! solved side by side. The system admittance lives here too, since taps and
//! switches change its values; its pattern and elimination order are the
//! circuit's.

use crate::circuit::{Circuit, Element, Islands, NodeNumber};
use crate::control::{ControlEvent, ControlsState};
use crate::dense::CMatrix;
use crate::element::{ElementError, Model, Varying};
use crate::error::{CircuitError, Place};
use crate::pc::{LoadBank, LoadState, Moment};
use crate::placed::PlacedPower;
use crate::plant::StatePlant;
use crate::sparse::{Factor, Matrix, SparseError, Work};
use network::{ElementId, ElementKind, SolutionMode, SolutionOptions};
use num_complex::Complex64;
use std::collections::HashMap;
use std::sync::Arc;

const ZERO: Complex64 = Complex64 { re: 0.0, im: 0.0 };

/// Admittance to earth that holds a node of an island without source at zero volts, siemens.
const DEAD_NODE_S: f64 = 1.0;

/// Everything that solving changes.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) circuit: Arc<Circuit>,
    /// Options of the solution, its clock included.
    pub options: SolutionOptions,
    /// Node voltages, V to earth, by node number; `v[0]` is the earth.
    pub(crate) v: Vec<Complex64>,
    /// What the controls remember, and the queue of their actions.
    pub(crate) controls: ControlsState,
    /// What the controls did, in order.
    pub(crate) events: Vec<ControlEvent>,
    /// How many of the events came before the last control iteration.
    pub(crate) events_before: usize,
    /// A voltage profile to start from is there.
    pub(crate) has_profile: bool,
    /// Per element: taps, steps, the power of the moment.
    pub(crate) varying: Vec<Varying>,
    /// States of the loads and their branches side by side, in the order of [`Circuit::loads`].
    pub(crate) loads: Vec<LoadState>,
    pub(crate) bank: LoadBank,
    /// Per element: whether each conductor is closed, terminal by terminal; `None` when all are.
    pub(crate) closed: Vec<Option<Box<[bool]>>>,
    /// Per element: present primitive admittance.
    pub(crate) primitives: Vec<CMatrix>,
    pub(crate) matrix: Matrix,
    pub(crate) factor: Option<Factor>,
    pub(crate) islands: Option<Arc<Islands>>,
    pub(crate) injection: Vec<Complex64>,
    /// Voltage magnitudes of the last iteration, V, by node number.
    pub(crate) magnitude: Vec<f64>,
    pub(crate) work: Work,
    /// Elements whose primitive admittance no longer fits their taps, steps or switches.
    pub(crate) stale: Vec<u32>,
    /// Where controls found the last value on each curve.
    pub(crate) curve_places: HashMap<network::XyCurveId, usize>,
    /// Values of the load shapes at the moment, as far as they were asked for.
    pub(crate) shape_values: Vec<Option<((f64, f64), bool)>>,
    /// Controls have changed what converters and loads inject.
    pub(crate) needs_update: bool,
    /// A series is being solved: the iteration sweeps over the nodes with injections alone, see [`crate::series`].
    pub(crate) in_series: bool,
    /// How often the loads' admittances in the matrix were chosen anew because a solution would not settle.
    pub(crate) linearisations: u32,
    /// Conductances added for a study, between node numbers; see [`crate::fault_study`].
    pub(crate) patch: Option<Patch>,
    /// Powers added for a study; see [`crate::placed`].
    pub(crate) placed: Vec<PlacedPower>,
    /// How often the matrix was factored.
    pub(crate) revision: u64,
}

/// Branches added between a few nodes by compensation, without touching the factor.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    /// Ends of each branch; 0 is the earth.
    pub branches: Vec<(NodeNumber, NodeNumber)>,
    /// Currents in the branches for the voltages across them before the branches were there.
    pub admittance: CMatrix,
    /// Voltages by node number for one ampere in each branch.
    pub columns: Vec<Vec<Complex64>>,
    /// Present currents in the branches, A.
    pub i_a: Vec<Complex64>,
}

impl State {
    /// A state as the network describes it: nothing solved yet.
    ///
    /// # Errors
    /// As [`State::build`].
    pub fn new(circuit: &Arc<Circuit>) -> Result<Self, CircuitError> {
        let network = circuit.network();
        let n = circuit.n_nodes() + 1;
        let varying = circuit.elements().iter().map(|e| Varying::initial(network, e)).collect();
        let closed = circuit
            .elements()
            .iter()
            .map(|e| {
                let terminals = &network.common(e.id).terminals;
                let all = terminals.iter().all(|t| t.all_closed());
                (!all).then(|| terminals.iter().flat_map(|t| t.closed.iter().copied()).collect())
            })
            .collect();
        let mut state = Self {
            circuit: Arc::clone(circuit),
            options: network.options.clone(),
            v: vec![ZERO; n],
            controls: ControlsState::default(),
            events: Vec::new(),
            events_before: 0,
            has_profile: false,
            varying,
            loads: circuit.loads().iter().map(|m| m.initial_state()).collect(),
            bank: LoadBank::default(),
            closed,
            primitives: vec![CMatrix::square(0); circuit.elements().len()],
            matrix: Matrix::zeros(circuit.pattern()),
            factor: None,
            islands: None,
            injection: vec![ZERO; n],
            magnitude: vec![0.0; n],
            work: Work::new(),
            stale: Vec::new(),
            curve_places: HashMap::new(),
            shape_values: Vec::new(),
            needs_update: true,
            in_series: false,
            linearisations: 0,
            patch: None,
            placed: Vec::new(),
            revision: 0,
        };
        state.arrange_loads();
        state.linearise();
        let circuit = Arc::clone(circuit);
        state.controls = circuit.controls().initial(&mut StatePlant { state: &mut state, control_iteration: 0 });
        Ok(state)
    }

    pub fn circuit(&self) -> &Arc<Circuit> {
        &self.circuit
    }

    /// Node voltages, V to earth, by node number; the first is the earth.
    pub fn voltages(&self) -> &[Complex64] {
        &self.v
    }

    /// Takes a voltage profile to start from; without one the first iterate comes from loads as admittances.
    pub fn set_voltages(&mut self, v: &[Complex64]) {
        self.v[1..].copy_from_slice(&v[1..]);
        self.has_profile = true;
    }

    /// Forgets the voltage profile, as a change of mode does.
    pub fn forget_profile(&mut self) {
        self.has_profile = false;
    }

    /// The state's position in the circuit's element list, for elements that carry current.
    pub(crate) fn index(&self, id: ElementId) -> Option<usize> {
        self.circuit.index_of(id)
    }

    /// Present taps of a transformer, per unit, by winding.
    pub fn taps(&self, id: ElementId) -> Option<&[f64]> {
        match &self.varying[self.index(id)?] {
            Varying::Taps(taps) => Some(taps),
            _ => None,
        }
    }

    /// Sets the tap of a winding (0-based), per unit.
    pub fn set_tap(&mut self, id: ElementId, winding: usize, tap_pu: f64) {
        let Some(i) = self.index(id) else { return };
        if let Varying::Taps(taps) = &mut self.varying[i]
            && taps[winding] != tap_pu
        {
            taps[winding] = tap_pu;
            self.mark_stale(i);
        }
    }

    /// Closed steps of a capacitor.
    pub fn capacitor_steps(&self, id: ElementId) -> Option<&[bool]> {
        match &self.varying[self.index(id)?] {
            Varying::Steps(steps) => Some(steps),
            _ => None,
        }
    }

    pub fn set_capacitor_steps(&mut self, id: ElementId, steps: &[bool]) {
        let Some(i) = self.index(id) else { return };
        if let Varying::Steps(present) = &mut self.varying[i]
            && &present[..] != steps
        {
            present.copy_from_slice(steps);
            self.mark_stale(i);
        }
    }

    /// Whether a conductor (0-based) of a terminal (0-based) is closed.
    pub fn is_closed(&self, id: ElementId, terminal: usize, conductor: usize) -> bool {
        let Some(i) = self.index(id) else { return false };
        let n = self.circuit.elements()[i].n_conductors;
        self.closed[i].as_ref().is_none_or(|c| c[terminal * n + conductor])
    }

    /// Opens or closes one conductor of a terminal (0-based), or all of them.
    pub fn set_closed(&mut self, id: ElementId, terminal: usize, conductor: Option<usize>, closed: bool) {
        let Some(i) = self.index(id) else { return };
        let e = &self.circuit.elements()[i];
        let n = e.n_conductors;
        let flags = self.closed[i].get_or_insert_with(|| vec![true; e.nodes.len()].into());
        let range = match conductor {
            Some(c) => terminal * n + c..terminal * n + c + 1,
            None => terminal * n..terminal * n + n,
        };
        if range.clone().any(|k| flags[k] != closed) {
            flags[range].fill(closed);
            self.mark_stale(i);
        }
    }

    pub(crate) fn mark_stale(&mut self, element: usize) {
        let element = element as u32;
        if !self.stale.contains(&element) {
            self.stale.push(element);
        }
    }

    /// Puts the branches of the loads side by side; one with an open conductor is only its reduced admittance.
    fn arrange_loads(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let mut nodes = vec![None; circuit.loads().len()];
        for (i, e) in circuit.elements().iter().enumerate() {
            if let Model::Load(k) = e.model {
                let open = self.closed[i].as_ref().is_some_and(|c| c.iter().any(|c| !c));
                self.loads[k as usize].open = open;
                nodes[k as usize] = Some(&e.nodes[..]);
            }
        }
        self.bank = LoadBank::new(circuit.loads(), &nodes);
    }

    /// What converters and loads read of the moment.
    pub(crate) fn moment(&self) -> Moment<'_> {
        self.moment_at((self.options.hour, self.options.second))
    }

    /// As [`State::moment`], at another time (hour, second).
    pub(crate) fn moment_at(&self, (hour, second): (i64, f64)) -> Moment<'_> {
        Moment {
            network: self.circuit.network(),
            mode: self.options.mode,
            hour: hour as f64 + second / 3600.0,
            year: self.options.year,
            load_multiplier: self.options.load_multiplier,
            generation_multiplier: self.options.generation_multiplier,
            price: Moment::price_at(&self.options, self.circuit.network(), hour as f64 + second / 3600.0),
            frequency_hz: self.circuit.frequency_hz(),
            step_h: self.options.step_s / 3600.0,
        }
    }

    /// Brings loads, generators, PV systems and storage to the power of the moment.
    pub(crate) fn update_powers(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let mut switched = Vec::new();
        let mut varying = std::mem::take(&mut self.varying);
        let moment = self.moment();
        for &i in circuit.converters() {
            if varying[i as usize].update(&circuit.elements()[i as usize], &moment) {
                switched.push(i as usize);
            }
        }
        self.update_loads();
        self.bank.refresh(circuit.loads(), &self.loads);
        let moment = self.moment();
        for &i in &switched {
            varying[i].linearise(&circuit.elements()[i], &moment);
        }
        self.varying = varying;
        for i in switched {
            self.mark_stale(i);
        }
        self.needs_update = false;
    }

    /// Brings the loads to the power of the moment, but not the bank that the iteration reads.
    pub(crate) fn update_loads(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let mut loads = std::mem::take(&mut self.loads);
        let mut values = std::mem::take(&mut self.shape_values);
        values.clear();
        values.resize(circuit.network().load_shapes.len(), None);
        let moment = self.moment();
        for (model, state) in circuit.loads().iter().zip(&mut loads) {
            model.update_by(state, &moment, |id| {
                *values[id.index()].get_or_insert_with(|| {
                    let shape = &moment.network.load_shapes[id.index()];
                    (shape.at(moment.hour), shape.use_actual)
                })
            });
        }
        self.shape_values = values;
        self.loads = loads;
    }

    /// Brings one generator, PV system or storage unit to the power of the moment; one that changed its state gets a new admittance.
    pub(crate) fn update_converter(&mut self, i: usize) {
        let circuit = Arc::clone(&self.circuit);
        let e = &circuit.elements()[i];
        let mut varying = std::mem::replace(&mut self.varying[i], Varying::Nothing);
        let moment = self.moment();
        let switched = varying.update(e, &moment);
        if switched {
            varying.linearise(e, &moment);
        }
        self.varying[i] = varying;
        if switched {
            self.mark_stale(i);
        }
    }

    /// Chooses the admittances by which converters stand in the matrix, at the power of the moment.
    pub(crate) fn linearise(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let mut varying = std::mem::take(&mut self.varying);
        let moment = self.moment();
        for &i in circuit.converters() {
            varying[i as usize].linearise(&circuit.elements()[i as usize], &moment);
        }
        let mut loads = std::mem::take(&mut self.loads);
        let moment = self.moment();
        for (model, state) in circuit.loads().iter().zip(&mut loads) {
            model.linearise(state, &moment);
        }
        self.bank.refresh(circuit.loads(), &loads);
        self.loads = loads;
        self.varying = varying;
    }

    /// Chooses for the loads the admittances with which a series of different loads and voltages iterates least.
    ///
    /// `p_w` and `q_var` of a branch are typical of the series, by load. A load at a node that nothing but converters touch keeps the
    /// admittance of its power: there it is all that holds the node.
    pub(crate) fn balance_loads(&mut self, typical: &[(f64, f64)]) {
        let circuit = Arc::clone(&self.circuit);
        let holds =
            |n: NodeNumber| n == 0 || circuit.elements_at_node(n).iter().any(|&i| !circuit.elements()[i as usize].model.is_converter());
        let mut loads = std::mem::take(&mut self.loads);
        let moment = self.moment();
        for e in circuit.elements() {
            let Model::Load(k) = e.model else { continue };
            let k = k as usize;
            loads[k].y_stands = true;
            if e.nodes.iter().all(|&n| holds(n)) {
                let (p_w, q_var) = typical[k];
                if let Some(y) = circuit.loads()[k].balanced_admittance(p_w, q_var, &moment) {
                    loads[k].y_matrix = y;
                }
            }
        }
        self.bank.refresh(circuit.loads(), &loads);
        self.loads = loads;
    }

    /// Chooses the admittances of the loads that no matrix was built with yet, at the power of the moment: that of the first step, and
    /// not that of the clock before it.
    fn linearise_new_loads(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let mut loads = std::mem::take(&mut self.loads);
        let moment = self.moment();
        for (model, state) in circuit.loads().iter().zip(&mut loads).filter(|(_, state)| !state.y_stands) {
            model.linearise(state, &moment);
            state.y_stands = true;
        }
        self.bank.refresh(circuit.loads(), &loads);
        self.loads = loads;
    }

    /// Puts the loads into the matrix by the admittances of their power of the moment, and tells whether that changed any of them.
    ///
    /// # Errors
    /// As [`State::build`].
    pub(crate) fn linearise_loads_anew(&mut self) -> Result<bool, CircuitError> {
        let circuit = Arc::clone(&self.circuit);
        let before: Vec<Complex64> = self.loads.iter().map(|l| l.y_matrix).collect();
        let mut loads = std::mem::take(&mut self.loads);
        let moment = self.moment();
        for (model, state) in circuit.loads().iter().zip(&mut loads) {
            model.linearise(state, &moment);
        }
        self.loads = loads;
        if self.loads.iter().zip(&before).all(|(l, y)| l.y_matrix == *y) {
            return Ok(false);
        }
        self.bank.refresh(circuit.loads(), &self.loads);
        self.linearisations += 1;
        self.build()?;
        Ok(true)
    }

    /// Primitive admittance of one element as it stands now.
    fn primitive(&self, i: usize) -> Result<CMatrix, CircuitError> {
        let e = &self.circuit.elements()[i];
        let y = match e.model {
            Model::Load(k) => Ok(self.circuit.loads()[k as usize].yprim(&self.loads[k as usize], &self.moment())),
            _ => e.model.primitive(&self.varying[i], &self.moment(), e.order()),
        };
        self.with_open_conductors(i, y)
    }

    /// Takes an element's open conductors out of its admittance, and refuses one that is no number.
    fn with_open_conductors(&self, i: usize, y: Result<CMatrix, ElementError>) -> Result<CMatrix, CircuitError> {
        let e = &self.circuit.elements()[i];
        let refuse =
            |reason: ElementError| CircuitError::Element { place: Place::of(self.circuit.network(), e.id), reason: Box::new(reason) };
        let mut y = y.map_err(refuse)?;
        if y.rows() != e.order() {
            let (n_terminals, n_conductors, order) = (e.n_terminals, e.n_conductors, y.rows());
            return Err(refuse(ElementError::Terminals { n_terminals, n_conductors, order }));
        }
        if let Some(closed) = &self.closed[i] {
            let open: Vec<bool> = closed.iter().map(|c| !c).collect();
            crate::yprim::open_conductors(&mut y, &open).map_err(|e| refuse(e.into()))?;
        }
        if !y.is_finite() {
            return Err(refuse(ElementError::NotFinite));
        }
        Ok(y)
    }

    /// Builds all primitive admittances, the system admittance and its factor.
    ///
    /// # Errors
    /// An element without admittance, or a singular system, named by its place in the model.
    pub fn build(&mut self) -> Result<(), CircuitError> {
        self.linearise_new_loads();
        for i in 0..self.primitives.len() {
            self.primitives[i] = self.primitive(i)?;
        }
        self.stale.clear();
        self.islands = None;
        self.assemble();
        self.refactor(None)
    }

    /// As [`State::build`], of the series parts alone, for the assignment of voltage bases.
    ///
    /// # Errors
    /// As [`State::build`].
    pub(crate) fn build_series(&mut self) -> Result<(), CircuitError> {
        let circuit = Arc::clone(&self.circuit);
        for (i, e) in circuit.elements().iter().enumerate() {
            self.primitives[i] = if e.model.is_converter() {
                trace(&self.primitive(i)?)
            } else {
                self.with_open_conductors(i, e.model.series_primitive(&self.varying[i], &self.moment(), e.order()))?
            };
        }
        self.stale.clear();
        self.assemble();
        self.refactor(None)
    }

    /// Brings the factor up to date with taps, steps and switches.
    ///
    /// # Errors
    /// As [`State::build`].
    pub fn refresh(&mut self) -> Result<(), CircuitError> {
        if self.factor.is_none() {
            return self.build();
        }
        if self.stale.is_empty() {
            return Ok(());
        }
        let stale = std::mem::take(&mut self.stale);
        let mut rows: Vec<u32> = Vec::new();
        for &i in &stale {
            let i = i as usize;
            let fresh = self.primitive(i)?;
            let e = &self.circuit.elements()[i];
            let (old, new) = (self.primitives[i].as_slice(), fresh.as_slice());
            if !joins_alike(&e.nodes, old, new) {
                self.islands = None;
            }
            let difference: Vec<Complex64> = new.iter().zip(old).map(|(n, o)| n - o).collect();
            self.matrix.add_at(&e.slots, &difference);
            rows.extend(e.nodes.iter().filter(|&&n| n != 0).map(|n| n - 1));
            self.primitives[i] = fresh;
        }
        if self.islands.is_none() {
            // A switch moved that joins nodes: islands may have formed, and rounding of the differences must not decide about them.
            self.assemble();
            return self.refactor(None);
        }
        rows.sort_unstable();
        rows.dedup();
        // Rounding of the differences would grow without bound over many moves: the touched rows are summed anew.
        self.sum_rows_anew(&rows);
        self.refactor(Some(&rows))
    }

    /// Sets the entries of the given rows and columns to the sum of the elements' primitives.
    fn sum_rows_anew(&mut self, rows: &[u32]) {
        let pattern = Arc::clone(self.circuit.pattern());
        let mut touched: Vec<u32> = Vec::new();
        for &row in rows {
            if let Some(range) = pattern.row_slots(row) {
                touched.extend(range.map(|s| s as u32));
            }
        }
        let mirror = pattern.mirror_slots();
        let more: Vec<u32> = touched.iter().map(|&s| mirror[s as usize]).collect();
        touched.extend(more);
        touched.sort_unstable();
        touched.dedup();
        for &s in &touched {
            self.matrix.values_mut()[s as usize] = ZERO;
        }
        let mut is_row = vec![false; self.v.len()];
        for &r in rows {
            is_row[r as usize + 1] = true;
        }
        let circuit = Arc::clone(&self.circuit);
        if let Some(sums) = self.matrix.row_sums_mut() {
            for &r in rows {
                sums[r as usize] = ZERO;
            }
        }
        let mut near: Vec<u32> = rows.iter().flat_map(|&r| circuit.elements_at_node(r + 1)).copied().collect();
        near.sort_unstable();
        near.dedup();
        for i in near {
            let (e, y) = (&circuit.elements()[i as usize], &self.primitives[i as usize]);
            if let Some(sums) = self.matrix.row_sums_mut() {
                add_row_sums(e, y, sums, |n| is_row[n as usize]);
            }
            let values = self.matrix.values_mut();
            let k = e.nodes.len();
            for (position, (&slot, &value)) in e.slots.iter().zip(y.as_slice()).enumerate() {
                let (i, j) = (position / k, position % k);
                if slot != crate::sparse::NO_SLOT && (is_row[e.nodes[i] as usize] || is_row[e.nodes[j] as usize]) {
                    values[slot as usize] += value;
                }
            }
        }
        self.hold_dead_nodes(Some(rows));
    }

    /// Sums the primitive admittances into the system admittance.
    fn assemble(&mut self) {
        self.matrix.clear();
        for (e, y) in self.circuit.elements().iter().zip(&self.primitives) {
            self.matrix.add_at(&e.slots, y.as_slice());
        }
        let mut sums = vec![ZERO; self.circuit.n_nodes()];
        for (e, y) in self.circuit.elements().iter().zip(&self.primitives) {
            add_row_sums(e, y, &mut sums, |_| true);
        }
        // There is one a row.
        let _ = self.matrix.set_row_sums(Some(sums));
        self.islands = Some(Arc::new(self.circuit.islands(&self.primitives)));
        self.hold_dead_nodes(None);
    }

    /// Holds the nodes that no source feeds at zero volts: their equations would be singular.
    fn hold_dead_nodes(&mut self, only: Option<&[u32]>) {
        let Some(islands) = self.islands.clone() else { return };
        let diagonal = self.circuit.pattern().diagonal_slots();
        let matrix = &mut self.matrix;
        let mut hold = |i: usize| {
            if !islands.is_fed[i + 1] {
                matrix.values_mut()[diagonal[i] as usize] += Complex64::new(DEAD_NODE_S, 0.0);
                if let Some(sums) = matrix.row_sums_mut() {
                    sums[i] += DEAD_NODE_S;
                }
            }
        };
        match only {
            Some(rows) => rows.iter().for_each(|&i| hold(i as usize)),
            None => (0..diagonal.len()).for_each(hold),
        }
    }

    fn refactor(&mut self, rows: Option<&[u32]>) -> Result<(), CircuitError> {
        self.revision += 1;
        let result = match (&mut self.factor, rows) {
            (Some(factor), Some(rows)) => factor.refactor_changed(&self.matrix, rows),
            (Some(factor), None) => factor.refactor(&self.matrix),
            (None, _) => Factor::new(self.circuit.symbolic(), &self.matrix).map(|f| self.factor = Some(f)),
        };
        result.map_err(|e| {
            self.factor = None;
            self.name_sparse_error(e)
        })
    }

    pub(crate) fn name_sparse_error(&self, error: SparseError) -> CircuitError {
        let at = |row: u32| (self.circuit.node_name(row + 1), self.elements_at(row + 1));
        match error {
            SparseError::Singular { row } => {
                let (node, elements) = at(row);
                CircuitError::Singular { node, elements }
            }
            SparseError::NonFinite { row } => {
                let (node, elements) = at(row);
                CircuitError::NonFinite { node, elements }
            }
            other => CircuitError::Sparse(other),
        }
    }

    /// Elements that touch a node, in the order of creation.
    pub(crate) fn elements_at(&self, node: NodeNumber) -> Vec<Place> {
        let network = self.circuit.network();
        self.circuit.elements().iter().filter(|e| e.nodes.contains(&node)).map(|e| Place::of(network, e.id)).collect()
    }

    /// Solves the linear network for `injection` and puts the voltages in `v`; `injection` then holds the voltages of before.
    pub(crate) fn solve_linear(&mut self) -> Result<(), CircuitError> {
        if self.factor.is_none() {
            self.build()?;
        }
        let Some(factor) = &self.factor else { unreachable!("a built state has a factor") };
        // In place, in the buffer of the injection: neither a copy nor an allocation.
        std::mem::swap(&mut self.v, &mut self.injection);
        self.v[0] = ZERO;
        factor.solve_in_place(&mut self.v[1..], &mut self.work).map_err(CircuitError::Sparse)?;
        if let Some(patch) = &mut self.patch {
            let across: Vec<Complex64> = patch.branches.iter().map(|&(from, to)| self.v[from as usize] - self.v[to as usize]).collect();
            patch.i_a = patch.admittance.mul_vec(&across);
            for (column, i) in patch.columns.iter().zip(&patch.i_a) {
                for (v, z) in self.v[1..].iter_mut().zip(&column[1..]) {
                    *v -= z * i;
                }
            }
        }
        Ok(())
    }

    /// Whether the iteration can leave the quiet nodes out.
    pub(crate) fn sweeps_trailing(&self) -> bool {
        self.in_series && self.patch.is_none() && self.placed.is_empty() && self.factor.as_ref().is_some_and(Factor::has_trailing)
    }

    /// As [`State::solve_linear`] for the nodes with injections alone; the voltages of the quiet ones wait for [`State::complete`].
    pub(crate) fn solve_trailing(&mut self) -> Result<(), CircuitError> {
        let Some(factor) = &self.factor else { unreachable!("only a factored state sweeps") };
        std::mem::swap(&mut self.v, &mut self.injection);
        self.v[0] = ZERO;
        factor.solve_trailing(&mut self.v[1..]).map_err(CircuitError::Sparse)
    }

    /// Voltages of the quiet nodes from those of the others.
    pub(crate) fn complete(&mut self) -> Result<(), CircuitError> {
        let Some(factor) = &self.factor else { unreachable!("only a factored state sweeps") };
        factor.complete(&mut self.v[1..]).map_err(CircuitError::Sparse)
    }

    /// Currents into an element at the present voltages, A, conductor by conductor.
    pub fn element_currents(&self, index: usize) -> Vec<Complex64> {
        let e = &self.circuit.elements()[index];
        let mut i = vec![ZERO; e.nodes.len()];
        self.element_currents_into(index, &mut i);
        i
    }

    /// As [`State::element_currents`], the way reports and controls see them: an autotransformer's common
    /// winding carries the series winding's current too.
    ///
    /// The current of a stiff source is what the other elements draw at its nodes: its own admittance times a
    /// difference of voltages in the last digits would be noise.
    pub(crate) fn reported_currents(&self, index: usize) -> Vec<Complex64> {
        let mut i = self.element_currents(index);
        match &self.circuit.elements()[index].model {
            Model::Transformer(t) => t.report_currents(&mut i),
            Model::Source(_) => self.currents_by_balance(index, &mut i),
            _ => {}
        }
        i
    }

    /// Replaces the currents of a source by what all others draw at its nodes, where that is the more exact of both.
    fn currents_by_balance(&self, index: usize, i: &mut [Complex64]) {
        let source = &self.circuit.elements()[index];
        let (first, second) = source.nodes.split_at(source.n_conductors);
        if second.iter().any(|&n| n != 0) || first.contains(&0) {
            return;
        }
        let own = self.rounding_a(index);
        let mut balance = vec![Complex64::ZERO; first.len()];
        let mut noise = vec![0.0; first.len()];
        for (other, e) in self.circuit.elements().iter().enumerate() {
            if other == index || !e.nodes.iter().any(|n| first.contains(n)) {
                continue;
            }
            let (drawn, rounding) = (self.element_currents(other), self.rounding_a(other));
            for (k, n) in e.nodes.iter().enumerate() {
                if let Some(at) = first.iter().position(|f| f == n) {
                    balance[at] -= drawn[k];
                    noise[at] += rounding[k];
                }
            }
        }
        if !self.placed.is_empty() {
            let mut placed = vec![Complex64::ZERO; self.v.len()];
            self.add_placed(&mut placed);
            for (at, &n) in first.iter().enumerate() {
                balance[at] += placed[n as usize];
            }
        }
        if (0..first.len()).all(|k| noise[k] < own[k]) {
            for (k, balance) in balance.into_iter().enumerate() {
                i[k] = balance;
                i[first.len() + k] = -balance;
            }
        }
    }

    /// Rounding that the products of an element's admittance with its voltages carry, A, conductor by conductor.
    pub(crate) fn rounding_a(&self, index: usize) -> Vec<f64> {
        let e = &self.circuit.elements()[index];
        let k = e.nodes.len();
        let y = self.primitives[index].as_slice();
        (0..k)
            .map(|row| {
                let row = &y[row * k..(row + 1) * k];
                row.iter().zip(&e.nodes).map(|(y, &n)| y.norm() * self.v[n as usize].norm()).sum::<f64>() * f64::EPSILON
            })
            .collect()
    }

    pub(crate) fn element_currents_into(&self, index: usize, i: &mut [Complex64]) {
        let e = &self.circuit.elements()[index];
        let linear = self.options.load_model == network::LoadSolutionModel::Admittance || self.options.mode == SolutionMode::Direct;
        let y = &self.primitives[index];
        let from_admittance = |i: &mut [Complex64]| {
            let k = e.nodes.len();
            for (row, i) in i.iter_mut().enumerate() {
                let mut sum = ZERO;
                for (column, y) in y.as_slice()[row * k..(row + 1) * k].iter().enumerate() {
                    sum += y * self.v[e.nodes[column] as usize];
                }
                *i = sum;
            }
        };
        match &e.model {
            model if model.is_converter() && !linear && !self.is_reduced(index) => {
                if let Model::Load(k) = model {
                    self.circuit.loads()[*k as usize].currents(&self.loads[*k as usize], &e.nodes, &self.v, i);
                    return;
                }
                model.currents(&self.varying[index], &e.nodes, &self.v, i);
            }
            Model::Source(source) => {
                from_admittance(i);
                match self.open_source_injection(index) {
                    Some(open) => i.iter_mut().zip(open).for_each(|(i, injected)| *i -= injected),
                    None => {
                        let scale = self.source_scale(index);
                        i.iter_mut().zip(&source.injection).for_each(|(i, injected)| *i -= injected * scale);
                    }
                }
            }
            Model::CurrentSource(source) => {
                let scale = self.source_scale(index);
                for (i, injected) in i.iter_mut().zip(&source.injection) {
                    *i = -injected * scale;
                }
            }
            _ => from_admittance(i),
        }
    }

    /// Injected currents of a voltage source with open conductors: what its reduced admittance passes; `None` when all are closed.
    pub(crate) fn open_source_injection(&self, index: usize) -> Option<Vec<Complex64>> {
        let open = self.closed[index].as_ref()?.iter().any(|closed| !closed);
        match &self.circuit.elements()[index].model {
            Model::Source(source) if open => {
                let scale = self.source_scale(index);
                Some(self.primitives[index].mul_vec(&source.emf_v).into_iter().map(|i| i * scale).collect())
            }
            _ => None,
        }
    }

    /// What a source's voltages or currents are multiplied by at the moment: 1 unless it follows a shape.
    pub(crate) fn source_scale(&self, index: usize) -> f64 {
        self.circuit.elements()[index].model.follows().map_or(1.0, |f| f.scale(&self.moment()))
    }

    /// A converter with an open conductor that is no generator: what the reduction left of its admittance.
    fn is_reduced(&self, index: usize) -> bool {
        let open = self.closed[index].as_ref().is_some_and(|closed| closed.iter().any(|c| !c));
        open && !matches!(self.circuit.elements()[index].model, Model::Generator(_))
    }

    /// Whether a step begins with the clock, as in all modes but general time, which solves first and moves the clock then.
    pub(crate) fn clock_moves_first(&self) -> bool {
        self.options.mode != SolutionMode::GeneralTime
    }

    /// Moves the clock by one step where that comes before the solution.
    pub(crate) fn clock_before_step(&mut self) {
        if self.clock_moves_first() {
            self.advance_clock();
        }
    }

    /// Moves the clock by one step where that comes after the solution.
    pub(crate) fn clock_after_step(&mut self) {
        if !self.clock_moves_first() {
            self.advance_clock();
        }
    }

    fn advance_clock(&mut self) {
        let o = &mut self.options;
        (o.hour, o.second) = clock_after((o.hour, o.second), o.step_s);
    }

    /// What happens between two steps: stores fill and empty.
    pub(crate) fn end_of_step(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let step_h = self.options.step_s / 3600.0;
        for (e, varying) in circuit.elements().iter().zip(&mut self.varying) {
            if let (Model::Storage(m), Varying::Storage(s)) = (&e.model, varying) {
                m.advance(s, circuit.network(), &e.nodes, &self.v, step_h);
            }
        }
        let mut controls = std::mem::take(&mut self.controls);
        circuit.controls().end_of_step(&mut controls, &mut StatePlant { state: self, control_iteration: 0 });
        self.controls = controls;
    }

    /// Takes over what converters remember from an earlier solution, where their data did not change.
    ///
    /// Loads stand in the system matrix as they did, until they or the load multiplier change; with `keep_load_admittances`
    /// also then.
    pub fn adopt(&mut self, last: &Self, keep_load_admittances: bool) {
        let circuit = Arc::clone(&self.circuit);
        let (before, now) = (last.circuit().network(), circuit.network());
        for &i in circuit.converters() {
            let id = circuit.elements()[i as usize].id;
            let Some(old) = last.index(id).filter(|_| crate::session::unchanged(before, now, id)) else { continue };
            match (&mut self.varying[i as usize], &last.varying[old]) {
                (Varying::Storage(new), Varying::Storage(old)) => {
                    // The network tells energy and mode; both were written back into it.
                    let (stored_kwh, mode) = (new.stored_kwh, new.mode);
                    new.clone_from(old);
                    (new.stored_kwh, new.mode) = (stored_kwh, mode);
                }
                (new, old) => new.clone_from(old),
            }
        }
        let same_multiplier = self.options.load_multiplier == last.options.load_multiplier;
        for e in circuit.elements() {
            let Model::Load(k) = e.model else { continue };
            let old = last.index(e.id).map(|old| &last.circuit().elements()[old].model);
            let Some(Model::Load(old)) = old else { continue };
            let old = &last.loads[*old as usize];
            if old.y_stands && (keep_load_admittances || same_multiplier && crate::session::unchanged(before, now, e.id)) {
                (self.loads[k as usize].y_matrix, self.loads[k as usize].y_stands) = (old.y_matrix, true);
            }
        }
        self.bank.refresh(circuit.loads(), &self.loads);
        self.curve_places.clone_from(&last.curve_places);
        self.controls.adopt(circuit.controls(), &last.controls, last.circuit().controls(), |id| crate::session::unchanged(before, now, id));
    }

    /// Lets every control look at the solution, then does what is due; true when nothing was left to do.
    pub(crate) fn iterate_controls(&mut self, control_iteration: u32) -> bool {
        let circuit = Arc::clone(&self.circuit);
        let mut controls = std::mem::take(&mut self.controls);
        self.events_before = self.events.len();
        let done = circuit.controls().iterate(&mut controls, &mut StatePlant { state: self, control_iteration });
        self.controls = controls;
        done
    }

    /// Forgets pending decisions of all controls, as a change of mode does.
    pub fn reset_controls(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let mut controls = std::mem::take(&mut self.controls);
        circuit.controls().reset(&mut controls, &mut StatePlant { state: self, control_iteration: 0 });
        self.controls = controls;
    }

    /// What the controls did since the state was made, in order.
    pub fn events(&self) -> &[ControlEvent] {
        &self.events
    }

    /// Controls that still wanted to act when a solution ended.
    pub(crate) fn waiting_controls(&self) -> Vec<ElementId> {
        let queued = self.controls.queue.actions().iter().map(|a| a.owner);
        let mut waiting: Vec<ElementId> = queued.chain(self.events[self.events_before..].iter().map(|e| e.control)).collect();
        waiting.sort_unstable();
        waiting.dedup();
        waiting
    }

    /// Energy and mode of storage units that differ from the network's.
    pub(crate) fn storage_changes(&self) -> Vec<(ElementId, network::ModeOfChange)> {
        let network = self.circuit.network();
        let mut changes = Vec::new();
        for (e, varying) in self.circuit.elements().iter().zip(&self.varying) {
            let Varying::Storage(s) = varying else { continue };
            let unit = &network.storages[e.id.index()];
            if s.stored_kwh != unit.energy_stored_kwh || s.mode != unit.mode {
                changes.push((e.id, network::ModeOfChange::Storage { stored_kwh: s.stored_kwh, state: s.mode }));
            }
        }
        changes
    }

    /// Starts the voltage regulation of generators from the solution without injections.
    pub(crate) fn start_regulation(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let diagonal = circuit.pattern().diagonal_slots();
        for &i in circuit.converters() {
            let e = &circuit.elements()[i as usize];
            if let (Model::Generator(m), Varying::Generator(s)) = (&e.model, &mut self.varying[i as usize])
                && m.regulates_voltage()
                && e.nodes[0] != 0
            {
                let own = self.matrix.values()[diagonal[e.nodes[0] as usize - 1] as usize];
                m.start_regulation(s, own.norm());
            }
        }
    }

    /// Puts machines and inverters behind their transient impedance, at the voltages of the power flow before.
    ///
    /// # Errors
    /// A machine that has no such model.
    pub(crate) fn enter_dynamics(&mut self) -> Result<(), CircuitError> {
        let circuit = Arc::clone(&self.circuit);
        for &i in circuit.converters() {
            let e = &circuit.elements()[i as usize];
            match (&e.model, &mut self.varying[i as usize]) {
                (Model::Generator(m), Varying::Generator(s)) => {
                    let place = Place::of(circuit.network(), e.id);
                    m.enter_dynamics(s, &place.element, &e.nodes, &self.v)
                        .map_err(|reason| CircuitError::Element { place, reason: Box::new(reason) })?;
                }
                (Model::Pv(m), Varying::Pv(s)) => m.enter_dynamics(s, &e.nodes, &self.v),
                (Model::Storage(m), Varying::Storage(s)) => m.enter_dynamics(s),
                _ => {}
            }
        }
        Ok(())
    }

    /// Power into an element, VA, summed over all its conductors: its losses, if it delivers power.
    pub(crate) fn element_power(&self, index: usize) -> Complex64 {
        let e = &self.circuit.elements()[index];
        let i = self.element_currents(index);
        e.nodes.iter().zip(&i).map(|(&n, i)| self.v[n as usize] * i.conj()).sum::<Complex64>() * self.phase_factor()
    }

    /// 3 for a positive-sequence model, which stands for three phases.
    pub(crate) fn phase_factor(&self) -> f64 {
        if self.options.positive_sequence { 3.0 } else { 1.0 }
    }

    /// Whether an element stands between nodes rather than to earth alone, for losses.
    pub(crate) fn is_series(&self, id: ElementId) -> bool {
        let network = self.circuit.network();
        match id.kind {
            ElementKind::Line | ElementKind::Transformer => true,
            ElementKind::Capacitor => network.capacitors[id.index()].bus2_defined,
            ElementKind::Reactor => network.reactors[id.index()].bus2_defined,
            // What a fault or a transformer's model for geomagnetic currents burns is no loss of delivery.
            _ => false,
        }
    }
}

/// Whether two primitive admittances of an element join the same nodes with each other.
fn joins_alike(nodes: &[NodeNumber], a: &[Complex64], b: &[Complex64]) -> bool {
    let k = nodes.len();
    let joins = |y: &[Complex64], at: usize| y[at].norm_sqr() > 0.0;
    (0..k).all(|i| (0..i).all(|j| nodes[i] == 0 || nodes[j] == 0 || joins(a, i * k + j) == joins(b, i * k + j)))
}

/// The time (hour, second) a step later.
pub(crate) fn clock_after((mut hour, mut second): (i64, f64), step_s: f64) -> (i64, f64) {
    second += step_s;
    while second >= 3600.0 {
        hour += 1;
        second -= 3600.0;
    }
    (hour, second)
}

/// Adds the row sums of an element's admittance `y`, without the earth's columns, to the rows that `is_row` names by node number.
///
/// The conductors' terminals come first: what an element that joins its terminals draws at equal voltages then cancels exactly, however
/// stiff it is.
fn add_row_sums(e: &Element, y: &CMatrix, sums: &mut [Complex64], is_row: impl Fn(NodeNumber) -> bool) {
    let order = e.nodes.len();
    for (row, &n) in e.nodes.iter().enumerate().filter(|&(_, &n)| n != 0 && is_row(n)) {
        let y = &y.as_slice()[row * order..(row + 1) * order];
        let of_conductor = |c: usize| (c..order).step_by(e.n_conductors).filter(|&k| e.nodes[k] != 0).map(|k| y[k]).sum::<Complex64>();
        sums[n as usize - 1] += (0..e.n_conductors).map(of_conductor).sum::<Complex64>();
    }
}

/// What a converter leaves in the series admittance: enough to keep its bus from floating.
fn trace(y: &CMatrix) -> CMatrix {
    CMatrix::from_fn(y.rows(), y.cols(), |i, j| if i == j { y[(i, i)] * 1e-10 } else { ZERO })
}
