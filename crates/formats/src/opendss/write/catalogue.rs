//! Line codes, conductors, geometries, shapes and curves.
//!
//! Transformer codes are not written: transformers say their own windings. An object that every OpenDSS
//! circuit has is written only where the network's is another, and then edited rather than made.

use std::sync::Arc;

use network::{CableShield, Conductor, Interpolation, LengthUnit, LineCode, LineCodeData, LineGeometry, LoadShape, Rating};

use super::super::lower::shape::{even_statistics, timed_statistics};
use super::text::{Command, number};
use super::{Result, Writer, built_in};

/// The word of a unit of length.
pub(super) fn unit_word(unit: LengthUnit) -> &'static str {
    match unit {
        LengthUnit::None => "none",
        LengthUnit::Mile => "mi",
        LengthUnit::Kilofoot => "kft",
        LengthUnit::Kilometre => "km",
        LengthUnit::Metre => "m",
        LengthUnit::Foot => "ft",
        LengthUnit::Inch => "in",
        LengthUnit::Centimetre => "cm",
        LengthUnit::Millimetre => "mm",
    }
}

/// Ratings by season, where there are any.
pub(super) fn seasons(c: &mut Command, rating: &Rating) {
    if !rating.seasonal_a.is_empty() {
        c.raw("seasons", rating.seasonal_a.len()).reals("ratings", &rating.seasonal_a);
    }
}

/// Class of a conductor by what is around it.
pub(super) fn conductor_class(conductor: &Conductor) -> &'static str {
    match conductor.cable.as_ref().map(|c| &c.shield) {
        None => "wiredata",
        Some(CableShield::ConcentricNeutral { .. }) => "cndata",
        Some(CableShield::Tape { .. }) => "tsdata",
    }
}

