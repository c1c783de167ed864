//! What voltages a network has when its loads draw what their meters read.
//!
//! At each time every load is set to what was read of it (of power without vars, at the load's own power factor) and the network is solved as it
//! stands: regulators and capacitors act by their controls, sources are at their set voltages. What is left between a voltage that was read and this
//! one is the error of the model (which stays from day to day, so that a median takes it away), that of the meter, and faults.
//!
//! A time at which any load was not read is not solved: a load that is left at its nominal power would move all voltages.

use network::{Load, LoadBasis, Network, SolutionMode};
use powerflow::{CircuitError, Outcome, Session};
use std::collections::HashMap;

/// What a load draws at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Place among the network's loads.
    pub load: usize,
    pub p_kw: f64,
    pub q_kvar: Option<f64>,
}

/// Voltages of the loads that are named, pu: for each time that of each load drawn there, in the same order, or none where a load in service was not
/// read, or the network does not settle. A voltage is the mean over the load's nodes, NaN where the bus has no base.
///
/// # Errors
/// A network that cannot be compiled.
pub fn voltages(network: &Network, times: &[Vec<Drawn>]) -> Result<Vec<Option<Vec<f64>>>, CircuitError> {
    let mut network = network.clone();
    let o = &mut network.options;
    (o.mode, o.load_multiplier, o.year) = (SolutionMode::Snapshot, 1.0, 0);
    let in_service = network.loads.iter().filter(|l| l.common.enabled).count();
    let own = |l: &Load| match l.power_factor {
        pf if pf != 0.0 && pf.abs() <= 1.0 => pf.signum() * (1.0 / pf.powi(2) - 1.0).sqrt(),
        _ if l.p_kw != 0.0 => l.q_kvar / l.p_kw,
        _ => 0.0,
    };
    // Vars of a kilowatt, before loads are set to what was read.
    let vars: Vec<f64> = network.loads.iter().map(own).collect();
    let mut session = Session::new();
    let mut all = Vec::with_capacity(times.len());
    for (k, drawn) in times.iter().enumerate() {
        if drawn.iter().filter(|d| network.loads[d.load].common.enabled).count() < in_service {
            all.push(None);
            continue;
        }
        for d in drawn {
            let load = &mut network.loads[d.load];
            (load.basis, load.p_kw, load.q_kvar) = (LoadBasis::Given, d.p_kw, d.q_kvar.unwrap_or(d.p_kw * vars[d.load]));
        }
        let Outcome::Settled(solution) = session.solve_network(&network, k == 0)? else {
            all.push(None);
            continue;
        };
        let v: HashMap<String, f64> = solution.nodes().into_iter().filter_map(|n| Some((n.node, n.v_pu?))).collect();
        let of = |d: &Drawn| {
            let Some(t) = network.loads[d.load].common.terminals.first() else { return f64::NAN };
            let bus = &network.bus(t.bus).name;
            let nodes: Vec<f64> = t.nodes.iter().filter(|n| **n > 0).filter_map(|n| v.get(&format!("{bus}.{n}")).copied()).collect();
            if nodes.is_empty() { f64::NAN } else { nodes.iter().sum::<f64>() / nodes.len() as f64 }
        };
        all.push(Some(drawn.iter().map(of).collect()));
    }
    Ok(all)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use formats::opendss::{FileSource, ReadOptions, read};
    use std::path::Path;

    struct Script(String);

    impl FileSource for Script {
        fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
            Ok(self.0.clone().into_bytes())
        }

        fn list_dir(&self, _: &Path) -> std::io::Result<Vec<String>> {
            Ok(vec!["model.dss".to_owned()])
        }
    }

    /// The network of a script.
    pub fn scripted(text: String) -> Network {
        let options = ReadOptions { lenient: false, commands: Vec::new() };
        read(&Script(text), Path::new("model.dss"), &mut Session::new(), &options).map_err(|e| e.diagnostics).unwrap().network
    }

    /// A stiff source of 0.4 kV and loads along a line of 0.02 ohm of resistance a piece, with no reactance and unity power factor.
    pub fn street(loads: usize) -> Network {
        let mut text = "clear\nnew circuit.street bus1=b0 basekv=0.4 pu=1.0 r1=0 x1=0.0000001 r0=0 x0=0.0000001\n".to_owned();
        for k in 1..=loads {
            text += &format!(
                "new line.l{k} bus1=b{} bus2=b{k} r1=0.02 x1=0.000001 r0=0.02 x0=0.000001 c1=0 c0=0 length=1\nnew load.m{k} bus1=b{k} kv=0.4 kw=5 pf=1 vminpu=0.5 vmaxpu=1.5\n",
                k - 1
            );
        }
        scripted(text + "set voltagebases=[0.4]\ncalcv\n")
    }

    /// Constant power `P` over a line of `R`: `v (1 - v) = P R / V^2` in pu, three phases alike.
    #[test]
    fn a_voltage_is_that_of_the_quadratic() {
        let network = street(1);
        let at = |p_kw: f64| vec![Drawn { load: 0, p_kw, q_kvar: None }];
        let said = voltages(&network, &[at(10.0), Vec::new(), at(40.0), at(10.0)]).unwrap();
        for (v, p_kw) in [(&said[0], 10.0), (&said[2], 40.0), (&said[3], 10.0)] {
            let drop = p_kw * 1000.0 * 0.02 / 400.0_f64.powi(2);
            let exact = (1.0 + (1.0 - 4.0 * drop).sqrt()) / 2.0;
            let v = v.as_ref().unwrap()[0];
            assert!((v - exact).abs() < 1e-5, "{v} {exact}");
        }
        assert_eq!(said[1], None, "a load that was not read");
    }
}
