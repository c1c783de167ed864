//! Batteries of customers: schedules that follow from load and sun, or from hours of the day; and the inverter functions of all layers.
//!
//! With `η = sqrt(round trip)` each way, a step of `h` hours that takes `p` from the grid stores `η p h`; one that gives `p` takes `p h/η`
//! out of the store. The schedule begins with the charge that it ends with, found by running the year twice.

use super::prepare::CUT_OUT;
use super::stack::Stack;
use crate::changes::Names;
use crate::synthetic::elements;
use network::scenario::{LayerKind, Mandated, StorageLayer, StorageStrategy};
use network::{
    Common, DispatchMode, ElementId, ElementKind, InverterCombination, InverterControl, InverterMode, MonitoredPhase, Network,
    RateOfChange, ReactiveReference, Shapes, SourceRef, Storage, StorageMode, Terminal, VoltWattAxis, VoltageReference, XyCurve, XyCurveId,
};
use std::collections::HashSet;

/// A battery or several alike as one.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    pub power_kw: f64,
    /// Between the reserve and full.
    pub usable_kwh: f64,
    /// Each way.
    pub efficiency: f64,
}

impl Store {
    /// What the battery takes (positive) and gives, kW a step, when it is asked for `wanted`; and the charge above the reserve at the
    /// beginning, kWh.
    pub fn follow(&self, wanted: &[f64], step_h: f64) -> (Vec<f64>, f64) {
        let (_, start) = self.run(wanted, step_h, 0.0);
        (self.run(wanted, step_h, start).0, start)
    }

    /// The course from a charge on, and the charge in the end.
    fn run(&self, wanted: &[f64], step_h: f64, start: f64) -> (Vec<f64>, f64) {
        let mut stored = start;
        let take = |w: &f64| {
            let p = if *w > 0.0 {
                w.min(self.power_kw).min((self.usable_kwh - stored) / (self.efficiency * step_h)).max(0.0)
            } else {
                -(-w).min(self.power_kw).min(stored * self.efficiency / step_h).max(0.0)
            };
            let change = if p > 0.0 { p * self.efficiency } else { p / self.efficiency } * step_h;
            stored = (stored + change).clamp(0.0, self.usable_kwh);
            p
        };
        let course = wanted.iter().map(take).collect();
        (course, stored)
    }
}