impl Writer<'_> {
    pub(super) fn catalogue(&mut self) -> Result<()> {
        let network = self.network;
        let standard = built_in();
        for code in &network.line_codes {
            self.line_code(code)?;
        }
        for conductor in &network.conductors {
            self.conductor(conductor)?;
        }
        for spacing in &network.line_spacings {
            let mut c = Command::new("New", "linespacing", &spacing.name);
            c.raw("nconds", spacing.n_conductors).raw("nphases", spacing.n_phases).raw("units", unit_word(spacing.unit));
            c.reals("x", &spacing.x).reals("h", &spacing.h);
            self.push(c)?;
            self.kept("linespacing");
        }
        for geometry in &network.line_geometries {
            self.geometry(geometry)?;
        }
        for shape in &network.load_shapes {
            if let Some(verb) = verb(shape, &standard.load_shapes, |s| &s.name) {
                self.load_shape(verb, shape)?;
            }
        }
        for s in &network.temperature_shapes {
            let mut c = Command::new("New", "tshape", &s.name);
            self.series(&mut c, "temp", &s.name, s.interval_h, s.hours.as_ref(), &s.temperature_c, (s.mean, s.stddev));
            self.push(c)?;
            self.kept("tshape");
        }
        for s in &network.price_shapes {
            let mut c = Command::new("New", "priceshape", &s.name);
            self.series(&mut c, "price", &s.name, s.interval_h, s.hours.as_ref(), &s.price, (s.mean, s.stddev));
            self.push(c)?;
            self.kept("priceshape");
        }
        for g in &network.growth_shapes {
            let Some(verb) = verb(g, &standard.growth_shapes, |s| &s.name) else { continue };
            let mut c = Command::new(verb, "growthshape", &g.name);
            let years: Vec<f64> = g.years.iter().map(|&y| f64::from(y)).collect();
            c.raw("npts", years.len()).reals("year", &years).reals("mult", &g.multipliers);
            self.push(c)?;
            self.kept("growthshape");
        }
        for curve in &network.xy_curves {
            let mut c = Command::new("New", "xycurve", &curve.name);
            c.raw("npts", curve.x.len()).reals("xarray", &curve.x).reals("yarray", &curve.y);
            c.real_unless("xshift", curve.x_shift, 0.0).real_unless("yshift", curve.y_shift, 0.0);
            c.real_unless("xscale", curve.x_scale, 1.0).real_unless("yscale", curve.y_scale, 1.0);
            self.push(c)?;
            self.kept("xycurve");
        }
        for curve in &network.tcc_curves {
            let Some(verb) = verb(curve, &standard.tcc_curves, |c| &c.name) else { continue };
            let mut c = Command::new(verb, "tcc_curve", &curve.name);
            c.raw("npts", curve.current.len()).reals("c_array", &curve.current).reals("t_array", &curve.time_s);
            self.push(c)?;
            self.kept("tcc_curve");
        }
        for s in &network.spectra {
            let Some(verb) = verb(s, &standard.spectra, |c| &c.name) else { continue };
            let mut c = Command::new(verb, "spectrum", &s.name);
            c.raw("numharm", s.harmonic.len()).reals("harmonic", &s.harmonic);
            c.reals("%mag", &s.magnitude_pct).reals("angle", &s.angle_deg);
            self.push(c)?;
            self.kept("spectrum");
        }
        for _ in &network.transformer_codes {
            self.converted("xfmrcode", "every transformer says its own windings");
        }
        Ok(())
    }

    fn line_code(&mut self, code: &LineCode) -> Result<()> {
        let mut c = Command::new("New", "linecode", &code.name);
        let n = code.n_phases;
        c.raw("nphases", n).real_unless("basefreq", code.base_frequency_hz, self.base_hz).raw("units", unit_word(code.unit));
        match &code.data {
            LineCodeData::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf } => {
                c.real("r1", z1_ohm.re).real("x1", z1_ohm.im).real("r0", z0_ohm.re).real("x0", z0_ohm.im);
                c.real("c1", *c1_nf).real("c0", *c0_nf);
            }
            LineCodeData::Matrix { z_ohm, c_nf } => {
                c.matrix("rmatrix", z_ohm.iter().map(|z| z.re), n).matrix("xmatrix", z_ohm.iter().map(|z| z.im), n);
                c.matrix("cmatrix", c_nf.iter().copied(), n);
            }
        }
        c.real_unless("normamps", code.rating.normal_a, 400.0).real_unless("emergamps", code.rating.emergency_a, 600.0);
        seasons(&mut c, &code.rating);
        c.real_unless("faultrate", code.reliability.fault_rate, 0.1).real_unless("pctperm", code.reliability.permanent_pct, 20.0);
        c.real_unless("repair", code.reliability.repair_h, 0.0);
        c.real_unless("rg", code.earth_r_ohm, 0.01805).real_unless("xg", code.earth_x_ohm, 0.155081).real_unless(
            "rho",
            code.rho_ohm_m,
            100.0,
        );
        c.integer_unless("neutral", code.neutral as i64, n as i64).word_unless("linetype", &code.line_type, "oh");
        self.push(c)?;
        self.kept("linecode");
        Ok(())
    }

    fn conductor(&mut self, wire: &Conductor) -> Result<()> {
        let mut c = Command::new("New", conductor_class(wire), &wire.name);
        // What was never given is negative and is derived again.
        let mut known = |property: &str, x: f64| {
            if x >= 0.0 || x.is_nan() {
                c.real(property, x);
            }
        };
        known("rdc", wire.r_dc_ohm);
        known("rac", wire.r_ac_ohm);
        known("gmrac", wire.gmr);
        known("radius", wire.radius);
        known("capradius", wire.capacitance_radius);
        known("normamps", wire.rating.normal_a);
        known("emergamps", wire.rating.emergency_a);
        c.raw("runits", unit_word(wire.r_unit)).raw("gmrunits", unit_word(wire.gmr_unit)).raw("radunits", unit_word(wire.radius_unit));
        if wire.rating.seasonal_a.len() > 1 {
            seasons(&mut c, &wire.rating);
        }
        if let Some(cable) = &wire.cable {
            c.real("epsr", cable.relative_permittivity);
            let mut known = |property: &str, x: f64| {
                if x >= 0.0 {
                    c.real(property, x);
                }
            };
            known("inslayer", cable.insulation_thickness);
            known("diains", cable.insulation_diameter);
            known("diacable", cable.cable_diameter);
            match cable.shield {
                CableShield::ConcentricNeutral { n_strands, strand_diameter, strand_gmr, strand_r_ohm } => {
                    known("diastrand", strand_diameter);
                    known("gmrstrand", strand_gmr);
                    known("rstrand", strand_r_ohm);
                    c.raw("k", n_strands);
                }
                CableShield::Tape { shield_diameter, tape_thickness, tape_lap_pct } => {
                    known("diashield", shield_diameter);
                    known("tapelayer", tape_thickness);
                    known("tapelap", tape_lap_pct);
                }
            }
        }
        self.push(c)?;
        self.kept(conductor_class(wire));
        Ok(())
    }

    fn geometry(&mut self, g: &LineGeometry) -> Result<()> {
        let mut c = Command::new("New", "linegeometry", &g.name);
        c.raw("nconds", g.n_conductors).raw("nphases", g.n_phases);
        for (i, position) in g.conductors.iter().enumerate() {
            let wire = self.item(&self.network.conductors, position.conductor.index(), &g.name, "conductor")?;
            let property = match conductor_class(wire) {
                "cndata" => "cncable",
                "tsdata" => "tscable",
                _ => "wire",
            };
            c.raw("cond", i + 1).word(property, &wire.name).raw("units", unit_word(position.unit));
            c.real("x", position.x).real("h", position.h);
        }
        c.flag_unless("reduce", g.reduce, false).real("normamps", g.rating.normal_a).real("emergamps", g.rating.emergency_a);
        if g.rating.seasonal_a.len() > 1 {
            seasons(&mut c, &g.rating);
        }
        c.word_unless("linetype", &g.line_type, "oh");
        self.push(c)?;
        if g.spacing.is_some() {
            self.converted("linegeometry.spacing", "the positions are written out");
        }
        self.kept("linegeometry");
        Ok(())
    }

    fn load_shape(&mut self, verb: &str, s: &LoadShape) -> Result<()> {
        let mut c = Command::new(verb, "loadshape", &s.name);
        c.raw("npts", s.p.len());
        // Hours set the interval to zero, so it follows them.
        if let Some(hours) = &s.hours {
            c.reals("hour", hours);
        }
        c.real("interval", s.interval_h);
        self.points(&mut c, "mult", &s.name, &s.p);
        if let Some(q) = &s.q {
            c.reals("qmult", q);
        }
        let derived = match &s.hours {
            Some(hours) if s.interval_h <= 0.0 => timed_statistics(hours, &s.p),
            _ => even_statistics(&s.p),
        };
        statistics(&mut c, (s.mean, s.stddev), derived);
        c.flag_unless("useactual", s.use_actual, false).real_unless("pbase", s.p_base, 0.0).real_unless("qbase", s.q_base, 0.0);
        let largest = (0..s.p.len()).fold(0, |at, i| if s.p[i].abs() > s.p[at].abs() { i } else { at });
        if s.q_max != s.q.as_ref().and_then(|q| q.get(largest)).copied().unwrap_or(0.0) {
            c.real("qmax", s.q_max);
        }
        if s.interpolation == Interpolation::Edge {
            c.raw("interpolation", "edge");
        }
        self.push(c)?;
        self.kept("loadshape");
        Ok(())
    }

    /// Values of a shape: in the script, or where the caller keeps them.
    fn points(&self, c: &mut Command, property: &str, name: &str, values: &[f64]) {
        match self.options.shape_file.and_then(|file| file(name)) {
            Some(path) => {
                let form = if path.ends_with(".dbl") { "dblfile" } else { "file" };
                c.raw(property, format!("({form}={path})"));
            }
            None => drop(c.reals(property, values)),
        }
    }

    fn series(
        &self,
        c: &mut Command,
        property: &str,
        name: &str,
        interval_h: f64,
        hours: Option<&Arc<[f64]>>,
        values: &[f64],
        given: (f64, f64),
    ) {
        c.raw("npts", values.len());
        if let Some(hours) = hours {
            c.reals("hour", hours);
        }
        c.real("interval", interval_h);
        self.points(c, property, name, values);
        let derived = match hours {
            Some(hours) if interval_h <= 0.0 => timed_statistics(hours, values),
            _ => even_statistics(values),
        };
        statistics(c, given, derived);
    }
}

/// Mean and standard deviation, where they are not those of the values.
fn statistics(c: &mut Command, given: (f64, f64), derived: (f64, f64)) {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-300);
    if !(near(given.0, derived.0) && near(given.1, derived.1)) {
        c.raw("mean", number(given.0)).raw("stddev", number(given.1));
    }
}

/// How to write an object that may be one of those that every circuit has; `None` where it is.
fn verb<T: PartialEq>(object: &T, standard: &[T], name: impl Fn(&T) -> &String) -> Option<&'static str> {
    match standard.iter().find(|s| name(s) == name(object)) {
        Some(s) if s == object => None,
        Some(_) => Some("Edit"),
        None => Some("New"),
    }
}
