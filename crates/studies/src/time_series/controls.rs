//! What the controls did over a run: actions, and the range of what they move.

use network::{ElementId, ElementKind};
use powerflow::State;
use powerflow::control::ControlAction;
use std::collections::HashMap;

/// What a control moves.
#[derive(Clone, Copy, Debug)]
enum Moves {
    /// Tap position, steps from neutral.
    Tap {
        transformer: ElementId,
        winding: usize,
        middle_pu: f64,
        step_pu: f64,
    },
    /// Capacitor steps in service.
    Steps {
        capacitor: ElementId,
    },
    /// 1 closed, 0 open.
    Switch {
        element: ElementId,
        terminal: usize,
    },
    Other,
}

/// One control.
#[derive(Clone, Debug)]
pub struct Watched {
    pub control: ElementId,
    pub element: Option<ElementId>,
    moves: Moves,
    pub actions: u32,
    /// Lowest, highest and last of what it moves.
    pub range: Option<(f64, f64, f64)>,
}

/// The enabled controls of a circuit, in the order of their creation.
#[derive(Clone, Debug)]
pub struct ControlWatch {
    pub controls: Vec<Watched>,
    place: HashMap<ElementId, usize>,
    /// Events of the state that were counted.
    seen: usize,
}

impl ControlWatch {
    pub fn new(state: &State) -> Self {
        let network = state.circuit().network();
        let mut controls = Vec::new();
        for &control in network.order.iter().filter(|&&id| network.common(id).enabled) {
            let i = control.index();
            let switch = |p: &network::Protection| {
                let element = p.switched;
                (element, element.map_or(Moves::Other, |element| Moves::Switch { element, terminal: p.switched_terminal }))
            };
            let (element, moves) = match control.kind {
                ElementKind::RegulatorControl => {
                    let c = &network.regulator_controls[i];
                    let tap = c.transformer.and_then(|transformer| {
                        let w = network.transformers[transformer.index()].windings.get(c.tap_winding)?;
                        let (winding, middle_pu, step_pu) = (c.tap_winding, (w.tap_max_pu + w.tap_min_pu) / 2.0, w.tap_step_pu());
                        (step_pu > 0.0).then_some(Moves::Tap { transformer, winding, middle_pu, step_pu })
                    });
                    (c.transformer, tap.unwrap_or(Moves::Other))
                }
                ElementKind::CapacitorControl => {
                    let element = network.capacitor_controls[i].capacitor;
                    (element, element.map_or(Moves::Other, |capacitor| Moves::Steps { capacitor }))
                }
                ElementKind::SwitchControl => {
                    let c = &network.switch_controls[i];
                    (c.switched, c.switched.map_or(Moves::Other, |element| Moves::Switch { element, terminal: c.terminal }))
                }
                ElementKind::Fuse => switch(&network.fuses[i].protection),
                ElementKind::Relay => switch(&network.relays[i].protection),
                ElementKind::Recloser => switch(&network.reclosers[i].protection),
                ElementKind::InverterControl | ElementKind::ExponentialControl | ElementKind::StorageController => (None, Moves::Other),
                _ => continue,
            };
            controls.push(Watched { control, element, moves, actions: 0, range: None });
        }
        let place = controls.iter().enumerate().map(|(k, c)| (c.control, k)).collect();
        let mut watch = Self { controls, place, seen: state.events().len() };
        watch.look(state);
        watch
    }

    /// Counts what was done since the last step; the number of actions, a tap move of several steps counting each.
    pub fn step(&mut self, state: &State) -> u32 {
        let events = state.events();
        // A state that drops the events of earlier steps begins anew.
        let new = events.get(self.seen..).unwrap_or(events);
        let mut actions = 0;
        for event in new {
            let count = match event.action {
                ControlAction::TapMoved { steps, .. } => steps.unsigned_abs(),
                _ => 1,
            };
            actions += count;
            if let Some(&k) = self.place.get(&event.control) {
                self.controls[k].actions += count;
            }
        }
        if !new.is_empty() {
            self.look(state);
        }
        self.seen = events.len();
        actions
    }

    /// Takes the present positions into the ranges.
    fn look(&mut self, state: &State) {
        for c in &mut self.controls {
            let value = match c.moves {
                Moves::Tap { transformer, winding, middle_pu, step_pu } => {
                    state.taps(transformer).and_then(|taps| taps.get(winding)).map(|tap| ((tap - middle_pu) / step_pu).round())
                }
                Moves::Steps { capacitor } => {
                    state.capacitor_steps(capacitor).map(|steps| steps.iter().filter(|&&closed| closed).count() as f64)
                }
                Moves::Switch { element, terminal } => {
                    let n_phases = state.circuit().network().common(element).n_phases;
                    let closed = state.circuit().index_of(element).map(|_| (0..n_phases).all(|k| state.is_closed(element, terminal, k)));
                    closed.map(f64::from)
                }
                Moves::Other => None,
            };
            if let Some(value) = value {
                let (low, high, _) = c.range.unwrap_or((value, value, value));
                c.range = Some((low.min(value), high.max(value), value));
            }
        }
    }
}