impl Stack<'_> {
    pub(super) fn storage(&mut self, index: usize, l: &StorageLayer) {
        let share = self.share(index, l.penetration_pct, &l.adoption, Mandated::Storage);
        let sunny: HashSet<usize> = self.suns.iter().map(|s| s.site).collect();
        let chosen = self.choose(index, share, &l.allocation, |site| !l.with_solar_only || sunny.contains(&site));
        let calendar = self.prepared.calendar;
        let step_h = calendar.step_h();
        let layer = self.prepared.scenario.layers[index].name.clone();
        let efficiency = (l.round_trip_pct / 100.0).sqrt();
        let (mut taken, mut given) = (0.0, 0.0);
        for group in chosen.chunk_by(|a, b| a.site == b.site) {
            let (site, n) = (group[0].site, group.len() as f64);
            let (power_kw, energy_kwh) = (n * l.power_kw, n * l.energy_kwh);
            let store = Store { power_kw, usable_kwh: energy_kwh * (1.0 - l.reserve_pct / 100.0), efficiency };
            let wanted: Vec<f64> = match l.strategy {
                StorageStrategy::SelfConsumption => {
                    let part = n / f64::from(self.sites.all[site].customers);
                    self.net_kw(site).iter().map(|net| -net * part).collect()
                }
                StorageStrategy::TimeOfUse => {
                    let window = |k: usize, from: f64, to: f64| super::calendar::Calendar::in_window(calendar.hour_of_day(k), from, to);
                    let power = |k: usize| {
                        if window(k, l.discharge_from_h, l.discharge_to_h) {
                            -power_kw
                        } else if window(k, l.charge_from_h, l.charge_to_h) {
                            power_kw
                        } else {
                            0.0
                        }
                    };
                    (0..calendar.n_steps()).map(power).collect()
                }
            };
            let (course, start_kwh) = store.follow(&wanted, step_h);
            taken += course.iter().filter(|p| **p > 0.0).sum::<f64>() * step_h;
            given -= course.iter().filter(|p| **p < 0.0).sum::<f64>() * step_h;
            let host = self.network.loads[self.sites.all[site].load].clone();
            let wanted_name = format!("{layer}_{}", self.sites.all[site].name);
            let terminal = host.common.terminals[0].clone();
            let mut unit = battery(self.names.free("storage", &wanted_name), terminal, host.common.n_phases, host.kv, power_kw, energy_kwh);
            unit.connection = host.connection;
            unit.reserve_pct = l.reserve_pct;
            unit.energy_stored_kwh = energy_kwh * l.reserve_pct / 100.0 + start_kwh;
            (unit.charge_efficiency_pct, unit.discharge_efficiency_pct) = (100.0 * efficiency, 100.0 * efficiency);
            unit.dispatch = DispatchMode::Follow;
            // Shapes of storage are positive for discharging, per unit of the rated power.
            let name = format!("shape_{}", unit.common.name);
            let shape = self.add_shape(&name, course.iter().map(|p| -p / power_kw).collect(), None, false);
            unit.shapes = Shapes { yearly: Some(shape), daily: Some(shape), duty: None };
            unit.common.feeder = host.common.feeder;
            unit.common.base_frequency_hz = host.common.base_frequency_hz;
            unit.common.source = self.prepared.scenario.layers[index].source.clone();
            let id = self.network.add(unit);
            let element = self.network.full_name(id);
            self.account(index, element, Some(site), group.len() as u32, &course);
            self.stores.push((id.index(), site));
        }
        self.records[index].facts.push(format!("{taken:.3} kWh taken, {given:.3} kWh given back"));
    }

    /// Nominal load of a site after all other layers, kW a step.
    fn net_kw(&self, site: usize) -> Vec<f64> {
        let load = self.sites.all[site].load;
        let course = &self.courses.all[self.courses.of_load[load]];
        let kw = super::courses::factor_kw(&self.network, &self.network.loads[load], course.actual);
        let mut net: Vec<f64> = course.p.iter().map(|p| kw * p).collect();
        for added in self.added.iter().filter(|a| a.site == site) {
            net.iter_mut().zip(&added.course).for_each(|(n, p)| *n += p);
        }
        for sun in self.suns.iter().filter(|s| s.site == site) {
            net.iter_mut().zip(sun.year.iter()).for_each(|(n, p)| *n -= sun.dc_kw * p);
        }
        net
    }

    /// Puts the volt-var function of the last policy that asks for one on the inverters.
    pub(super) fn volt_var(&mut self) {
        let policies = self.prepared.scenario.layers.iter().enumerate().rev();
        let last = policies.filter_map(|(i, l)| match &l.what {
            LayerKind::Policy(p) => p.volt_var.as_ref().map(|v| (i, p, v)),
            _ => None,
        });
        let Some((index, policy, v)) = last.into_iter().next() else { return };
        let admitted: HashSet<usize> = self.sites.admitted(&self.network, &policy.allocation).into_iter().collect();
        let pv = |i: usize| ElementId::new(ElementKind::PvSystem, i);
        let store = |i: usize| ElementId::new(ElementKind::Storage, i);
        let mut units: Vec<ElementId> = self.suns.iter().filter(|s| admitted.contains(&s.site)).map(|s| pv(s.unit)).collect();
        units.extend(self.stores.iter().filter(|s| admitted.contains(&s.1)).map(|s| store(s.0)));
        if v.existing {
            let new: HashSet<ElementId> = self.suns.iter().map(|s| pv(s.unit)).chain(self.stores.iter().map(|s| store(s.0))).collect();
            let all = self.network.ids(ElementKind::PvSystem).chain(self.network.ids(ElementKind::Storage));
            let ruled: HashSet<ElementId> = self.network.inverter_controls.iter().flat_map(|c| c.units.iter().copied()).collect();
            units.extend(all.filter(|id| self.network.in_service(*id) && !new.contains(id) && !ruled.contains(id)));
        }
        self.records[index].units += units.len() as u32;
        self.records[index].facts.push(format!("volt-var on {} inverters", units.len()));
        if units.is_empty() {
            return;
        }
        let source = self.prepared.scenario.layers[index].source.clone();
        let q: Vec<f64> = v.q_pct.iter().map(|q| q / 100.0).collect();
        volt_var(&mut self.network, &mut self.names, ("scenario_volt_var", source), units, &v.v_pu, &q);
    }
}

/// Volt-var control of a curve, per unit, at inverters.
pub(crate) fn volt_var(
    network: &mut Network,
    names: &mut Names,
    (wanted, source): (&str, SourceRef),
    units: Vec<ElementId>,
    v_pu: &[f64],
    q_pu: &[f64],
) {
    // A curve goes on beyond its ends as its last line does; these are flat.
    let x = [&[0.4][..], v_pu, &[1.6]].concat();
    let y = [&q_pu[..1], q_pu, &q_pu[q_pu.len() - 1..]].concat();
    let taken = |name: &str| network.xy_curves.iter().any(|c| c.name == name);
    let name = (1..).map(|i| if i == 1 { wanted.to_owned() } else { format!("{wanted}_{i}") }).find(|n| !taken(n));
    network.xy_curves.push(XyCurve {
        name: name.unwrap_or_default(),
        x: x.into(),
        y: y.into(),
        x_shift: 0.0,
        y_shift: 0.0,
        x_scale: 1.0,
        y_scale: 1.0,
    });
    let curve = XyCurveId::from(network.xy_curves.len() - 1);
    let mut control = volt_var_control(names.free("invcontrol", wanted), units, curve);
    control.common.source = source;
    network.add(control);
}

