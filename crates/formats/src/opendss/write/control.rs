//! Controls, protective devices and meters.

use network::{
    CapacitorControl, CapacitorControlType, Common, EnergyMeter, Fuse, Monitor, MonitoredPhase, Protection, ProtectionCurve, Recloser,
    RegulatorControl, SwitchControl, SwitchState,
};

use super::text::Command;
use super::{Result, Writer};

pub(super) fn phase_word(phase: MonitoredPhase) -> String {
    match phase {
        MonitoredPhase::Average => "avg".into(),
        MonitoredPhase::Max => "max".into(),
        MonitoredPhase::Min => "min".into(),
        MonitoredPhase::Phase(n) => n.to_string(),
        MonitoredPhase::First => "1".into(),
    }
}

fn state_word(state: SwitchState) -> &'static str {
    match state {
        SwitchState::Closed => "closed",
        SwitchState::Open => "open",
    }
}

impl Writer<'_> {
    pub(super) fn control(&self, class: &str, common: &Common) -> Command {
        let mut c = Command::new("New", class, &common.name);
        c.real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        c
    }

    pub(super) fn regulator_control(&mut self, r: &RegulatorControl) -> Result<()> {
        let mut c = self.control("regcontrol", &r.common);
        match r.transformer {
            Some(id) => {
                let name = self.reference(id, &r.common.name)?;
                c.word("transformer", name.strip_prefix("transformer.").unwrap_or(&name));
            }
            None => drop(c.refuse("transformer", "it names none")),
        }
        c.raw("winding", r.winding + 1);
        if r.tap_winding != r.winding {
            c.raw("tapwinding", r.tap_winding + 1);
        }
        c.real("vreg", r.forward.v_target_v).real("band", r.forward.band_v).real("ptratio", r.pt_ratio);
        c.real_unless("remoteptratio", r.remote_pt_ratio, r.pt_ratio).real_unless("ctprim", r.ct_primary_a, 300.0);
        c.real_unless("r", r.forward.ldc_r_v, 0.0).real_unless("x", r.forward.ldc_x_v, 0.0).real_unless("ldc_z", r.forward.ldc_z_v, 0.0);
        if let Some(remote) = &r.remote_bus {
            c.word("bus", &remote.text);
        }
        c.real_unless("delay", r.delay_s, 15.0).real_unless("tapdelay", r.tap_delay_s, 2.0);
        c.integer_unless("maxtapchange", i64::from(r.max_tap_change), 16).flag_unless("inversetime", r.inverse_time, false);
        c.real_unless("vlimit", r.v_limit_v, 0.0);
        if !matches!(r.pt_phase, MonitoredPhase::First | MonitoredPhase::Phase(1)) {
            c.raw("ptphase", phase_word(r.pt_phase));
        }
        c.flag_unless("reversible", r.reversible, false);
        c.real_unless("revvreg", r.reverse.v_target_v, 120.0).real_unless("revband", r.reverse.band_v, 3.0);
        c.real_unless("revr", r.reverse.ldc_r_v, 0.0).real_unless("revx", r.reverse.ldc_x_v, 0.0).real_unless(
            "rev_z",
            r.reverse.ldc_z_v,
            0.0,
        );
        c.real_unless("revthreshold", r.reverse_threshold_kw, 100.0).real_unless("revdelay", r.reverse_delay_s, 60.0);
        c.flag_unless("revneutral", r.reverse_neutral, false).flag_unless("cogen", r.cogeneration, false);
        self.tail(&mut c, &r.common, None);
        self.push(c)
    }

    pub(super) fn capacitor_control(&mut self, k: &CapacitorControl) -> Result<()> {
        let mut c = self.control("capcontrol", &k.common);
        if let Some(id) = k.element {
            c.word("element", &self.reference(id, &k.common.name)?).integer_unless("terminal", k.terminal as i64 + 1, 1);
        }
        match k.capacitor {
            Some(id) => {
                let name = self.reference(id, &k.common.name)?;
                c.word("capacitor", name.strip_prefix("capacitor.").unwrap_or(&name));
            }
            None => drop(c.refuse("capacitor", "it names none")),
        }
        let control_type = match k.control_type {
            CapacitorControlType::Current => "current",
            CapacitorControlType::Voltage => "voltage",
            CapacitorControlType::Kvar => "kvar",
            CapacitorControlType::Time => "time",
            CapacitorControlType::PowerFactor => "pf",
            CapacitorControlType::Follow => "follow",
            CapacitorControlType::User => {
                c.refuse("type", "a compiled control cannot be written");
                "current"
            }
        };
        // The type comes before the settings: those of a power factor are kept apart.
        c.raw("type", control_type).real("ptratio", k.pt_ratio).real("ctratio", k.ct_ratio);
        c.real("onsetting", k.on_setting).real("offsetting", k.off_setting);
        c.real_unless("delay", k.delay_s, 15.0).real_unless("delayoff", k.delay_off_s, 15.0).real_unless("deadtime", k.dead_time_s, 300.0);
        c.flag_unless("voltoverride", k.v_override, false).real_unless("vmin", k.v_min_v, 115.0).real_unless("vmax", k.v_max_v, 126.0);
        for (property, phase) in [("ptphase", k.pt_phase), ("ctphase", k.ct_phase)] {
            if !matches!(phase, MonitoredPhase::First | MonitoredPhase::Phase(1)) {
                c.raw(property, phase_word(phase));
            }
        }
        if let Some(remote) = &k.v_bus {
            c.word("vbus", &remote.text);
        }
        c.real_unless("pctminkvar", k.min_kvar_pct, 50.0);
        if let Some(id) = k.control_signal {
            c.word("controlsignal", &self.item(&self.network.load_shapes, id.index(), &k.common.name, "load shape")?.name);
        }
        self.tail(&mut c, &k.common, None);
        self.push(c)
    }

    pub(super) fn switch_control(&mut self, s: &SwitchControl) -> Result<()> {
        let mut c = self.control("swtcontrol", &s.common);
        match s.switched {
            Some(id) => drop(c.word("switchedobj", &self.reference(id, &s.common.name)?)),
            None => drop(c.refuse("switchedobj", "it names none")),
        }
        c.integer_unless("switchedterm", s.terminal as i64 + 1, 1).real_unless("delay", s.delay_s, 120.0);
        // The normal state is also a command, a state is one too, and a lock keeps out what comes after it.
        c.raw("normal", state_word(s.normal)).raw("state", state_word(s.state));
        if s.command != s.state {
            c.raw("action", state_word(s.command));
        }
        c.flag_unless("lock", s.locked, false);
        self.tail(&mut c, &s.common, None);
        self.push(c)
    }

    /// What the protective devices have in common.
    fn protection(&mut self, c: &mut Command, p: &Protection, object: &str) -> Result<()> {
        if let Some(id) = p.monitored {
            c.word("monitoredobj", &self.reference(id, object)?);
        }
        c.integer_unless("monitoredterm", p.monitored_terminal as i64 + 1, 1);
        if p.switched != p.monitored
            && let Some(id) = p.switched
        {
            c.word("switchedobj", &self.reference(id, object)?);
        }
        c.integer_unless("switchedterm", p.switched_terminal as i64 + 1, p.monitored_terminal as i64 + 1);
        c.real_unless("delay", p.delay_s, 0.0);
        for (property, states) in [("normal", &p.normal), ("state", &p.state)] {
            if states.iter().all(|&s| s == SwitchState::Closed) && p.normal == p.state {
                continue;
            }
            match states.as_slice() {
                [one] => drop(c.raw(property, state_word(*one))),
                several => drop(c.words(property, several.iter().map(|&s| state_word(s)))),
            }
        }
        Ok(())
    }

    fn curve(&self, c: &mut Command, property: &str, curve: ProtectionCurve, default: &str, object: &str) -> Result<()> {
        match curve {
            Some(id) => drop(c.word_unless(property, &self.item(&self.network.tcc_curves, id.index(), object, "curve")?.name, default)),
            None if default.is_empty() => {}
            None => drop(c.raw(property, "none")),
        }
        Ok(())
    }

    pub(super) fn fuse(&mut self, f: &Fuse) -> Result<()> {
        let mut c = self.control("fuse", &f.common);
        self.protection(&mut c, &f.protection, &f.common.name)?;
        self.curve(&mut c, "fusecurve", f.curve, "tlink", &f.common.name)?;
        c.real_unless("ratedcurrent", f.rated_a, 1.0);
        self.tail(&mut c, &f.common, None);
        self.push(c)
    }

    pub(super) fn recloser(&mut self, r: &Recloser) -> Result<()> {
        let mut c = self.control("recloser", &r.common);
        self.protection(&mut c, &r.protection, &r.common.name)?;
        for (property, curve, default) in [
            ("phasefast", r.phase_fast, "a"),
            ("phasedelayed", r.phase_delayed, "d"),
            ("groundfast", r.ground_fast, ""),
            ("grounddelayed", r.ground_delayed, ""),
        ] {
            self.curve(&mut c, property, curve, default, &r.common.name)?;
        }
        c.real_unless("phasetrip", r.phase_trip, 1.0).real_unless("groundtrip", r.ground_trip, 1.0);
        c.real_unless("phaseinst", r.phase_instantaneous, 0.0).real_unless("groundinst", r.ground_instantaneous, 0.0);
        c.integer_unless("numfast", i64::from(r.n_fast), 1).integer_unless("shots", i64::from(r.shots), 4);
        if r.reclose_intervals_s != [0.5, 2.0, 2.0] {
            c.reals("recloseintervals", &r.reclose_intervals_s);
        }
        // Time dials stand only among the settings as written.
        for (name, value) in &r.settings {
            if name.to_lowercase().starts_with("td") {
                c.word(name, value);
            }
        }
        self.tail(&mut c, &r.common, None);
        self.push(c)
    }

    pub(super) fn monitor(&mut self, m: &Monitor) -> Result<()> {
        let mut c = self.control("monitor", &m.common);
        if let Some(id) = m.element {
            c.word("element", &self.reference(id, &m.common.name)?);
        }
        c.integer_unless("terminal", m.terminal as i64 + 1, 1).integer_unless("mode", i64::from(m.mode), 0);
        c.flag_unless("residual", m.residual, false).flag_unless("vipolar", m.vi_polar, true).flag_unless("ppolar", m.p_polar, true);
        self.tail(&mut c, &m.common, None);
        self.push(c)
    }

    pub(super) fn energy_meter(&mut self, m: &EnergyMeter) -> Result<()> {
        let mut c = self.control("energymeter", &m.common);
        if let Some(id) = m.element {
            c.word("element", &self.reference(id, &m.common.name)?);
        }
        c.integer_unless("terminal", m.terminal as i64 + 1, 1);
        if m.options != ["e", "r", "c"] {
            c.words("option", &m.options);
        }
        c.real_unless("kvanormal", m.kva_normal, 0.0).real_unless("kvaemerg", m.kva_emergency, 0.0);
        if m.peak_current_a.iter().any(|&a| a != 400.0) {
            c.reals("peakcurrent", &m.peak_current_a);
        }
        if !m.zone_list.is_empty() {
            c.words("zonelist", &m.zone_list);
        }
        c.flag_unless("localonly", m.local_only, false);
        if m.mask.iter().any(|&x| x != 1.0) {
            c.reals("mask", &m.mask);
        }
        c.flag_unless("losses", m.losses, true).flag_unless("linelosses", m.line_losses, true);
        c.flag_unless("xfmrlosses", m.transformer_losses, true).flag_unless("seqlosses", m.sequence_losses, true);
        c.flag_unless("3phaselosses", m.three_phase_losses, true).flag_unless("vbaselosses", m.voltage_base_losses, true);
        c.flag_unless("phasevoltagereport", m.phase_voltage_report, false);
        self.tail(&mut c, &m.common, None);
        self.push(c)
    }
}
