//! The plant as controls see it: a state, read and changed through a narrow door.

use crate::control::{Clock, ControlEvent, Plant};
use crate::element::{Model, Varying};
use crate::pc::{PvModel, PvState, StorageModel, StorageState};
use crate::state::State;
use network::{BusId, ElementId, Network, XyCurveId};
use num_complex::Complex64;

/// A state while its controls look at it.
pub(crate) struct StatePlant<'a> {
    pub state: &'a mut State,
    pub control_iteration: u32,
}

impl StatePlant<'_> {
    /// Conductors of a terminal as a range of the element's node list, and the element's position.
    fn terminal(&self, id: ElementId, terminal: usize) -> Option<(usize, std::ops::Range<usize>)> {
        let index = self.state.index(id)?;
        let e = &self.state.circuit().elements()[index];
        (terminal < e.n_terminals).then(|| (index, terminal * e.n_conductors..(terminal + 1) * e.n_conductors))
    }
}

impl Plant for StatePlant<'_> {
    fn network(&self) -> &Network {
        self.state.circuit().network()
    }

    fn clock(&self) -> Clock {
        let o = &self.state.options;
        Clock {
            hour: o.hour,
            second: o.second,
            step_s: o.step_s,
            mode: o.mode,
            control_mode: o.control_mode,
            control_iteration: self.control_iteration,
        }
    }

    fn terminal_voltages(&self, id: ElementId, terminal: usize, out: &mut Vec<Complex64>) {
        out.clear();
        if let Some((index, range)) = self.terminal(id, terminal) {
            let nodes = &self.state.circuit().elements()[index].nodes[range];
            out.extend(nodes.iter().map(|&n| self.state.v[n as usize]));
        }
    }

    fn terminal_currents(&self, id: ElementId, terminal: usize, out: &mut Vec<Complex64>) {
        out.clear();
        if let Some((index, range)) = self.terminal(id, terminal) {
            out.extend_from_slice(&self.state.reported_currents(index)[range]);
        }
    }

    fn winding_voltages(&self, transformer: ElementId, winding: usize, out: &mut Vec<Complex64>) {
        out.clear();
        let Some(index) = self.state.index(transformer) else { return };
        let e = &self.state.circuit().elements()[index];
        if let Model::Transformer(t) = &e.model {
            let v: Vec<Complex64> = e.nodes.iter().map(|&n| self.state.v[n as usize]).collect();
            t.winding_voltages(winding, &v, out);
        }
    }

    fn bus_voltages(&self, bus: BusId, nodes: &[u32], out: &mut Vec<Complex64>) {
        out.clear();
        let circuit = self.state.circuit();
        out.extend(nodes.iter().map(|&n| self.state.v[circuit.node_number(bus, n) as usize]));
    }

    fn bus_kv_base_ln(&self, bus: BusId) -> f64 {
        self.network().bus(bus).kv_base_ln
    }

    fn tap(&self, transformer: ElementId, winding: usize) -> f64 {
        match self.state.taps(transformer) {
            Some(taps) => taps[winding],
            None => self.network().transformers[transformer.index()].windings[winding].tap_pu,
        }
    }

    fn set_tap(&mut self, transformer: ElementId, winding: usize, tap_pu: f64) {
        self.state.set_tap(transformer, winding, tap_pu);
    }

    fn capacitor_steps(&self, capacitor: ElementId) -> &[bool] {
        self.state.capacitor_steps(capacitor).unwrap_or(&[])
    }

    fn set_capacitor_steps(&mut self, capacitor: ElementId, steps: &[bool]) {
        self.state.set_capacitor_steps(capacitor, steps);
    }

    fn is_closed(&self, id: ElementId, terminal: usize, conductor: usize) -> bool {
        self.state.is_closed(id, terminal, conductor)
    }

    fn set_closed(&mut self, id: ElementId, terminal: usize, conductor: Option<usize>, closed: bool) {
        self.state.set_closed(id, terminal, conductor, closed);
    }

    fn pv(&self, id: ElementId) -> Option<(&PvModel, &PvState)> {
        let i = self.state.index(id)?;
        match (&self.state.circuit.elements()[i].model, &self.state.varying[i]) {
            (Model::Pv(model), Varying::Pv(state)) => Some((model, state)),
            _ => None,
        }
    }

    fn pv_mut(&mut self, id: ElementId) -> Option<(&PvModel, &mut PvState)> {
        let i = self.state.index(id)?;
        match (&self.state.circuit.elements()[i].model, &mut self.state.varying[i]) {
            (Model::Pv(model), Varying::Pv(state)) => Some((model, state)),
            _ => None,
        }
    }

    fn storage(&self, id: ElementId) -> Option<(&StorageModel, &StorageState)> {
        let i = self.state.index(id)?;
        match (&self.state.circuit.elements()[i].model, &self.state.varying[i]) {
            (Model::Storage(model), Varying::Storage(state)) => Some((model, state)),
            _ => None,
        }
    }

    fn storage_mut(&mut self, id: ElementId) -> Option<(&StorageModel, &mut StorageState)> {
        let i = self.state.index(id)?;
        match (&self.state.circuit.elements()[i].model, &mut self.state.varying[i]) {
            (Model::Storage(model), Varying::Storage(state)) => Some((model, state)),
            _ => None,
        }
    }

    fn curve_at(&mut self, id: XyCurveId, x: f64) -> f64 {
        let curve = &self.state.circuit.network().xy_curves[id.index()];
        curve.y_at_from(x, self.state.curve_places.entry(id).or_default())
    }

    fn curve_line_at(&mut self, id: XyCurveId, x: f64) -> (f64, f64) {
        let curve = &self.state.circuit.network().xy_curves[id.index()];
        curve.line_at_from(x, self.state.curve_places.entry(id).or_default())
    }

    fn update_converter(&mut self, id: ElementId) {
        if let Some(i) = self.state.index(id) {
            self.state.update_converter(i);
        }
    }

    fn request_update(&mut self) {
        self.state.needs_update = true;
    }

    fn set_time(&mut self, hour: i64, second: f64) {
        (self.state.options.hour, self.state.options.second) = (hour, second);
    }

    fn log(&mut self, event: ControlEvent) {
        self.state.events.push(event);
    }
}