/// A battery that idles, with nothing lost in idling; energy at its reserve.
pub(crate) fn battery(name: String, terminal: Terminal, n_phases: usize, kv: f64, power_kw: f64, energy_kwh: f64) -> Storage {
    let pv = elements::pv_system(name, terminal, n_phases, kv, power_kw, power_kw);
    let mut inverter = pv.inverter;
    (inverter.cut_in_pct, inverter.cut_out_pct) = (50.0 * CUT_OUT, 50.0 * CUT_OUT);
    inverter.var_follow_inverter = true;
    Storage {
        common: pv.common,
        connection: pv.connection,
        kv,
        base_v: if n_phases > 1 { kv * 1000.0 / 3f64.sqrt() } else { kv * 1000.0 },
        inverter,
        p_rated_kw: power_kw,
        p_rated_pct: 100.0,
        energy_rated_kwh: energy_kwh,
        energy_stored_kwh: energy_kwh,
        reserve_pct: 20.0,
        mode: StorageMode::Idling,
        p_kw: None,
        discharge_pct: 100.0,
        charge_pct: 100.0,
        charge_efficiency_pct: 90.0,
        discharge_efficiency_pct: 90.0,
        idling_loss_pct: 0.0,
        dispatch: DispatchMode::Default,
        discharge_trigger: 0.0,
        charge_trigger: 0.0,
        charge_time_h: -1.0,
        shapes: Shapes::default(),
        class: 1,
    }
}

/// Volt-var by a curve against the rated voltage, vars in per unit of the rating, vars before watts.
fn volt_var_control(name: String, units: Vec<ElementId>, curve: XyCurveId) -> InverterControl {
    InverterControl {
        common: Common::new(name, 3),
        units,
        all_units: false,
        mode: InverterMode::VoltVar,
        combination: InverterCombination::None,
        volt_var_curve: Some(curve),
        volt_watt_curve: None,
        volt_watt_charging_curve: None,
        watt_pf_curve: None,
        watt_var_curve: None,
        hysteresis_offset: 0.0,
        voltage_reference: VoltageReference::Rated,
        average_window_s: 1.0,
        dynamic_window_s: 1.0,
        dead_band_v_min_pu: 0.95,
        dead_band_v_max_pu: 1.05,
        gradient_low_v: 0.1,
        gradient_high_v: 0.1,
        delta_q_factor: -1.0,
        delta_p_factor: -1.0,
        voltage_tolerance_pu: 0.0001,
        var_tolerance_pu: 0.025,
        active_tolerance_pu: 0.01,
        volt_watt_axis: VoltWattAxis::PMpp,
        rate_of_change: RateOfChange::Inactive,
        low_pass_tau_s: 0.001,
        rise_fall_limit: 0.001,
        reactive_reference: ReactiveReference::Max,
        monitored_voltage: MonitoredPhase::Average,
        monitored_buses: Vec::new(),
        monitored_v_base_v: Vec::new(),
        v_set_point_pu: 1.0,
        control_model: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_battery_gives_what_it_took_less_losses() {
        let store = Store { power_kw: 5.0, usable_kwh: 10.0, efficiency: 0.9 };
        let wanted: Vec<f64> = (0..8760).map(|k| [8.0, 8.0, 8.0, 0.0, -3.0, -8.0][k % 6]).collect();
        let (course, start) = store.follow(&wanted, 1.0);
        let (taken, given) = course.iter().fold((0.0, 0.0), |(t, g), &p| if p > 0.0 { (t + p, g) } else { (t, g - p) });
        assert!(course.iter().all(|p| p.abs() <= 5.0));
        assert!((given / taken - 0.81).abs() < 1e-6, "{given} {taken}");
        // A round: 4.5, 9 and then 10 kWh; 3 kW takes 3.333 out, 5 kW 5.556.
        assert!(
            (course[6] - 5.0).abs() < 1e-12 && (course[10] + 3.0).abs() < 1e-12 && (course[11] + 5.0).abs() < 1e-12,
            "{:?}",
            &course[6..12]
        );
        assert!((0.0..=10.0).contains(&start));
    }
}
