//! Five substations over real sockets: TLS on loopback, masks, two of five lost, a coordinator killed, and one fault that only one site has seen.
//!
//! Rows are synthetic transformers: dissolved gases (ppm), hot spot and oil temperature (°C), vibration (mm/s), load (%), with six kinds of fault by the gas
//! ratios of IEC 60599 (table 1) and a healthy state. Sites differ in what they have seen, in how loaded they are and in how many transformers they have.

mod dense;
mod node;
mod trees;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use learning::federated::accountant::epsilon_after;
use learning::federated::average::{Averageable, Averaging, AveragingSite, LocalPlan};
use learning::federated::coordinator::{Coordinator, Notice, Options, Status, Training};
use learning::federated::digest::Digest;
use learning::federated::federation::{Aggregation, Federation, Member, Privacy, Site};
use learning::federated::identity::Identity;
use learning::federated::linear::{Examples, LogisticRegression, Scale};
use learning::federated::message::{Body, Message};
use learning::federated::participant::{Memory, Participant};
use learning::federated::site::SiteModel;
use learning::federated::wire::{Settings, WireError, coordinator, frame, participant, tls};
use learning::matrix::Matrix;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use studies::synthetic::random::Random;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const SITES: usize = 5;
const FEATURES: usize = 10;
/// Healthy, partial discharge, discharges of low and high energy, thermal faults below 300, to 700 and above 700 °C.
const CLASSES: usize = 7;
/// Discharges of high energy, seen at the last site alone.
const RARE: usize = 3;

/// The ranges that all sites map to -1 and 1.
fn scales() -> Vec<Scale> {
    let gas = |name: &str, high| Scale { name: format!("{name}_ppm"), low: 0.5, high, logarithmic: true };
    let plain = |name: &str, low, high| Scale { name: name.to_owned(), low, high, logarithmic: false };
    vec![
        gas("h2", 5000.0),
        gas("ch4", 5000.0),
        gas("c2h2", 2000.0),
        gas("c2h4", 5000.0),
        gas("c2h6", 5000.0),
        gas("co", 5000.0),
        plain("oil_c", 20.0, 110.0),
        plain("hot_spot_c", 20.0, 180.0),
        plain("vibration_mm_s", 0.0, 20.0),
        plain("load_pct", 0.0, 150.0),
    ]
}

/// One transformer: its measurements in their units.
fn transformer(class: usize, site: usize, random: &mut Random) -> [f64; FEATURES] {
    // H2 and the ratios CH4/H2, C2H4/C2H6, C2H2/C2H4, by class.
    let (h2, methane, ethylene, acetylene): (f64, f64, f64, f64) = match class {
        0 => (20.0, 0.6, 0.8, 0.02),
        1 => (600.0, 0.05, 0.1, 0.05),
        2 => (250.0, 0.25, 2.5, 2.5),
        3 => (500.0, 0.45, 6.0, 1.2),
        4 => (80.0, 2.0, 0.4, 0.02),
        5 => (120.0, 2.5, 2.0, 0.03),
        _ => (200.0, 2.5, 7.0, 0.08),
    };
    let spread = |median: f64, sigma: f64, random: &mut Random| random.log_normal(median, sigma);
    let h2 = spread(h2, 0.5, random);
    let ch4 = h2 * spread(methane, 0.35, random);
    let c2h6 = ch4 * spread(0.6, 0.4, random);
    let c2h4 = c2h6 * spread(ethylene, 0.35, random);
    let c2h2 = c2h4 * spread(acetylene, 0.35, random);
    let co = spread(if matches!(class, 4 | 5) { 600.0 } else { 300.0 }, 0.4, random);
    // Sites are loaded differently: the same class looks different in temperature.
    let load = (45.0 + 12.0 * site as f64 + 10.0 * random.normal()).clamp(5.0, 140.0);
    let heat = match class {
        4 => 15.0,
        5 => 25.0,
        6 => 35.0,
        _ => 0.0,
    };
    let oil = 30.0 + 0.4 * load + 0.3 * heat + 3.0 * random.normal();
    let hot_spot = oil + 0.25 * load + heat + 4.0 * random.normal();
    let vibration = (2.0 + 0.02 * load + if matches!(class, 1..=3) { 3.0 } else { 0.0 } + 0.8 * random.normal()).max(0.0);
    [h2, ch4, c2h2, c2h4, c2h6, co, oil, hot_spot, vibration, load]
}

