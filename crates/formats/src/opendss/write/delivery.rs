//! Sources, lines, transformers, capacitors and reactors.

use network::{
    Capacitor, CapacitorSize, Common, Connection, CurrentSource, Fault, Line, LineCode, LineCodeData, LineImpedance, Reactor,
    ReactorImpedance, SequenceType, Shapes, Transformer, TransformerKind, VoltageSource, Winding,
};
use num_complex::Complex64;

use super::catalogue::{conductor_class, seasons, unit_word};
use super::text::{Command, number};
use super::{Result, Writer};

fn complex(z: Complex64) -> String {
    format!("[{} {}]", number(z.re), number(z.im))
}

fn sequence_word(sequence: SequenceType) -> &'static str {
    match sequence {
        SequenceType::Positive => "positive",
        SequenceType::Zero => "zero",
        SequenceType::Negative => "negative",
        SequenceType::None => "none",
    }
}

pub(super) fn connection_word(connection: Connection) -> &'static str {
    match connection {
        Connection::Wye => "wye",
        Connection::Delta => "delta",
    }
}

/// Whether terminal 2 is the earth of terminal 1's bus, as it is when no second bus is named.
fn earthed(common: &Common) -> bool {
    match common.terminals.as_slice() {
        [a, b] => a.bus == b.bus && b.nodes.iter().all(|&n| n == 0),
        _ => true,
    }
}

