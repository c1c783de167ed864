//! Elements of studies of geomagnetic currents: quasi direct current through lines and transformer windings.

use num_complex::Complex64;

use super::{Primitive, YprimError, join_phases, require_positive};
use crate::dense::CMatrix;

/// Primitive admittance of a line with an induced voltage in series: `2 n_phases` conductors, siemens.
///
/// `z_ohm` is given at the base frequency and `c_uf` (0 for none) is a capacitance in series, which blocks direct current.
///
/// # Errors
/// `Quantity` for a frequency that is not positive, `Matrix` when there is no impedance.
pub fn gic_line(n_phases: usize, z_ohm: Complex64, c_uf: f64, base_frequency_hz: f64, frequency_hz: f64) -> Result<Primitive, YprimError> {
    require_positive("base_frequency_hz", base_frequency_hz)?;
    require_positive("frequency_hz", frequency_hz)?;
    let mut z = Complex64::new(z_ohm.re, z_ohm.im * (frequency_hz / base_frequency_hz));
    if c_uf > 0.0 {
        z.im -= 1.0 / (std::f64::consts::TAU * frequency_hz * c_uf * 1e-6);
    }
    let y = CMatrix::from_diagonal(&[z]).inverse()?[(0, 0)];
    Ok(Primitive::joining(join_phases(n_phases, y)))
}

/// Primitive admittance of a transformer's windings: the first joins terminals 1 and 2, a second (autotransformers and
/// wye-wye) joins 3 and 4. `2 n_phases` or `4 n_phases` conductors, siemens. Zero resistance is 0.0001 ohm.
#[must_use]
pub fn gic_transformer(n_phases: usize, r1_ohm: f64, r2_ohm: Option<f64>, is_shunt: bool) -> Primitive {
    let conductance = |r_ohm: f64| if r_ohm == 0.0 { 10_000.0 } else { 1.0 / r_ohm };
    let windings: Vec<f64> = std::iter::once(r1_ohm).chain(r2_ohm).map(conductance).collect();
    let mut total = CMatrix::square(2 * n_phases * windings.len());
    for (i, g) in windings.iter().enumerate() {
        let at = 2 * n_phases * i;
        total.add_block(at, at, &join_phases(n_phases, Complex64::new(*g, 0.0)), 1.0);
    }
    if is_shunt { Primitive { series: CMatrix::square(total.rows()), total } } else { Primitive::joining(total) }
}
