//! Storage controller: has a fleet of storage units charge and discharge.
//!
//! Discharging is looked at first, by its mode; where it leaves room for it, charging follows by its own mode.
//!
//! | mode | what it does |
//! |---|---|
//! | peak shave, support, follow | holds the power of the watched terminal at the target, within half the band |
//! | i-peak shave | the same with the current, target in kA |
//! | load shape | the value of the shape is the rate of the fleet, negative charging |
//! | time | starts at an hour of the day |
//! | schedule | a ramp up, a flat part, a ramp down, from an hour of the day |
//! | peak shave low, i-peak shave low | charges up to the lower target |
//!
//! A control iteration adds to every unit its weighted share of what is missing at the terminal, and asks for another solution as long as
//! a unit was told anything new. Starting to charge by time keeps discharging off for some hours.
//!
//! Source: behaviour of OpenDSS 0.14.5 (StorageController).

use super::{ActionCode, Control, ControlAction, ControlError, ControlEvent, ControlQueue, Plant, QueuedAction, SetPoint, element_at};
use network::StorageMode::{Charging, Discharging, Idling};
use network::{
    ElementId, ElementKind, LoadShapeId, MonitoredPhase, Network, SolutionMode, StorageController, StorageDispatch, StorageMode,
};
use num_complex::Complex64;

/// Powers nearer than this are the same, kW.
const POWER_EPSILON_KW: f64 = 1e-12;
/// A new order is given when it differs by more than this from the old one, relative.
const ORDER_TOLERANCE: f64 = 1e-4;

/// A storage controller, compiled.
#[derive(Clone, Debug)]
pub struct FleetController {
    id: ElementId,
    element: ElementId,
    terminal: usize,
    settings: StorageController,
}

/// What changes in a storage controller.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetControllerState {
    /// Units with their shares of the sum of all weights.
    fleet: Vec<(ElementId, f64)>,
    mode: StorageMode,
    kw_target: f64,
    half_band: f64,
    discharge_rate_pct: f64,
    charge_rate_pct: f64,
    charging_allowed: bool,
    triggered_by_time: bool,
    discharge_inhibited: bool,
    exhausted: bool,
    last_rate_pct: f64,
    shape_value: f64,
}

/// Sums over a fleet.
struct Energy {
    stored_kwh: f64,
    rated_kwh: f64,
    reserve_kwh: f64,
}

impl FleetController {
    /// Compiles storage controller number `index` of the network.
    ///
    /// # Errors
    /// [`ControlError`]: no element to watch, no such terminal, a unit that is no storage, modes of the wrong direction.
    pub fn compile(network: &Network, index: usize) -> Result<Self, ControlError> {
        let id = ElementId::new(ElementKind::StorageController, index);
        let settings = network.storage_controllers[index].clone();
        let (element, terminal) = element_at(network, id, settings.element, settings.terminal, "element to watch")?;
        let refuse = |what: String| ControlError::Unsupported { control: network.full_name(id), what };
        if let Some(&other) = settings.units.iter().find(|u| u.kind != ElementKind::Storage) {
            return Err(refuse(format!("control of {}, which is no storage,", network.full_name(other))));
        }
        if matches!(settings.discharge_mode, StorageDispatch::PeakShaveLow | StorageDispatch::IPeakShaveLow) {
            return Err(refuse(format!("{:?} as a mode of discharging", settings.discharge_mode)));
        }
        let charges = [StorageDispatch::Loadshape, StorageDispatch::Time, StorageDispatch::PeakShaveLow, StorageDispatch::IPeakShaveLow];
        if !charges.contains(&settings.charge_mode) {
            return Err(refuse(format!("{:?} as a mode of charging", settings.charge_mode)));
        }
        Ok(Self { id, element, terminal, settings })
    }

    /// The control's element.
    pub fn id(&self) -> ElementId {
        self.id
    }