/// What a site has seen: how many transformers of each class. No two sites have the same mix, and the rare fault is at one.
fn seen(site: usize) -> [usize; CLASSES] {
    match site {
        0 => [120, 60, 40, 0, 0, 5, 0],
        1 => [150, 0, 50, 0, 50, 0, 5],
        2 => [100, 5, 0, 0, 60, 50, 0],
        3 => [180, 30, 0, 0, 0, 50, 60],
        _ => [90, 0, 30, 40, 20, 0, 40],
    }
}

/// A site's rows, raw and scaled.
struct Rows {
    raw: Vec<[f64; FEATURES]>,
    examples: Examples,
}

fn rows(count: [usize; CLASSES], site: usize, purpose: u64) -> Rows {
    let mut random = Random::new(2026, purpose, site as u64);
    let (scales, mut raw, mut features, mut target) = (scales(), Vec::new(), Matrix::new(FEATURES), Vec::new());
    for (class, count) in count.into_iter().enumerate() {
        for _ in 0..count {
            let row = transformer(class, site, &mut random);
            features.push(&std::array::from_fn::<f64, FEATURES, _>(|i| scales[i].apply(row[i])));
            target.push(class as f64);
            raw.push(row);
        }
    }
    Rows { raw, examples: Examples::new(features, target).unwrap() }
}

/// Transformers of every class at every site, which no one trains on.
fn everywhere() -> Examples {
    let mut features = Matrix::new(FEATURES);
    let mut target = Vec::new();
    for site in 0..SITES {
        let rows = rows([60; CLASSES], site, 9);
        (0..rows.examples.target().len()).for_each(|i| features.push(rows.examples.features().row(i)));
        target.extend_from_slice(rows.examples.target());
    }
    Examples::new(features, target).unwrap()
}

/// Share of the rare fault's rows that are told to be it.
fn recall(model: &LogisticRegression, rows: &Examples) -> f64 {
    let rare: Vec<usize> = (0..rows.target().len()).filter(|&i| rows.target()[i] == RARE as f64).collect();
    rare.iter().filter(|&&i| model.predict(rows.features().row(i)) == RARE).count() as f64 / rare.len() as f64
}

fn local() -> LocalPlan {
    LocalPlan { epochs: 5, batch: 16, learning_rate: 0.3, proximal: 0.0, seed: 11 }
}

fn trained(rows: &Examples, epochs: u32) -> LogisticRegression {
    let mut model = LogisticRegression::new(FEATURES, CLASSES);
    model.local_train(rows, &LocalPlan { epochs, ..local() }, 1).unwrap();
    model
}

/// A certificate with its key, as an operator would make it.
struct Credentials {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Credentials {
    fn new(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        Self { certificate: certificate.der().clone(), key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.certificate)
    }

    fn identity(&self) -> Identity {
        Identity::new(&self.certificate, &self.key).unwrap()
    }
}

/// Every message that passed the coordinator: whose, whether it left the site, its bytes.
type Recording = Arc<Mutex<Vec<(Site, bool, Vec<u8>)>>>;

struct Plant {
    federation: Federation,
    coordinator: Credentials,
    sites: Vec<Credentials>,
    recording: Recording,
    /// The coordinator as it was saved last.
    saved: Arc<Mutex<String>>,
}

fn settings() -> Settings {
    Settings { retry: (Duration::from_millis(20), Duration::from_millis(200)), alive: Duration::from_secs(2), ..Settings::default() }
}

impl Plant {
    fn new(privacy: Option<Privacy>) -> Self {
        let coordinator = Credentials::new("coordinator");
        let sites: Vec<Credentials> = (0..SITES).map(|i| Credentials::new(&format!("substation{i}"))).collect();
        let members =
            sites.iter().enumerate().map(|(i, c)| Member { name: format!("substation{i}"), certificate_sha256: c.digest() }).collect();
        let federation = Federation {
            name: "five substations".to_owned(),
            coordinator_sha256: coordinator.digest(),
            members,
            threshold: 3,
            aggregation: Aggregation::Masked,
            clip_norm: 20.0,
            weight_limit: 1000.0,
            privacy,
        };
        assert_eq!(federation.faults(), []);
        Self { federation, coordinator, sites, recording: Recording::default(), saved: Arc::default() }
    }