impl Writer<'_> {
    /// Shapes by mode. `daily` also sets an unset `yearly` where `daily_leads`.
    pub(super) fn shapes(&mut self, c: &mut Command, shapes: &Shapes, object: &str, daily_leads: bool) -> Result<()> {
        let shared = daily_leads && shapes.daily.is_some();
        if shared && shapes.yearly.is_none() {
            c.refuse("daily", "a daily shape without a yearly one would become the yearly one too");
        }
        let yearly = shapes.yearly.filter(|_| !(shared && shapes.yearly == shapes.daily));
        for (property, id) in [("yearly", yearly), ("daily", shapes.daily), ("duty", shapes.duty)] {
            if let Some(id) = id {
                c.word(property, &self.item(&self.network.load_shapes, id.index(), object, "load shape")?.name);
            }
        }
        Ok(())
    }

    pub(super) fn source_properties(&mut self, c: &mut Command, s: &VoltageSource) -> Result<()> {
        let n = s.common.n_phases;
        c.integer_unless("phases", n as i64, 3).real_unless("basefreq", s.common.base_frequency_hz, self.base_hz);
        c.word("bus1", &self.bus(&s.common, 0, n)?);
        if !earthed(&s.common) {
            c.word("bus2", &self.bus(&s.common, 1, n)?);
        }
        c.real("basekv", s.base_kv).real("pu", s.v_pu).real_unless("angle", s.angle_deg, 0.0);
        c.real_unless("frequency", s.frequency_hz, self.base_hz).real_unless("basemva", s.base_mva, 100.0);
        c.raw("z1", complex(s.z1_ohm)).raw("z2", complex(s.z2_ohm)).raw("z0", complex(s.z0_ohm));
        if s.ideal {
            c.raw("model", "ideal").raw("puzideal", complex(s.z_ideal_pu));
        }
        if s.scan != SequenceType::Positive {
            c.raw("scantype", sequence_word(s.scan));
        }
        if s.sequence != SequenceType::Positive {
            c.raw("sequence", sequence_word(s.sequence));
        }
        self.shapes(c, &s.shapes, "vsource", true)?;
        self.tail(c, &s.common, Some("defaultvsource"));
        Ok(())
    }

    pub(super) fn voltage_source(&mut self, s: &VoltageSource) -> Result<()> {
        let mut c = Command::new("New", "vsource", &s.common.name);
        self.source_properties(&mut c, s)?;
        self.push(c)
    }

    pub(super) fn current_source(&mut self, s: &CurrentSource) -> Result<()> {
        let mut c = Command::new("New", "isource", &s.common.name);
        let n = s.common.n_phases;
        c.integer_unless("phases", n as i64, 3).real_unless("basefreq", s.common.base_frequency_hz, self.base_hz);
        c.word("bus1", &self.bus(&s.common, 0, n)?);
        if !earthed(&s.common) {
            c.word("bus2", &self.bus(&s.common, 1, n)?);
        }
        c.real("amps", s.i_a).real_unless("angle", s.angle_deg, 0.0).real_unless("frequency", s.frequency_hz, self.base_hz);
        if s.scan != SequenceType::Positive {
            c.raw("scantype", sequence_word(s.scan));
        }
        if s.sequence != SequenceType::Positive {
            c.raw("sequence", sequence_word(s.sequence));
        }
        self.shapes(&mut c, &s.shapes, &s.common.name, true)?;
        self.tail(&mut c, &s.common, Some("default"));
        self.push(c)
    }

    pub(super) fn line(&mut self, line: &Line) -> Result<()> {
        let common = &line.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "line", &common.name);
        if common.terminals.len() != 2 || common.terminals.iter().any(|t| t.nodes.len() != n) {
            c.refuse("bus1", format!("a line has two ends of {n} conductors"));
        }
        let code = match line.line_code {
            Some(id) => Some(self.item(&self.network.line_codes, id.index(), &common.name, "line code")?),
            None => None,
        };
        let code = code.filter(|code| same_data(line, code));
        if line.line_code.is_some() && code.is_none() {
            self.converted("line.linecode", "the line's data differ from its code's and are written out");
        }
        // Each of these properties sets the number of phases, so that the buses follow them.
        let mut rating = (400.0, 600.0);
        let mut line_type = "oh";
        let mut with_earth = false;
        if line.is_switch {
            c.raw("switch", "yes");
        }
        match (&line.impedance, code) {
            (LineImpedance::Geometry { geometry }, _) => {
                let g = self.item(&self.network.line_geometries, geometry.index(), &common.name, "line geometry")?;
                c.word("geometry", &g.name);
                rating = (g.rating.normal_a, g.rating.emergency_a);
                line_type = &g.line_type;
                // Lines of a geometry share the resistivity that the last of them told.
                c.real_unless("rho", line.rho_ohm_m, 100.0);
                c.real_unless("basefreq", common.base_frequency_hz, self.base_hz);
            }
            (LineImpedance::Spacing { spacing, conductors }, _) => {
                let s = self.item(&self.network.line_spacings, spacing.index(), &common.name, "line spacing")?;
                c.word("spacing", &s.name);
                let mut wires = Vec::new();
                for id in conductors {
                    wires.push(self.item(&self.network.conductors, id.index(), &common.name, "conductor")?);
                }
                let cables = wires.iter().take_while(|w| w.cable.is_some()).count();
                let property = match wires.first().map(|w| conductor_class(w)) {
                    Some("cndata") => "cncables",
                    Some("tsdata") => "tscables",
                    _ => "wires",
                };
                if cables > 0 {
                    c.words(property, wires[..cables].iter().map(|w| &w.name));
                }
                if cables < wires.len() {
                    c.words("wires", wires[cables..].iter().map(|w| &w.name));
                }
                rating = (f64::NAN, f64::NAN);
                c.real_unless("rho", line.rho_ohm_m, 100.0);
                c.real_unless("basefreq", common.base_frequency_hz, self.base_hz);
            }
            (_, Some(code)) => {
                c.word("linecode", &code.name);
                rating = (code.rating.normal_a, code.rating.emergency_a);
                line_type = &code.line_type;
            }
            (LineImpedance::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf }, None) => {
                let f = line.unit_factor;
                c.raw("phases", n).real_unless("basefreq", common.base_frequency_hz, self.base_hz);
                c.real("r1", z1_ohm.re * f).real("x1", z1_ohm.im * f).real("r0", z0_ohm.re * f).real("x0", z0_ohm.im * f);
                c.real("c1", c1_nf * f).real("c0", c0_nf * f);
                with_earth = true;
            }
            (LineImpedance::Matrix { z_ohm, c_nf }, None) => {
                let f = line.unit_factor;
                c.raw("phases", n).real_unless("basefreq", common.base_frequency_hz, self.base_hz);
                c.matrix("rmatrix", z_ohm.iter().map(|z| z.re * f), n).matrix("xmatrix", z_ohm.iter().map(|z| z.im * f), n);
                c.matrix("cmatrix", c_nf.iter().map(|x| x * f), n);
                with_earth = true;
            }
        }
        if with_earth {
            let f = line.unit_factor;
            let usual = common.base_frequency_hz == self.base_hz && line.rho_ohm_m == 100.0;
            if !(usual && line.earth_r_ohm * f == 0.01805 && line.earth_x_ohm * f == 0.155081) {
                c.real("rg", line.earth_r_ohm * f).real("xg", line.earth_x_ohm * f).real("rho", line.rho_ohm_m);
            }
        }
        c.word("bus1", &self.bus(common, 0, n)?).word("bus2", &self.bus(common, 1, n)?);
        c.real("length", line.length).raw("units", unit_word(line.length_unit));
        match line.earth_model {
            network::EarthModel::Deri => {}
            network::EarthModel::Carson => drop(c.raw("earthmodel", "carson")),
            network::EarthModel::FullCarson => drop(c.raw("earthmodel", "fullcarson")),
        }
        c.real_unless("normamps", common.rating.normal_a, rating.0).real_unless("emergamps", common.rating.emergency_a, rating.1);
        if code.is_none_or(|code| code.rating.seasonal_a != common.rating.seasonal_a) {
            seasons(&mut c, &common.rating);
        }
        c.word_unless("linetype", &line.line_type, line_type);
        c.real_unless("faultrate", common.reliability.fault_rate, 0.1).real_unless("pctperm", common.reliability.permanent_pct, 20.0);
        c.real_unless("repair", common.reliability.repair_h, 3.0);
        self.tail(&mut c, common, None);
        self.push(c)
    }

    pub(super) fn transformer(&mut self, t: &Transformer) -> Result<()> {
        let common = &t.common;
        let auto = t.kind == TransformerKind::Auto;
        let (n, n_windings) = (common.n_phases, t.windings.len());
        let n_conductors = if auto { 2 * n } else { n + 1 };
        let mut c = Command::new("New", if auto { "autotrans" } else { "transformer" }, &common.name);
        c.raw("phases", n).raw("windings", n_windings).real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        if common.terminals.len() != n_windings || common.terminals.iter().any(|t| t.nodes.len() != n_conductors) {
            c.refuse("buses", format!("a transformer has a terminal of {n_conductors} conductors for each winding"));
        }
        let mut buses = Vec::with_capacity(n_windings);
        for i in 0..n_windings {
            buses.push(self.bus(common, i, n)?);
        }
        let of = |value: fn(&Winding) -> f64| -> Vec<f64> { t.windings.iter().map(value).collect() };
        c.words("buses", &buses);
        // The first two windings of an autotransformer are series and common, whatever is said of them.
        if t.windings.iter().any(|w| w.connection != Connection::Wye) {
            c.words("conns", t.windings.iter().map(|w| connection_word(w.connection)));
        }
        c.reals("kvs", &of(|w| w.kv)).reals("kvas", &of(|w| w.kva));
        if t.windings.iter().any(|w| w.tap_pu != 1.0) {
            c.reals("taps", &of(|w| w.tap_pu));
        }
        c.reals("%rs", &of(|w| w.r_pct));
        // A zero given as `xhl` would become OpenDSS's default.
        if n_windings <= 3 && t.x_sc_pct.iter().all(|&x| x != 0.0) {
            let properties = if auto { ["xhx", "xht", "xxt"] } else { ["xhl", "xht", "xlt"] };
            for (property, &x) in properties.iter().zip(&t.x_sc_pct) {
                c.real(property, x);
            }
        } else {
            c.reals("xscarray", &t.x_sc_pct);
        }
        c.real_unless("%noloadloss", t.no_load_loss_pct, 0.0).real_unless("%imag", t.magnetising_pct, 0.0);
        c.real_unless("ppm_antifloat", t.antifloat_ppm, 1.0);
        if t.lead_lag == network::LeadLag::Lead {
            c.raw("leadlag", "lead");
        }
        let va = t.windings.first().map_or(0.0, |w| w.kva) * 1000.0;
        for (i, w) in t.windings.iter().enumerate() {
            let v = if w.connection == Connection::Wye && matches!(n, 2 | 3) { w.kv / 3f64.sqrt() } else { w.kv } * 1000.0;
            let derived = (0.85 * w.r_pct / 100.0).abs() * v * v / va;
            // The series winding has a voltage of its own.
            let own_r_dc = (auto && i == 0) || (w.r_dc_ohm - derived).abs() > 1e-9 * derived.abs();
            let usual_taps = (w.tap_min_pu, w.tap_max_pu, w.n_taps) == (0.9, 1.1, 32);
            if !own_r_dc && usual_taps && w.r_neutral_ohm == -1.0 && w.x_neutral_ohm == 0.0 {
                continue;
            }
            c.raw("wdg", i + 1).real_unless("rneut", w.r_neutral_ohm, -1.0).real_unless("xneut", w.x_neutral_ohm, 0.0);
            c.real_unless("mintap", w.tap_min_pu, 0.9).real_unless("maxtap", w.tap_max_pu, 1.1);
            c.integer_unless("numtaps", i64::from(w.n_taps), 32);
            if own_r_dc {
                c.real("rdcohms", w.r_dc_ohm);
            }
        }
        let kva = t.windings.first().map_or(0.0, |w| w.kva);
        c.real_unless_near("normhkva", t.normal_kva, 1.1 * kva).real_unless_near("emerghkva", t.emergency_kva, 1.5 * kva);
        if !matches!(t.ratings_kva.as_slice(), [] | [_]) {
            c.raw("seasons", t.ratings_kva.len()).reals("ratings", &t.ratings_kva);
        }
        let first_kv = t.windings.first().map_or(0.0, |w| match (w.connection, n) {
            (Connection::Wye, 2 | 3) | (Connection::Delta, 2 | 3) => w.kv / 3f64.sqrt(),
            (Connection::Wye, _) | (Connection::Delta, 1) => w.kv,
            (Connection::Delta, n) => w.kv * 0.5 / (std::f64::consts::PI / n as f64).sin(),
        });
        let amps = |kva: f64| kva / n as f64 / first_kv;
        for (property, value, derived) in
            [("normamps", common.rating.normal_a, amps(t.normal_kva)), ("emergamps", common.rating.emergency_a, amps(t.emergency_kva))]
        {
            if auto || (value - derived).abs() > 1e-9 * derived.abs() {
                c.real(property, value);
            }
        }
        let thermal = &t.thermal;
        c.real_unless("thermal", thermal.time_constant_h, 2.0).real_unless("n", thermal.n, 0.8).real_unless("m", thermal.m, 0.8);
        c.real_unless("flrise", thermal.oil_rise_c, 65.0).real_unless("hsrise", thermal.hot_spot_rise_c, 15.0);
        c.flag_unless("sub", t.is_substation, false).word_unless("subname", &t.substation, "").word_unless("bank", &t.bank, "");
        c.flag_unless("xrconst", t.x_over_r_constant, false).word_unless("core", &t.core, "shell");
        c.real_unless("faultrate", common.reliability.fault_rate, 0.007).real_unless("pctperm", common.reliability.permanent_pct, 0.0);
        c.real_unless("repair", common.reliability.repair_h, 0.0);
        self.tail(&mut c, common, None);
        if t.code.is_some() {
            self.converted("transformer.xfmrcode", "the transformer says its own windings");
        }
        self.push(c)
    }

    pub(super) fn capacitor(&mut self, bank: &Capacitor) -> Result<()> {
        let common = &bank.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "capacitor", &common.name);
        c.raw("phases", n).real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        if bank.connection == Connection::Delta {
            c.raw("conn", "delta");
        }
        c.real("kv", bank.kv).word("bus1", &self.bus(common, 0, n)?);
        let expected = if bank.connection == Connection::Delta && n <= 2 { n + 1 } else { n };
        if common.terminals.iter().any(|t| t.nodes.len() != expected) {
            c.refuse("phases", format!("its terminals have other than {expected} conductors"));
        }
        if bank.connection == Connection::Wye && (bank.bus2_defined || !earthed(common)) {
            c.word("bus2", &self.bus(common, 1, n)?);
        }
        c.integer_unless("numsteps", bank.steps.len() as i64, 1);
        match &bank.size {
            CapacitorSize::Kvar(kvar) => drop(c.reals("kvar", kvar)),
            CapacitorSize::Microfarad(uf) => drop(c.reals("cuf", uf)),
            CapacitorSize::Matrix(uf) => drop(c.matrix("cmatrix", uf.iter().copied(), n)),
        }
        if bank.harmonic.iter().any(|&h| h != 0.0) {
            c.reals("harm", &bank.harmonic);
        }
        // Reactances given after a tuning replace it, and bring a resistance where there is none yet.
        if bank.x_l_ohm.iter().any(|&x| x != 0.0) {
            c.reals("xl", &bank.x_l_ohm);
        }
        if bank.r_ohm.iter().any(|&r| r != 0.0) {
            c.reals("r", &bank.r_ohm);
        }
        if bank.steps.iter().any(|closed| !closed) {
            c.words("states", bank.steps.iter().map(|&closed| if closed { "1" } else { "0" }));
        }
        let kv = if bank.connection == Connection::Wye && matches!(n, 2 | 3) { bank.kv / 3f64.sqrt() } else { bank.kv };
        let derived = match &bank.size {
            CapacitorSize::Kvar(kvar) => kvar.iter().sum::<f64>() / n as f64 / kv * 1.35,
            CapacitorSize::Microfarad(_) | CapacitorSize::Matrix(_) => f64::NAN,
        };
        for (property, value, derived) in
            [("normamps", common.rating.normal_a, derived), ("emergamps", common.rating.emergency_a, derived * 1.8 / 1.35)]
        {
            let near = (value - derived).abs() <= 1e-9 * derived.abs();
            if !near && value.is_finite() {
                c.real(property, value);
            }
        }
        c.real_unless("faultrate", common.reliability.fault_rate, 0.0005).real_unless("pctperm", common.reliability.permanent_pct, 100.0);
        c.real_unless("repair", common.reliability.repair_h, 3.0);
        self.tail(&mut c, common, None);
        self.push(c)
    }

    pub(super) fn reactor(&mut self, r: &Reactor) -> Result<()> {
        let common = &r.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "reactor", &common.name);
        c.raw("phases", n).real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        if r.connection == Connection::Delta {
            c.raw("conn", "delta");
        }
        c.real("kv", r.kv).word("bus1", &self.bus(common, 0, n)?);
        if r.connection == Connection::Wye && (r.bus2_defined || !earthed(common)) {
            c.word("bus2", &self.bus(common, 1, n)?);
        }
        match &r.impedance {
            ReactorImpedance::Kvar { kvar } => drop(c.real("kvar", *kvar)),
            ReactorImpedance::Rx { r_ohm, x_ohm } => drop(c.real("r", *r_ohm).real("x", *x_ohm)),
            ReactorImpedance::Matrix { r_ohm, x_ohm } => {
                c.matrix("rmatrix", r_ohm.iter().copied(), n).matrix("xmatrix", x_ohm.iter().copied(), n);
            }
            ReactorImpedance::Sequence { z1_ohm, z2_ohm, z0_ohm } => {
                c.raw("z1", complex(*z1_ohm)).raw("z2", complex(*z2_ohm)).raw("z0", complex(*z0_ohm));
            }
        }
        c.flag_unless("parallel", r.parallel, false).real_unless("rp", r.r_parallel_ohm, 0.0);
        for (property, id) in [("rcurve", r.r_curve), ("lcurve", r.l_curve)] {
            if let Some(id) = id {
                c.word(property, &self.item(&self.network.xy_curves, id.index(), &common.name, "curve")?.name);
            }
        }
        c.real("normamps", common.rating.normal_a).real("emergamps", common.rating.emergency_a);
        c.real("faultrate", common.reliability.fault_rate).real("pctperm", common.reliability.permanent_pct);
        c.real("repair", common.reliability.repair_h);
        self.tail(&mut c, common, None);
        self.push(c)
    }
}