    /// Power of the watched terminal, kW: all of a one-phase element, else by the phase that counts, for all phases.
    fn watched_kw(&self, plant: &dyn Plant) -> f64 {
        let n_phases = plant.network().common(self.element).n_phases;
        if n_phases == 1 {
            return plant.terminal_power_va(self.element, self.terminal).re * 0.001;
        }
        // One phase by its number is always taken at the first terminal.
        let by_number = matches!(self.settings.monitored_phase, MonitoredPhase::Phase(_) | MonitoredPhase::First);
        let terminal = if by_number { 0 } else { self.terminal };
        let (mut v, mut i) = (Vec::new(), Vec::new());
        plant.terminal_voltages(self.element, terminal, &mut v);
        plant.terminal_currents(self.element, terminal, &mut i);
        let p: Vec<f64> = v.iter().zip(&i).map(|(v, i)| (v * i.conj()).re).collect();
        let n = n_phases as f64;
        let watts = match self.settings.monitored_phase {
            MonitoredPhase::Average => p.iter().sum(),
            MonitoredPhase::Max => p.iter().fold(0.0, |most: f64, &p| if p.abs() > most.abs() { p } else { most }) * n,
            MonitoredPhase::Min => p.iter().fold(1e50, |least: f64, &p| if p.abs() < least.abs() { p } else { least }) * n,
            MonitoredPhase::Phase(k) => k.checked_sub(1).and_then(|k| p.get(k)).copied().unwrap_or(0.0) * n,
            MonitoredPhase::First => p.first().copied().unwrap_or(0.0) * n,
        };
        watts * 0.001
    }

    /// Current of the watched terminal, A.
    fn watched_a(&self, plant: &dyn Plant) -> f64 {
        let by_number = matches!(self.settings.monitored_phase, MonitoredPhase::Phase(_) | MonitoredPhase::First);
        let mut i: Vec<Complex64> = Vec::new();
        plant.terminal_currents(self.element, if by_number { 0 } else { self.terminal }, &mut i);
        let magnitudes = i.iter().map(|i| i.norm());
        match self.settings.monitored_phase {
            MonitoredPhase::Average => magnitudes.sum::<f64>() / plant.network().common(self.element).n_phases as f64,
            MonitoredPhase::Max => magnitudes.fold(0.0, f64::max),
            MonitoredPhase::Min => magnitudes.fold(1e50, f64::min),
            MonitoredPhase::Phase(k) => k.checked_sub(1).and_then(|k| i.get(k)).map_or(0.0, |i| i.norm()),
            MonitoredPhase::First => i.first().map_or(0.0, |i| i.norm()),
        }
    }

    /// Power of a current at the watched element's first voltage, all its phases, kW.
    fn kw_per_a(&self, plant: &dyn Plant) -> f64 {
        let mut v = Vec::new();
        plant.terminal_voltages(self.element, 0, &mut v);
        plant.network().common(self.element).n_phases as f64 * v.first().map_or(0.0, |v| v.norm()) / 1000.0
    }

    fn energy(state: &FleetControllerState, plant: &dyn Plant) -> Energy {
        let mut sum = Energy { stored_kwh: 0.0, rated_kwh: 0.0, reserve_kwh: 0.0 };
        for (model, unit) in state.fleet.iter().filter_map(|&(id, _)| plant.storage(id)) {
            let (rated, reserve) = model.energy_limits_kwh();
            sum.stored_kwh += unit.stored_kwh;
            sum.rated_kwh += rated;
            sum.reserve_kwh += reserve;
        }
        sum
    }

    fn fleet_kw(state: &FleetControllerState, plant: &dyn Plant) -> f64 {
        state.fleet.iter().filter_map(|&(id, _)| plant.storage(id)).map(|(_, unit)| unit.inverter.kw_out).sum()
    }

    /// Puts the whole fleet into a state.
    fn set_fleet(state: &mut FleetControllerState, mode: StorageMode, plant: &mut dyn Plant) {
        for &(id, _) in &state.fleet {
            if let Some((model, unit)) = plant.storage_mut(id) {
                model.request_mode(unit, mode);
                if mode == Idling {
                    model.request_kw(unit, 0.0);
                }
            }
        }
        state.mode = mode;
    }

    fn set_desired(state: &FleetControllerState, mode: StorageMode, plant: &mut dyn Plant) {
        for &(id, _) in &state.fleet {
            if let Some((_, unit)) = plant.storage_mut(id) {
                unit.mode_desired = mode;
            }
        }
    }