    fn begin(&self, rounds: u64) -> Coordinator {
        let model = LogisticRegression::new(FEATURES, CLASSES);
        self.begin_with(Averaging::new(model.parameters(), local(), 1.0, 0.5).unwrap(), rounds)
    }

    fn begin_with(&self, training: impl Into<Training>, rounds: u64) -> Coordinator {
        let options = Options {
            rounds,
            gather_ms: 3000,
            train_ms: 20_000,
            exchange_ms: 10_000,
            judge_ms: 10_000,
            grace_ms: 600,
            worsening: 1.5,
            ..Options::default()
        };
        Coordinator::new(self.federation.clone(), options, training).unwrap()
    }

    fn serve(
        &self,
        listener: TcpListener,
        coordinator: Coordinator,
        stop: watch::Receiver<bool>,
    ) -> JoinHandle<Result<Coordinator, WireError>> {
        let tls = tls::server(&self.federation, self.coordinator.certificate.clone(), self.coordinator.key.clone_key()).unwrap();
        let (recording, saved) = (Arc::clone(&self.recording), Arc::clone(&self.saved));
        tokio::spawn(async move {
            let save = move |coordinator: &Coordinator| -> io::Result<()> {
                *saved.lock().unwrap() = serde_json::to_string(coordinator)?;
                Ok(())
            };
            let mut tap = move |site: Site, left: bool, bytes: &[u8]| recording.lock().unwrap().push((site, left, bytes.to_vec()));
            coordinator::serve(listener, tls, coordinator, settings(), save, &mut tap, stop).await
        })
    }

    fn site(&self, site: usize, memory: Memory) -> Participant<AveragingSite<LogisticRegression>> {
        let own = rows(seen(site), site, 1).examples;
        let held_out = rows(seen(site).map(|n| n.div_ceil(2)), site, 2).examples;
        let alone = trained(&own, 150).score(&held_out).unwrap();
        let model = AveragingSite::new(LogisticRegression::new(FEATURES, CLASSES), own, held_out, Some(alone));
        self.with_model(site, model, memory)
    }

    fn with_model<M: SiteModel>(&self, site: usize, model: M, memory: Memory) -> Participant<M> {
        Participant::new(self.federation.clone(), self.sites[site].identity(), model, &tls::seed().unwrap(), memory).unwrap()
    }

    fn client(&self, site: usize) -> Arc<rustls::ClientConfig> {
        tls::client(&self.federation, self.sites[site].certificate.clone(), self.sites[site].key.clone_key()).unwrap()
    }

    fn join<M: SiteModel + Send + 'static>(
        &self,
        site: usize,
        address: SocketAddr,
        model: M,
        stop: watch::Receiver<bool>,
    ) -> JoinHandle<Result<Participant<M>, WireError>> {
        let participant = self.with_model(site, model, Memory::default());
        tokio::spawn(participant::take_part(address, self.client(site), participant, settings(), |_| Ok(()), stop))
    }

    fn take_part(
        &self,
        site: usize,
        address: SocketAddr,
        stop: watch::Receiver<bool>,
    ) -> JoinHandle<Result<Participant<AveragingSite<LogisticRegression>>, WireError>> {
        let tls = tls::client(&self.federation, self.sites[site].certificate.clone(), self.sites[site].key.clone_key()).unwrap();
        let participant = self.site(site, Memory::default());
        tokio::spawn(participant::take_part(address, tls, participant, settings(), |_| Ok(()), stop))
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(120), future).await.expect("it goes on within two minutes") })
}

/// Raw values, as numbers of 4 and 8 bytes in both orders and as text, and scaled ones: nothing of it may be in a recording.
///
/// Round numbers, as of a vibration that is 0 or a load at its limit, are met in any message and tell nothing.
fn traces(rows: &Rows) -> BTreeSet<Vec<u8>> {
    let mut traces = BTreeSet::new();
    let features = rows.examples.features();
    let scaled = (0..features.rows()).map(|i| features.row(i));
    for row in rows.raw.iter().map(|row| row.as_slice()).chain(scaled) {
        for value in row.iter().filter(|v| v.to_bits().trailing_zeros() < 20) {
            let single = *value as f32;
            traces.extend([value.to_le_bytes().to_vec(), value.to_be_bytes().to_vec()]);
            traces.extend([format!("{value}"), format!("{single}"), format!("{value:.3}")].map(String::into_bytes));
        }
        // A number of 4 bytes is met by chance in a megabyte; two neighbours are not.
        for pair in row.windows(2).filter(|pair| pair.iter().all(|v| v.to_bits().trailing_zeros() < 20)) {
            traces.insert(pair.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect());
            traces.insert(pair.iter().flat_map(|v| (*v as f32).to_be_bytes()).collect());
        }
    }
    // Short texts, "4.2", are met by chance too.
    traces.retain(|t| t.len() >= 7);
    traces
}

