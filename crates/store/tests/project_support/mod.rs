//! What the tests of projects share: one body for both databases, and a small grid.

#![allow(dead_code)]

pub mod sampler;

use network::{Common, Imported, Line, LineImpedance, Load, Network, SourceRef, Terminal};
use num_complex::Complex64;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use store::project::{Creation, Project};

pub const NOON: &str = "2026-01-31T12:00:00Z";

/// A place for projects of one test: a folder, and for PostgreSQL a database of its own.
pub struct Site {
    folder: tempfile::TempDir,
    /// Address of the test's own database.
    pub url: Option<String>,
    server: Option<String>,
}

impl Site {
    fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), url: None, server: None }
    }

    fn postgres(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("gridtwin_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        statement(server, &format!("CREATE DATABASE {name}"));
        let (address, query) = server.split_once('?').map_or((server, None), |(a, q)| (a, Some(q)));
        let (head, _) = address.rsplit_once('/').expect("the address names a database");
        let url = format!("{head}/{name}{}", query.map_or(String::new(), |q| format!("?{q}")));
        Self { folder: tempfile::tempdir().expect("a temporary folder"), url: Some(url), server: Some(server.to_owned()) }
    }

    pub fn dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn creation(&self, name: &str) -> Creation {
        Creation { database: self.url.clone(), note: "made by a test".into(), ..Creation::new(name, NOON) }
    }

    pub fn project(&self, name: &str) -> Project {
        Project::create(&self.dir(name), &self.creation(name)).expect("a project can be made")
    }

    pub fn open(&self, name: &str) -> Project {
        Project::open_at(&self.dir(name), self.url.as_deref()).expect("the project can be opened")
    }

    /// Runs a statement past the store, on a connection of its own.
    pub fn statement(&self, name: &str, sql: &str) {
        match &self.url {
            Some(url) => statement(url, sql),
            None => statement(&format!("sqlite://{}", self.dir(name).join("project.db").display()), sql),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let (Some(server), Some(url)) = (&self.server, &self.url) {
            let name = url.split('?').next().and_then(|a| a.rsplit('/').next()).unwrap_or_default();
            statement(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// One statement on a connection of its own.
pub fn statement(url: &str, sql: &str) {
    use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let sql = AssertSqlSafe(sql.to_owned());
        if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(url).await.expect("SQLite opens");
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("SQLite takes the statement");
            connection.close().await.expect("SQLite closes");
        } else {
            let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("PostgreSQL takes the statement");
            connection.close().await.expect("PostgreSQL closes");
        }
    });
}

/// Address of the test server, if there is one. Where tests must be whole, its absence fails them.
pub fn server() -> Option<String> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0" && v != "false");
    let url = std::env::var("GRIDTWIN_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    if url.is_none() {
        assert!(
            !is_set("CI") && !is_set("GRIDTWIN_REQUIRE_POSTGRES"),
            "GRIDTWIN_TEST_POSTGRES names no PostgreSQL server, and this run must test with one; `make test` starts one"
        );
        eprintln!("NOT TESTED WITH POSTGRESQL: GRIDTWIN_TEST_POSTGRES names no server; `make test` starts one");
    }
    url
}

/// Runs a test on every database.
pub fn everywhere(test: impl Fn(&Site)) {
    test(&Site::sqlite());
    if let Some(server) = server() {
        test(&Site::postgres(&server));
    }
}

/// A feeder: a line from the head to each of `n` loads.
pub fn feeder(n: usize) -> Network {
    let mut network = Network::new("feeder");
    let head = network.bus_or_add("head");
    for i in 0..n {
        let bus = network.bus_or_add(&format!("b{i}"));
        network.buses[bus.index()].kv_base_ln = 2.4;
        network.buses[bus.index()].latitude_longitude_deg = Some((45.0 + i as f64 / 100.0, 7.5));
        let mut common = Common::new(format!("l{i}"), 3);
        common.terminals = vec![Terminal::new(head, vec![1, 2, 3]), Terminal::new(bus, vec![1, 2, 3])];
        common.feeder = "north".into();
        common.source = SourceRef::new("feeder.dss", 10 + 2 * i as u32);
        network.add(line(common, 100.0));
        let mut common = Common::new(format!("d{i}"), 1);
        common.terminals = vec![Terminal::new(bus, vec![2, 0])];
        common.source = SourceRef::new("feeder.dss", 11 + 2 * i as u32);
        network.add(load(common, 5.0 + i as f64));
    }
    for bus in 0..network.buses.len() {
        (1..=3).for_each(|node| network.note_node(network::BusId::from(bus), node));
    }
    network
}

pub fn line(common: Common, length: f64) -> Line {
    Line {
        common,
        length,
        length_unit: network::LengthUnit::Metre,
        unit_factor: 1.0,
        impedance: LineImpedance::Sequence { z1_ohm: Complex64::new(0.1, 0.2), z0_ohm: Complex64::new(0.3, 0.6), c1_nf: 3.4, c0_nf: 1.6 },
        earth_r_ohm: 0.0,
        earth_x_ohm: 0.0,
        rho_ohm_m: 100.0,
        earth_model: network::EarthModel::Deri,
        is_switch: false,
        line_code: None,
        line_type: String::new(),
    }
}

pub fn load(common: Common, p_kw: f64) -> Load {
    static SAMPLE: OnceLock<Load> = OnceLock::new();
    let mut load = SAMPLE.get_or_init(|| sampler::network(1).loads.swap_remove(0)).clone();
    load.common = common;
    load.p_kw = p_kw;
    load.shapes = network::Shapes::default();
    load.growth = None;
    load.cvr_curve = None;
    load.common.spectrum = None;
    load
}

pub fn imported(network: Network) -> Imported {
    Imported { network, ..Imported::default() }
}