    fn set_discharge_rate(state: &FleetControllerState, pct: f64, plant: &mut dyn Plant) {
        for &(id, _) in &state.fleet {
            if let Some((_, unit)) = plant.storage_mut(id) {
                unit.discharge_pct = pct;
            }
        }
    }

    /// Asks for another solution at this moment.
    fn ask_again(&self, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        plant.request_update();
        queue.push(&plant.clock(), 0.0, ActionCode::SetPoint(0), 0, self.id);
    }

    /// The fleet counts as idle once every unit is.
    fn notice_idle_fleet(state: &mut FleetControllerState, plant: &dyn Plant) {
        if state.fleet.iter().all(|&(id, _)| plant.storage(id).is_none_or(|(_, unit)| unit.mode == Idling)) {
            state.mode = Idling;
        }
    }

    /// Hours since the trigger, when it is set.
    fn since(trigger_h: f64, plant: &dyn Plant) -> Option<f64> {
        (trigger_h > 0.0).then(|| plant.clock().hour_of_day() - trigger_h)
    }

    /// Whether a time is now: within half a time step.
    fn is_now(difference_h: f64, plant: &dyn Plant) -> bool {
        difference_h.abs() < plant.clock().step_s / 7200.0
    }

    fn discharge_by_time(&self, state: &mut FleetControllerState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        let Some(since_h) = Self::since(self.settings.discharge_time_h, plant) else { return };
        if !Self::is_now(since_h, plant) {
            state.charging_allowed = true;
            return;
        }
        Self::set_desired(state, Discharging, plant);
        let energy = Self::energy(state, plant);
        if state.mode != Discharging && energy.stored_kwh > energy.reserve_kwh {
            Self::set_fleet(state, Discharging, plant);
            Self::set_discharge_rate(state, state.discharge_rate_pct, plant);
            state.discharge_inhibited = false;
            if self.settings.discharge_mode == StorageDispatch::Follow {
                state.triggered_by_time = true;
            } else {
                self.ask_again(plant, queue);
            }
        }
    }

    fn charge_by_time(&self, state: &mut FleetControllerState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        let Some(since_h) = Self::since(self.settings.charge_time_h, plant) else { return };
        if !Self::is_now(since_h, plant) {
            return;
        }
        Self::set_desired(state, Charging, plant);
        let energy = Self::energy(state, plant);
        if state.mode != Charging && energy.stored_kwh < energy.rated_kwh {
            Self::set_fleet(state, Charging, plant);
            state.discharge_inhibited = true;
            state.exhausted = false;
            self.ask_again(plant, queue);
            let clock = plant.clock();
            queue.push_at(clock.hour + i64::from(self.settings.inhibit_h), clock.second, ActionCode::Reset, 0, self.id);
        }
    }

    fn follow_schedule(&self, state: &mut FleetControllerState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        let s = &self.settings;
        let rate = state.discharge_rate_pct;
        let mut now_pct = 0.0;
        if let Some(since_h) = Self::since(s.discharge_time_h, plant) {
            let ramp = |share: f64| (rate * share).max(0.0).min(rate);
            let end_of_flat = s.t_up_h + s.t_flat_h;
            let end = end_of_flat + s.t_down_h;
            if state.mode != Discharging {
                state.charging_allowed = true;
                if Self::is_now(since_h, plant) {
                    Self::set_fleet(state, Discharging, plant);
                    Self::set_desired(state, Discharging, plant);
                    state.charging_allowed = false;
                    now_pct = ramp(since_h / s.t_up_h);
                    Self::set_discharge_rate(state, now_pct, plant);
                    state.discharge_inhibited = false;
                    self.ask_again(plant, queue);
                }
            } else {
                if since_h < s.t_up_h {
                    now_pct = ramp(since_h / s.t_up_h);
                    Self::set_desired(state, Discharging, plant);
                    if now_pct != state.last_rate_pct {
                        Self::set_discharge_rate(state, now_pct, plant);
                        Self::set_fleet(state, Discharging, plant);
                    }
                } else if since_h < end_of_flat {
                    now_pct = rate;
                    Self::set_desired(state, Discharging, plant);
                    if now_pct != state.last_rate_pct {
                        Self::set_discharge_rate(state, rate, plant);
                    }
                } else if since_h > end {
                    Self::set_fleet(state, Idling, plant);
                    state.charging_allowed = true;
                } else {
                    now_pct = ramp((end - since_h) / s.t_down_h);
                    Self::set_desired(state, Discharging, plant);
                    Self::set_discharge_rate(state, now_pct, plant);
                }
                if now_pct != state.last_rate_pct {
                    self.ask_again(plant, queue);
                }
            }
        }
        state.last_rate_pct = now_pct;
    }