/// How many of the traces are in the bytes, looked up by their first seven bytes.
struct Search<'a>(HashMap<&'a [u8], Vec<&'a [u8]>>);

impl<'a> Search<'a> {
    fn new(traces: &'a BTreeSet<Vec<u8>>) -> Self {
        let mut starts: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        traces.iter().for_each(|t| starts.entry(&t[..7]).or_default().push(t));
        Self(starts)
    }

    fn found(&self, bytes: &[u8]) -> usize {
        (0..bytes.len().saturating_sub(6))
            .filter_map(|at| self.0.get(&bytes[at..at + 7]).map(|candidates| (at, candidates)))
            .flat_map(|(at, candidates)| candidates.iter().filter(move |t| bytes[at..].starts_with(t)))
            .count()
    }
}

#[test]
fn five_substations_learn_a_fault_that_one_of_them_has_seen() {
    let plant = Plant::new(None);
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let running = plant.serve(listener, plant.begin(30), stopped.clone());
        let sites: Vec<_> = (0..SITES).map(|i| plant.take_part(i, address, stopped.clone())).collect();
        let coordinator = running.await.unwrap().unwrap();
        assert_eq!(coordinator.status(), Status::Finished, "{:?}", coordinator.entries());
        let mut global = LogisticRegression::new(FEATURES, CLASSES);
        global.set_parameters(coordinator.parameters()).unwrap();

        // In one place, and each alone, with as many passes.
        let test = everywhere();
        let own: Vec<Rows> = (0..SITES).map(|i| rows(seen(i), i, 1)).collect();
        let mut features = Matrix::new(FEATURES);
        let mut target = Vec::new();
        for rows in &own {
            (0..rows.raw.len()).for_each(|i| features.push(rows.examples.features().row(i)));
            target.extend_from_slice(rows.examples.target());
        }
        let central = trained(&Examples::new(features, target).unwrap(), 150);
        let alone: Vec<LogisticRegression> = own.iter().map(|rows| trained(&rows.examples, 150)).collect();
        let accuracy = |model: &LogisticRegression| model.score(&test).unwrap().accuracy;
        let mean = |of: &dyn Fn(&LogisticRegression) -> f64| alone.iter().map(of).sum::<f64>() / SITES as f64;
        let (together, in_one_place) = (accuracy(&global), accuracy(&central));
        let alone_accuracy = mean(&|m| accuracy(m));
        let (together_rare, alone_rare) = (recall(&global, &test), mean(&|m| recall(m, &test)));
        println!("accuracy: global {together:.4}, centralised {in_one_place:.4}, mean local {alone_accuracy:.4}");
        println!("rare fault, recall: global {together_rare:.4}, centralised {:.4}, mean local {alone_rare:.4}", recall(&central, &test));
        assert!(in_one_place > 0.9, "the task can be learnt");
        assert!((1.0 - together) <= (1.0 - in_one_place) + 0.05 && together >= 0.95 * in_one_place);
        assert!(together_rare > alone_rare + 0.2);
        // Only the site that has it knows it by itself.
        assert!(alone[..4].iter().all(|m| recall(m, &test) == 0.0));

        // Every site got the model that counts.
        let release = coordinator.versions().last().unwrap().sha256;
        for site in sites {
            let participant = site.await.unwrap().unwrap();
            assert_eq!(participant.memory().release.as_ref().unwrap().sha256, release);
            assert_eq!(participant.model().model(), global);
            let left = participant.memory().traffic.bytes_left(participant.site());
            println!("{} sent {left} bytes", plant.federation.name_of(participant.site()));
            assert_eq!(left, coordinator.traffic().bytes_left(participant.site()));
        }

        // The recording holds no row of any site.
        let recording = plant.recording.lock().unwrap();
        let total: usize = recording.iter().map(|(_, _, bytes)| bytes.len()).sum();
        assert_eq!(total as u64, coordinator.traffic().rows().iter().map(|r| r.bytes).sum::<u64>());
        let traces: BTreeSet<Vec<u8>> = own.iter().flat_map(traces).collect();
        let search = Search::new(&traces);
        let hits: usize = recording.iter().map(|(_, _, bytes)| search.found(bytes)).sum();
        println!("{} messages, {total} bytes recorded; {} traces of rows looked for, {hits} found", recording.len(), traces.len());
        assert_eq!(hits, 0);
        // The search finds what is there: a message with one value in it, however it is written.
        let value = own[2].raw[7][3];
        let tell_tale = Message { round: 0, attempt: 0, body: Body::Update { values: vec![0.0, value], weight: 1 } }.bytes();
        assert!(search.found(&tell_tale) > 0);
        assert!(search.found(format!("c2h4 = {value} ppm").as_bytes()) > 0);
        let pair: Vec<u8> = own[2].raw[7][3..5].iter().flat_map(|v| (*v as f32).to_be_bytes()).collect();
        assert!(search.found(&pair) > 0);
        // And no update passed in the clear.
        assert!(recording.iter().all(|(_, _, bytes)| !matches!(Message::read(bytes).unwrap().body, Body::Update { .. })));
    });
}

