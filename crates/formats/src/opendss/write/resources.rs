//! Storage, and the controls of inverters.

use network::{
    DispatchMode, ElementId, ExponentialControl, InverterCombination, InverterControl, InverterMode, MonitoredPhase, RateOfChange,
    ReactiveReference, Storage, StorageMode, VoltWattAxis, VoltageReference, XyCurveId,
};

use super::control::phase_word;
use super::conversion::near;
use super::delivery::connection_word;
use super::text::Command;
use super::{Result, Writer};

impl Writer<'_> {
    pub(super) fn storage(&mut self, s: &Storage) -> Result<()> {
        let common = &s.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "storage", &common.name);
        // The base voltage is worked out when connection and rated voltage are said, with the phases known by then.
        c.raw("phases", n).raw("conn", connection_word(s.connection)).real("kv", s.kv);
        let base_v = if matches!(n, 2 | 3) { s.kv * (1000.0 / 3f64.sqrt()) } else { s.kv * 1000.0 };
        if !near(s.base_v, base_v) {
            c.refuse("kv", "its base voltage is not that of its rated voltage and phases");
        }
        c.word("bus1", &self.bus(common, 0, n)?);
        c.real("kwrated", s.p_rated_kw).real_unless("%kwrated", s.p_rated_pct, 100.0);
        self.inverter(&mut c, &s.inverter, &common.name)?;
        // The capacity fills the store, so what is in it comes after.
        c.real("kwhrated", s.energy_rated_kwh).real("%reserve", s.reserve_pct).real("kwhstored", s.energy_stored_kwh);
        c.real_unless("%discharge", s.discharge_pct, 100.0).real_unless("%charge", s.charge_pct, 100.0);
        c.real("%effcharge", s.charge_efficiency_pct).real("%effdischarge", s.discharge_efficiency_pct);
        c.real("%idlingkw", s.idling_loss_pct);
        if let Some(kw) = s.p_kw {
            c.real("kw", kw);
        }
        match s.mode {
            StorageMode::Idling => {}
            StorageMode::Charging => drop(c.raw("state", "charging")),
            StorageMode::Discharging => drop(c.raw("state", "discharging")),
        }
        match s.dispatch {
            DispatchMode::Default => {}
            DispatchMode::LoadLevel => drop(c.raw("dispmode", "loadlevel")),
            DispatchMode::Price => drop(c.raw("dispmode", "price")),
            DispatchMode::Follow => drop(c.raw("dispmode", "follow")),
            DispatchMode::External => drop(c.raw("dispmode", "external")),
        }
        c.real_unless("dischargetrigger", s.discharge_trigger, 0.0).real_unless("chargetrigger", s.charge_trigger, 0.0);
        c.real_unless("timechargetrig", s.charge_time_h, 2.0);
        self.shapes(&mut c, &s.shapes, &common.name, false)?;
        c.integer_unless("class", i64::from(s.class), 1).real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        self.tail(&mut c, common, None);
        self.push(c)
    }

    /// The units of a control; an empty list means all there are.
    fn units(&self, c: &mut Command, units: &[ElementId], all: bool, object: &str) -> Result<()> {
        if all {
            return Ok(());
        }
        let names = units.iter().map(|&id| self.reference(id, object)).collect::<Result<Vec<_>>>()?;
        c.words("derlist", names);
        Ok(())
    }

    fn xy_curve(&self, c: &mut Command, property: &str, id: Option<XyCurveId>, object: &str) -> Result<()> {
        if let Some(id) = id {
            c.word(property, &self.item(&self.network.xy_curves, id.index(), object, "curve")?.name);
        }
        Ok(())
    }

    pub(super) fn inverter_control(&mut self, k: &InverterControl) -> Result<()> {
        let name = &k.common.name;
        let mut c = self.control("invcontrol", &k.common);
        self.units(&mut c, &k.units, k.all_units, name)?;
        let mode = match k.mode {
            InverterMode::None => None,
            InverterMode::VoltVar => Some("voltvar"),
            InverterMode::VoltWatt => Some("voltwatt"),
            InverterMode::DynamicReactiveCurrent => Some("dynamicreaccurr"),
            InverterMode::WattPowerFactor => Some("wattpf"),
            InverterMode::WattVar => Some("wattvar"),
            InverterMode::ActiveVoltageRegulation => Some("avr"),
            InverterMode::GridForming => Some("gfm"),
        };
        if let Some(mode) = mode {
            c.raw("mode", mode);
        }
        match k.combination {
            InverterCombination::None => {}
            InverterCombination::VoltVarVoltWatt => drop(c.raw("combimode", "vv_vw")),
            InverterCombination::VoltVarDynamicReactiveCurrent => drop(c.raw("combimode", "vv_drc")),
        }
        for (property, id) in [
            ("vvc_curve1", k.volt_var_curve),
            ("voltwatt_curve", k.volt_watt_curve),
            ("voltwattch_curve", k.volt_watt_charging_curve),
            ("wattpf_curve", k.watt_pf_curve),
            ("wattvar_curve", k.watt_var_curve),
        ] {
            self.xy_curve(&mut c, property, id, name)?;
        }
        c.real_unless("hysteresis_offset", k.hysteresis_offset, 0.0);
        match k.voltage_reference {
            VoltageReference::Rated => {}
            VoltageReference::Average => drop(c.raw("voltage_curvex_ref", "avg")),
            VoltageReference::RatedAverage => drop(c.raw("voltage_curvex_ref", "ravg")),
        }
        c.real_unless("avgwindowlen", k.average_window_s, 1.0).real_unless("dynreacavgwindowlen", k.dynamic_window_s, 1.0);
        c.real_unless("dbvmin", k.dead_band_v_min_pu, 0.95).real_unless("dbvmax", k.dead_band_v_max_pu, 1.05);
        c.real_unless("argralowv", k.gradient_low_v, 0.1).real_unless("argrahiv", k.gradient_high_v, 0.1);
        c.real_unless("deltaq_factor", k.delta_q_factor, -1.0).real_unless("deltap_factor", k.delta_p_factor, -1.0);
        c.real_unless("voltagechangetolerance", k.voltage_tolerance_pu, 0.0001).real_unless(
            "varchangetolerance",
            k.var_tolerance_pu,
            0.025,
        );
        c.real_unless("activepchangetolerance", k.active_tolerance_pu, 0.01);
        match k.volt_watt_axis {
            VoltWattAxis::PMpp => {}
            VoltWattAxis::PAvailable => drop(c.raw("voltwattyaxis", "pavailablepu")),
            VoltWattAxis::PctPMpp => drop(c.raw("voltwattyaxis", "pctpmpppu")),
            VoltWattAxis::KvaRating => drop(c.raw("voltwattyaxis", "kvaratingpu")),
        }
        // A limit without size would take the rate of change out of use, so the mode comes last.
        c.real_unless("lpftau", k.low_pass_tau_s, 0.001).real_unless("risefalllimit", k.rise_fall_limit, 0.001);
        match k.rate_of_change {
            RateOfChange::Inactive => {}
            RateOfChange::LowPass => drop(c.raw("rateofchangemode", "lpf")),
            RateOfChange::RiseFall => drop(c.raw("rateofchangemode", "risefall")),
        }
        if k.reactive_reference == ReactiveReference::Max {
            c.raw("refreactivepower", "varmax");
        }
        if k.monitored_voltage != MonitoredPhase::Average {
            c.raw("monvoltagecalc", phase_word(k.monitored_voltage));
        }
        if !k.monitored_buses.is_empty() {
            c.words("monbus", k.monitored_buses.iter().map(|b| &b.text)).reals("monbusesvbase", &k.monitored_v_base_v);
        }
        c.real_unless("vsetpoint", k.v_set_point_pu, 1.0);
        if k.control_model == 1 {
            c.raw("controlmodel", "exponential");
        }
        self.tail(&mut c, &k.common, None);
        self.push(c)
    }

    pub(super) fn exponential_control(&mut self, k: &ExponentialControl) -> Result<()> {
        let mut c = self.control("expcontrol", &k.common);
        self.units(&mut c, &k.units, k.all_units, &k.common.name)?;
        c.real_unless("vreg", k.v_reg_pu, 1.0).real_unless("slope", k.slope, 50.0).real_unless("vregtau", k.v_reg_tau_s, 1200.0);
        c.real_unless("qbias", k.q_bias_pu, 0.0).real_unless("vregmin", k.v_reg_min_pu, 0.95).real_unless("vregmax", k.v_reg_max_pu, 1.05);
        c.real_unless("qmaxlead", k.q_max_lead_pu, 0.44).real_unless("qmaxlag", k.q_max_lag_pu, 0.44);
        c.real_unless("deltaq_factor", k.delta_q_factor, 0.7).flag_unless("preferq", k.prefer_q, false);
        c.real_unless("tresponse", k.response_s, 0.0);
        self.tail(&mut c, &k.common, None);
        self.push(c)
    }
}