    fn follow_shape(&self, state: &mut FleetControllerState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        let s = &self.settings;
        let before = state.mode;
        let mut rate_changed = false;
        let clock = plant.clock();
        let shape: Option<Option<LoadShapeId>> = match clock.mode {
            SolutionMode::Daily | SolutionMode::LoadDuration2 | SolutionMode::PeakDay => Some(s.daily),
            SolutionMode::Yearly => Some(s.yearly.or(s.daily)),
            SolutionMode::DutyCycle => Some(s.duty.or(s.daily)),
            // Elsewhere the last value stays.
            _ => None,
        };
        if let Some(shape) = shape {
            state.shape_value = shape.map_or(1.0, |id| plant.network().load_shapes[id.index()].at(clock.hours()).0);
        }
        let value = state.shape_value;
        if value < 0.0 {
            state.charging_allowed = true;
            let rate = value.abs() * 100.0;
            Self::set_desired(state, Charging, plant);
            if rate != state.charge_rate_pct {
                rate_changed = true;
                state.charge_rate_pct = rate;
                for &(id, _) in &state.fleet {
                    if let Some((_, unit)) = plant.storage_mut(id) {
                        unit.charge_pct = rate;
                    }
                }
                Self::set_fleet(state, Charging, plant);
            }
        } else if value == 0.0 {
            Self::set_fleet(state, Idling, plant);
        } else {
            let rate = value * 100.0;
            Self::set_desired(state, Discharging, plant);
            if rate != state.discharge_rate_pct {
                rate_changed = true;
                state.discharge_rate_pct = rate;
                Self::set_discharge_rate(state, rate, plant);
                Self::set_fleet(state, Discharging, plant);
                plant.request_update();
            }
        }
        if state.mode != before || rate_changed {
            self.ask_again(plant, queue);
        }
    }

    /// Holds the watched terminal at the target by discharging.
    fn hold_target(&self, state: &mut FleetControllerState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        if state.fleet.is_empty() {
            return;
        }
        let s = &self.settings;
        let by_current = s.discharge_mode == StorageDispatch::IPeakShave;
        let mut difference = if by_current {
            self.watched_a(plant) - state.kw_target * 1000.0
        } else {
            let p_kw = self.watched_kw(plant);
            if s.discharge_mode == StorageDispatch::Follow && state.triggered_by_time {
                state.kw_target = s.kw_threshold.max(p_kw);
                if s.band_kw.is_none() {
                    state.half_band = s.band_pct / 200.0 * state.kw_target;
                }
                state.triggered_by_time = false;
                Self::set_fleet(state, Idling, plant);
                Self::set_desired(state, Idling, plant);
            }
            if s.discharge_mode == StorageDispatch::Support { p_kw + state.kw_target } else { p_kw - state.kw_target }
        };
        let missing = difference;
        Self::notice_idle_fleet(state, plant);
        if state.discharge_inhibited {
            return;
        }
        if state.mode == Charging {
            // What the fleet itself draws is no reason to discharge.
            let fleet_kw = Self::fleet_kw(state, plant);
            difference += if by_current { fleet_kw / self.kw_per_a(plant) } else { fleet_kw };
        }
        if state.mode != Discharging && (difference - state.half_band < 0.0 || state.exhausted) {
            state.charging_allowed = true;
            if state.exhausted {
                let refilled = state.fleet.iter().filter_map(|&(id, _)| plant.storage(id)).all(|(model, unit)| {
                    let (rated_kwh, _) = model.energy_limits_kwh();
                    unit.stored_kwh / rated_kwh >= s.reset_level
                });
                state.exhausted = !refilled;
            }
            return;
        }
        let energy = Self::energy(state, plant);
        if energy.stored_kwh <= energy.reserve_kwh {
            // A fleet that discharges stops by itself.
            if state.mode == Charging {
                Self::set_fleet(state, Idling, plant);
                self.ask_again(plant, queue);
            }
            state.charging_allowed = true;
            state.exhausted = true;
            return;
        }
        if difference.abs() <= state.half_band {
            return;
        }
        let mut changed = false;
        if state.mode != Discharging {
            Self::set_fleet(state, Discharging, plant);
            changed = plant.clock().control_iteration == 1;
        }
        for (id, weight) in state.fleet.clone() {
            changed |= self.order(id, weight, missing, by_current, Discharging, plant);
        }
        if changed {
            self.ask_again(plant, queue);
        }
    }