#[test]
fn two_of_five_drop_out_and_a_killed_coordinator_goes_on() {
    let plant = Plant::new(None);
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let running = plant.serve(listener, plant.begin(12), stopped.clone());
        let sites: Vec<_> = (0..SITES).map(|i| plant.take_part(i, address, stopped.clone())).collect();

        // Sites 1 and 3 are killed when the second of them is about to get the boxes: their masks are in the vectors of the others.
        let of_kind = |kind: &str, round: u64| {
            plant
                .recording
                .lock()
                .unwrap()
                .iter()
                .filter_map(|(site, _, bytes)| Message::read(bytes).map(|m| (*site, m)))
                .filter(|(_, m)| m.round == round && m.body.kind() == kind)
                .count()
        };
        while of_kind("shares", 2) < SITES {
            tokio::task::yield_now().await;
        }
        sites[1].abort();
        sites[3].abort();
        while of_kind("ask", 5) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Killed, not stopped: nothing is written but what was saved before.
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        let mut coordinator: Coordinator = serde_json::from_str(&plant.saved.lock().unwrap()).unwrap();
        let before = coordinator.versions().len();
        assert!(before > 3 && !matches!(coordinator.status(), Status::Finished), "{before} {:?}", coordinator.status());
        coordinator.resume(0);
        let listener = TcpListener::bind(address).await.unwrap();
        let coordinator = plant.serve(listener, coordinator, stopped).await.unwrap().unwrap();
        assert_eq!(coordinator.status(), Status::Finished, "{:?}", coordinator.entries());
        let notices: Vec<&Notice> = coordinator.entries().iter().map(|e| &e.notice).collect();
        assert!(notices.contains(&&Notice::Resumed));
        let missing: BTreeSet<&str> =
            notices.iter().filter_map(|n| if let Notice::Missing { site, .. } = n { Some(site.as_str()) } else { None }).collect();
        assert_eq!(missing, BTreeSet::from(["substation1", "substation3"]), "{notices:?}");
        assert_eq!(coordinator.versions().last().unwrap().version, 12);
        assert_eq!(coordinator.versions().last().unwrap().sites, ["substation0", "substation2", "substation4"]);
        let scores: Vec<f64> = coordinator.versions().iter().filter_map(|v| v.after.map(|a| a.loss)).collect();
        assert!(scores.last().unwrap() < scores.first().unwrap(), "{scores:?}");
        drop(sites);
    });
}

