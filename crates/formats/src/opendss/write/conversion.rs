//! Loads, generators and PV systems.

use network::{Connection, DispatchMode, Generator, Inverter, Load, LoadBasis, LoadModel, LoadStatus, PvSystem};

use super::delivery::connection_word;
use super::text::Command;
use super::{Result, Writer};

/// Equal but for rounding.
pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-13 * b.abs()
}

/// kvar that kW and a power factor give.
fn kvar_of(kw: f64, pf: f64) -> f64 {
    let kvar = kw * (1.0 / (pf * pf) - 1.0).sqrt();
    if pf < 0.0 { -kvar } else { kvar }
}

impl Writer<'_> {
    pub(super) fn load(&mut self, load: &Load) -> Result<()> {
        let common = &load.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "load", &common.name);
        c.integer_unless("phases", n as i64, 3).word("bus1", &self.bus(common, 0, n)?);
        if load.connection == Connection::Delta {
            c.raw("conn", connection_word(load.connection));
        }
        c.real("kv", load.kv);
        let model = match load.model {
            LoadModel::ConstantPq => 1,
            LoadModel::ConstantZ => 2,
            LoadModel::Motor => 3,
            LoadModel::Cvr => 4,
            LoadModel::ConstantI => 5,
            LoadModel::ConstantPFixedQ => 6,
            LoadModel::ConstantPFixedX => 7,
            LoadModel::Zip => 8,
        };
        c.integer_unless("model", model, 1);
        // A shape of actual values gives the load its size, so the size comes after the shapes.
        self.shapes(&mut c, &load.shapes, &common.name, true)?;
        self.load_size(&mut c, load);
        match load.status {
            LoadStatus::Variable => {}
            LoadStatus::Fixed => drop(c.raw("status", "fixed")),
            LoadStatus::Exempt => drop(c.raw("status", "exempt")),
        }
        c.integer_unless("class", i64::from(load.class), 1).integer_unless("numcust", i64::from(load.n_customers), 1);
        c.real_unless("vminpu", load.v_min_pu, 0.95).real_unless("vmaxpu", load.v_max_pu, 1.05).real_unless("vlowpu", load.v_low_pu, 0.5);
        c.real_unless("vminnorm", load.v_min_normal_pu, 0.0).real_unless("vminemerg", load.v_min_emergency_pu, 0.0);
        c.real_unless("cvrwatts", load.cvr_p_exponent, 1.0).real_unless("cvrvars", load.cvr_q_exponent, 2.0);
        if let Some(id) = load.cvr_curve {
            c.word("cvrcurve", &self.item(&self.network.load_shapes, id.index(), &common.name, "load shape")?.name);
        }
        if let Some(zipv) = &load.zipv {
            c.reals("zipv", zipv);
        }
        c.real_unless("rneut", load.r_neutral_ohm, -1.0).real_unless("xneut", load.x_neutral_ohm, 0.0);
        if let Some(id) = load.growth {
            c.word("growth", &self.item(&self.network.growth_shapes, id.index(), &common.name, "growth shape")?.name);
        }
        c.real_unless("%mean", load.mean_pct, 50.0).real_unless("%stddev", load.stddev_pct, 10.0);
        c.real_unless("%seriesrl", load.series_rl_pct, 50.0).real_unless("relweight", load.relative_weight, 1.0);
        c.real_unless("puxharm", load.x_harmonic_pu, 0.0).real_unless("xrharm", load.xr_harmonic, 6.0);
        c.real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        self.tail(&mut c, common, Some("defaultload"));
        self.push(c)
    }

    /// P and Q, by the properties that the load's size was told by as far as they give just these.
    fn load_size(&mut self, c: &mut Command, load: &Load) {
        let (kw, kvar, pf) = (load.p_kw, load.q_kvar, load.power_factor);
        let follows = near(kvar_of(kw, pf), kvar);
        match load.basis {
            LoadBasis::TransformerKva { kva, allocation_factor } if follows && near(kva * allocation_factor * pf.abs(), kw) => {
                c.real("pf", pf).real("xfkva", kva).real("allocationfactor", allocation_factor);
            }
            LoadBasis::Energy { kwh, days, c_factor } if follows && near(kwh / (days * 24.0) * c_factor, kw) => {
                c.real("pf", pf).real("kwh", kwh).real("kwhdays", days).real("cfactor", c_factor);
            }
            LoadBasis::Given if load.q_follows_pf && follows => drop(c.real("kw", kw).real("pf", pf)),
            basis => {
                if basis != LoadBasis::Given {
                    self.converted("load.allocation", "kW and kvar as they are; what they were allocated from is left out");
                }
                c.real("kw", kw).real("kvar", kvar);
            }
        }
    }

    pub(super) fn generator(&mut self, g: &Generator) -> Result<()> {
        let common = &g.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "generator", &common.name);
        c.integer_unless("phases", n as i64, 3).word("bus1", &self.bus(common, 0, n)?);
        let follows_phases = near(g.base_v, if matches!(n, 2 | 3) { g.kv * (1000.0 / 3f64.sqrt()) } else { g.kv * 1000.0 });
        match (follows_phases, g.kv == 12.47 && g.base_v == 7200.0 && g.connection == Connection::Wye) {
            (true, _) => {
                c.raw("conn", connection_word(g.connection)).real("kv", g.kv);
            }
            // Nothing but the phases was ever said.
            (false, true) => {}
            (false, false) => drop(c.refuse("kv", "its base voltage is not that of its rated voltage and phases")),
        }
        self.shapes(&mut c, &g.shapes, &common.name, false)?;
        c.real("kw", g.p_kw).real("kvar", g.q_kvar).real("kva", g.kva);
        c.real("maxkvar", g.q_max_kvar).real("minkvar", g.q_min_kvar);
        c.integer_unless("model", i64::from(g.model), 1).real_unless("vminpu", g.v_min_pu, 0.9).real_unless("vmaxpu", g.v_max_pu, 1.1);
        c.real_unless("vpu", g.v_target_pu, 1.0).real_unless("pvfactor", g.pv_factor, 0.1);
        match g.dispatch {
            DispatchMode::Default => {}
            DispatchMode::LoadLevel => drop(c.raw("dispmode", "loadlevel")),
            DispatchMode::Price => drop(c.raw("dispmode", "price")),
            DispatchMode::Follow | DispatchMode::External => drop(c.refuse("dispmode", "a generator has no such dispatch")),
        }
        c.real_unless("dispvalue", g.dispatch_value, 0.0);
        if g.fixed {
            c.raw("status", "fixed");
        }
        c.flag_unless("forceon", g.forced_on, false).flag_unless("balanced", g.balanced, false);
        c.integer_unless("class", i64::from(g.class), 1).real_unless("dutystart", g.duty_start_h, 0.0);
        c.real_unless("xd", g.xd_pu, 1.0).real_unless("xdp", g.xdp_pu, 0.28).real_unless("xdpp", g.xdpp_pu, 0.2);
        c.real_unless("xrdp", g.xr_dp, 20.0).real_unless("h", g.h_s, 1.0).real_unless("d", g.damping, 1.0);
        if let Some(fuel) = &g.fuel {
            c.raw("usefuel", "yes").real("fuelkwh", fuel.capacity_kwh).real("%fuel", fuel.level_pct).real("%reserve", fuel.reserve_pct);
        }
        c.real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        self.tail(&mut c, common, Some("defaultgen"));
        self.push(c)
    }

    pub(super) fn pv_system(&mut self, pv: &PvSystem) -> Result<()> {
        let common = &pv.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "pvsystem", &common.name);
        // Each of these three sets the base voltage anew.
        c.raw("phases", n).raw("conn", connection_word(pv.connection)).real("kv", pv.kv);
        let base_v = if matches!(n, 2 | 3) { pv.kv * (1000.0 / 3f64.sqrt()) } else { pv.kv * 1000.0 };
        if !near(pv.base_v, base_v) {
            c.refuse("kv", "its base voltage is not that of its rated voltage and phases");
        }
        c.word("bus1", &self.bus(common, 0, n)?);
        c.real("pmpp", pv.p_mpp_kw).real_unless("%pmpp", pv.p_mpp_pct, 100.0).real("irradiance", pv.irradiance);
        c.real_unless("temperature", pv.temperature_c, 25.0);
        self.inverter(&mut c, &pv.inverter, &common.name)?;
        if let Some(id) = pv.p_t_curve {
            c.word("p-tcurve", &self.item(&self.network.xy_curves, id.index(), &common.name, "curve")?.name);
        }
        self.shapes(&mut c, &pv.shapes, &common.name, false)?;
        for (property, id) in [("tyearly", pv.t_yearly), ("tdaily", pv.t_daily), ("tduty", pv.t_duty)] {
            if let Some(id) = id {
                c.word(property, &self.item(&self.network.temperature_shapes, id.index(), &common.name, "temperature shape")?.name);
            }
        }
        c.real_unless("dutystart", pv.duty_start_h, 0.0).integer_unless("class", i64::from(pv.class), 1);
        c.real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        self.tail(&mut c, common, None);
        self.push(c)
    }

    pub(super) fn inverter(&mut self, c: &mut Command, i: &Inverter, object: &str) -> Result<()> {
        c.real("kva", i.kva);
        // Given limits stay as they are when the kVA changes.
        if i.q_max_kvar != i.kva {
            c.real("kvarmax", i.q_max_kvar);
        }
        let follows = if i.q_max_kvar != i.kva { i.q_max_kvar.abs() } else { i.kva };
        c.real_unless("kvarmaxabs", i.q_max_abs_kvar, follows);
        c.real("%cutin", i.cut_in_pct).real("%cutout", i.cut_out_pct);
        if let Some(id) = i.efficiency {
            c.word("effcurve", &self.item(&self.network.xy_curves, id.index(), object, "curve")?.name);
        }
        if i.q_follows_pf {
            c.real_unless("pf", i.power_factor, 1.0);
        } else {
            c.real_unless("pf", i.power_factor, 1.0).real("kvar", i.q_kvar);
        }
        c.flag_unless("varfollowinverter", i.var_follow_inverter, false);
        c.flag_unless("wattpriority", i.watt_priority, false).flag_unless("pfpriority", i.pf_priority, false);
        c.real_unless("%pminnovars", i.p_min_no_vars_pct, 0.0).real_unless("%pminkvarmax", i.p_min_kvar_max_pct, 0.0);
        c.real("%r", i.r_pct).real("%x", i.x_pct).integer_unless("model", i64::from(i.model), 1);
        c.real_unless("vminpu", i.v_min_pu, 0.9).real_unless("vmaxpu", i.v_max_pu, 1.1);
        c.flag_unless("balanced", i.balanced, false).flag_unless("limitcurrent", i.limit_current, false);
        c.real_unless("kvdc", i.kv_dc, 8.0).real_unless("kp", i.kp, 0.01).real_unless("pitol", i.pi_tolerance, 0.0);
        c.real_unless("safevoltage", i.safe_voltage_pct, 80.0);
        c.real_unless("amplimit", i.amp_limit_a, -1.0).real_unless("amplimitgain", i.amp_limit_gain, 0.8);
        if i.grid_forming {
            c.raw("controlmode", "gfm");
        }
        Ok(())
    }
}