    /// Holds the watched terminal at the lower target by charging.
    fn fill_valley(&self, state: &mut FleetControllerState, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        if state.fleet.is_empty() {
            return;
        }
        let s = &self.settings;
        let by_current = s.charge_mode == StorageDispatch::IPeakShaveLow;
        let mut difference =
            if by_current { self.watched_a(plant) - s.kw_target_low * 1000.0 } else { self.watched_kw(plant) - s.kw_target_low };
        let missing = difference;
        let energy = Self::energy(state, plant);
        Self::notice_idle_fleet(state, plant);
        if state.mode == Discharging {
            let fleet_kw = Self::fleet_kw(state, plant);
            difference += if by_current { fleet_kw / self.kw_per_a(plant) } else { fleet_kw };
        }
        if state.mode != Charging && (difference > 0.0 || energy.stored_kwh >= energy.rated_kwh) {
            state.charging_allowed = false;
            return;
        }
        if energy.stored_kwh >= energy.rated_kwh {
            if state.mode == Charging {
                Self::set_fleet(state, Idling, plant);
                self.ask_again(plant, queue);
            }
            state.charging_allowed = false;
            return;
        }
        if difference.abs() <= s.half_band_low {
            return;
        }
        let mut changed = false;
        if state.mode != Charging {
            Self::set_fleet(state, Charging, plant);
            changed = plant.clock().control_iteration == 1;
        }
        for (id, weight) in state.fleet.clone() {
            changed |= self.order(id, weight, missing, by_current, Charging, plant);
        }
        if changed {
            self.ask_again(plant, queue);
        }
    }

    /// Orders a unit to take its share of what is missing (kW, or A); tells whether that asks for another solution.
    fn order(&self, id: ElementId, weight: f64, missing: f64, by_current: bool, direction: StorageMode, plant: &mut dyn Plant) -> bool {
        let Some((model, unit)) = plant.storage(id) else { return false };
        let missing_kw = if by_current {
            let line = if model.ratings().n_phases == 1 { 1.0 } else { 3f64.sqrt() };
            model.ratings().kv * line * missing
        } else {
            missing
        };
        let before_kw = unit.inverter.kw_out;
        let rated_kw = model.p_rated_kw();
        let wanted_kw = before_kw + missing_kw * self.settings.dispatch_factor * weight;
        let forward = if direction == Discharging { 1.0 } else { -1.0 };
        let size_kw = rated_kw.min(forward * wanted_kw);
        if size_kw <= 0.0 {
            let idles = before_kw.abs() - model.idling_ac_kw() <= POWER_EPSILON_KW;
            if let Some((model, unit)) = plant.storage_mut(id) {
                model.request_mode(unit, Idling);
            }
            if idles {
                return false;
            }
            self.update(id, before_kw, plant);
            return true;
        }
        let order_kw = forward * size_kw;
        if (model.desired_kw(unit) - order_kw).abs() / size_kw <= ORDER_TOLERANCE {
            return false;
        }
        let (rated_kwh, reserve_kwh) = model.energy_limits_kwh();
        let below_cut = size_kw < unit.cut_in_ac_kw.max(unit.cut_out_ac_kw);
        if below_cut && !unit.inverter.on {
            // The order would never be met: the unit idles instead.
            if let Some((model, unit)) = plant.storage_mut(id) {
                model.request_mode(unit, Idling);
            }
            self.update(id, before_kw, plant);
            return false;
        }
        let has_energy = if below_cut || direction == Discharging { unit.stored_kwh > reserve_kwh } else { unit.stored_kwh < rated_kwh };
        if has_energy {
            if let Some((model, unit)) = plant.storage_mut(id) {
                model.request_kw(unit, order_kw);
            }
            self.update(id, before_kw, plant);
        }
        has_energy
    }