#[test]
fn epsilon_is_stated_and_what_the_accountant_says() {
    let privacy = Privacy { noise_multiplier: 4.0, honest: 3, delta: 1e-5, epsilon_limit: 8.0 };
    let plant = Plant::new(Some(privacy));
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let coordinator = plant.begin(6);
        // With noise on five sites a round may well do harm; here the account is looked at.
        let text = serde_json::to_string(&coordinator).unwrap().replace("\"worsening\":1.5", "\"worsening\":1e9");
        let running = plant.serve(listener, serde_json::from_str(&text).unwrap(), stopped.clone());
        let sites: Vec<_> = (0..SITES).map(|i| plant.take_part(i, address, stopped.clone())).collect();
        let coordinator = running.await.unwrap().unwrap();
        assert_eq!(coordinator.status(), Status::Finished, "{:?}", coordinator.entries());
        let spent: Vec<f64> = coordinator.versions()[1..].iter().map(|v| v.epsilon.unwrap()).collect();
        println!("epsilon after each of six rounds at delta 1e-5, noise multiplier 4: {spent:.4?}");
        for (round, epsilon) in spent.iter().enumerate() {
            assert_eq!(Ok(*epsilon), epsilon_after(round as u64 + 1, 4.0, 1e-5));
        }
        for site in sites {
            assert_eq!(site.await.unwrap().unwrap().epsilon(), coordinator.epsilon());
        }
    });
}

#[test]
fn an_unknown_certificate_and_another_roster_are_refused() {
    let plant = Plant::new(None);
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let running = plant.serve(listener, plant.begin(1), stopped.clone());

        // A stranger who holds the document.
        let stranger = Credentials::new("stranger");
        let mut with_stranger = plant.federation.clone();
        with_stranger.members[0].certificate_sha256 = stranger.digest();
        let site = |federation: &Federation, credentials: &Credentials| {
            let model = AveragingSite::new(
                LogisticRegression::new(FEATURES, CLASSES),
                rows(seen(0), 0, 1).examples,
                rows(seen(0), 0, 2).examples,
                None,
            );
            Participant::new(federation.clone(), credentials.identity(), model, &tls::seed().unwrap(), Memory::default()).unwrap()
        };
        let config = tls::client(&with_stranger, stranger.certificate.clone(), stranger.key.clone_key()).unwrap();
        let end = participant::take_part(address, config, site(&with_stranger, &stranger), settings(), |_| Ok(()), stopped.clone()).await;
        assert!(matches!(&end, Err(WireError::Refused { reason }) if reason.contains("certificate")), "{:?}", end.err());

        // A member with another document.
        let mut other = plant.federation.clone();
        other.threshold = 5;
        let config = tls::client(&other, plant.sites[1].certificate.clone(), plant.sites[1].key.clone_key()).unwrap();
        let end = participant::take_part(address, config, site(&other, &plant.sites[1]), settings(), |_| Ok(()), stopped.clone()).await;
        assert!(matches!(&end, Err(WireError::Refused { reason }) if reason.contains("document")), "{:?}", end.err());

        // A coordinator whose certificate is not that of the document.
        let mut impostor = plant.federation.clone();
        impostor.coordinator_sha256 = stranger.digest();
        let config = tls::client(&impostor, plant.sites[1].certificate.clone(), plant.sites[1].key.clone_key()).unwrap();
        let end = participant::take_part(address, config, site(&impostor, &plant.sites[1]), settings(), |_| Ok(()), stopped.clone()).await;
        assert!(matches!(&end, Err(WireError::Impostor { .. })), "{:?}", end.err());

        // One that does not speak TLS, and one that speaks no message after the handshake, do not disturb it.
        let mut plain = TcpStream::connect(address).await.unwrap();
        frame::write(&mut plain, b"hello").await.unwrap();
        let config = tls::client(&plant.federation, plant.sites[2].certificate.clone(), plant.sites[2].key.clone_key()).unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let name = rustls_pki_types::ServerName::try_from("coordinator").unwrap();
        let mut noisy = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
        frame::write(&mut noisy, &[0xff; 40]).await.unwrap();
        assert_eq!(frame::read(&mut noisy, 1000).await.unwrap_or(None), None);

        let sites: Vec<_> = (0..SITES).map(|i| plant.take_part(i, address, stopped.clone())).collect();
        let coordinator = running.await.unwrap().unwrap();
        assert_eq!(coordinator.status(), Status::Finished);
        assert_eq!(coordinator.versions().last().unwrap().sites.len(), 5);
        for site in sites {
            site.await.unwrap().unwrap();
        }
        // Of those who were refused, nothing but the member's greeting was heard.
        let heard: Vec<&Notice> = coordinator.entries().iter().map(|e| &e.notice).filter(|n| matches!(n, Notice::Refused { .. })).collect();
        assert!(matches!(heard.as_slice(), [Notice::Refused { site, .. }] if site == "substation1"), "{heard:?}");
        drop(stop);
    });
}