impl Writer<'_> {
    pub(super) fn fault(&mut self, f: &Fault) -> Result<()> {
        let common = &f.common;
        let n = common.n_phases;
        let mut c = Command::new("New", "fault", &common.name);
        c.integer_unless("phases", n as i64, 1).real_unless("basefreq", common.base_frequency_hz, self.base_hz);
        c.word("bus1", &self.bus(common, 0, n)?);
        if !earthed(common) {
            c.word("bus2", &self.bus(common, 1, n)?);
        }
        c.real_unless("r", f.r_ohm, 0.0001);
        if let Some(g) = &f.g_siemens {
            c.matrix("gmatrix", g.iter().copied(), n);
        }
        c.real_unless("%stddev", f.stddev_pct, 0.0).real_unless("ontime", f.on_time_s, 0.0).real_unless("minamps", f.min_a, 5.0);
        c.flag_unless("temporary", f.temporary, false);
        c.real_unless("normamps", common.rating.normal_a, 0.0).real_unless("emergamps", common.rating.emergency_a, 0.0);
        self.tail(&mut c, common, None);
        self.push(c)
    }
}

/// Whether a line would have just these data if it were made from the code.
fn same_data(line: &Line, code: &LineCode) -> bool {
    let impedance = match (&line.impedance, &code.data) {
        (LineImpedance::Matrix { z_ohm, c_nf }, LineCodeData::Matrix { z_ohm: z, c_nf: c }) => z_ohm == z && c_nf == c,
        (
            LineImpedance::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf },
            LineCodeData::Sequence { z1_ohm: z1, z0_ohm: z0, c1_nf: c1, c0_nf: c0 },
        ) => {
            // One phase has only one sequence.
            let (z0, c0) = if code.n_phases == 1 { (z1, c1) } else { (z0, c0) };
            (z1_ohm, z0_ohm, c1_nf, c0_nf) == (z1, z0, c1, c0)
        }
        _ => false,
    };
    impedance
        && line.common.n_phases == code.n_phases
        && line.common.base_frequency_hz == code.base_frequency_hz
        && (line.earth_r_ohm, line.earth_x_ohm, line.rho_ohm_m) == (code.earth_r_ohm, code.earth_x_ohm, code.rho_ohm_m)
        && (line.unit_factor - code.unit.per_length_factor(line.length_unit)).abs() <= 1e-12 * line.unit_factor.abs()
}