    fn update(&self, id: ElementId, before: f64, plant: &mut dyn Plant) {
        plant.update_converter(id);
        let after = plant.storage(id).map_or(before, |(_, unit)| unit.inverter.kw_out);
        let clock = plant.clock();
        let action = ControlAction::SetPointMoved { quantity: SetPoint::ActivePowerKw, before, after };
        plant.log(ControlEvent { control: self.id, element: id, hour: clock.hour, second: clock.second, action });
    }
}

impl Control for FleetController {
    type State = FleetControllerState;

    fn initial(&self, plant: &mut dyn Plant) -> Self::State {
        let s = &self.settings;
        let free = |id: &ElementId| {
            let enabled = plant.network().common(*id).enabled;
            enabled && (!s.all_units || plant.storage(*id).is_some_and(|(_, unit)| !unit.external))
        };
        let units: Vec<(ElementId, f64)> = s.units.iter().copied().zip(s.weights.iter().copied()).filter(|(id, _)| free(id)).collect();
        let total: f64 = units.iter().map(|(_, weight)| weight).sum();
        for &(id, _) in &units {
            if let Some((_, unit)) = plant.storage_mut(id) {
                unit.external = true;
                unit.charge_pct = s.charge_rate_pct;
                unit.discharge_pct = s.discharge_rate_pct;
            }
        }
        FleetControllerState {
            fleet: units.into_iter().map(|(id, weight)| (id, weight / total)).collect(),
            mode: Idling,
            kw_target: s.kw_target,
            half_band: s.half_band,
            discharge_rate_pct: s.discharge_rate_pct,
            charge_rate_pct: s.charge_rate_pct,
            charging_allowed: false,
            triggered_by_time: false,
            discharge_inhibited: false,
            exhausted: false,
            last_rate_pct: 0.0,
            shape_value: 0.0,
        }
    }

    fn sample(&self, state: &mut Self::State, plant: &mut dyn Plant, queue: &mut ControlQueue) {
        state.charging_allowed = false;
        match self.settings.discharge_mode {
            StorageDispatch::Follow => {
                self.discharge_by_time(state, plant, queue);
                self.hold_target(state, plant, queue);
            }
            StorageDispatch::PeakShave | StorageDispatch::IPeakShave | StorageDispatch::Support => self.hold_target(state, plant, queue),
            StorageDispatch::Loadshape => self.follow_shape(state, plant, queue),
            StorageDispatch::Time => self.discharge_by_time(state, plant, queue),
            StorageDispatch::Schedule => self.follow_schedule(state, plant, queue),
            StorageDispatch::PeakShaveLow | StorageDispatch::IPeakShaveLow => {}
        }
        if !state.charging_allowed {
            return;
        }
        match self.settings.charge_mode {
            StorageDispatch::Time => self.charge_by_time(state, plant, queue),
            StorageDispatch::PeakShaveLow | StorageDispatch::IPeakShaveLow => self.fill_valley(state, plant, queue),
            _ => {}
        }
    }

    fn act(&self, state: &mut Self::State, action: &QueuedAction, _plant: &mut dyn Plant, _queue: &mut ControlQueue) {
        if action.code == ActionCode::Reset && self.settings.discharge_mode != StorageDispatch::Follow {
            state.discharge_inhibited = false;
        }
    }

    fn reset(&self, state: &mut Self::State, plant: &mut dyn Plant) {
        Self::set_fleet(state, Idling, plant);
    }
}
