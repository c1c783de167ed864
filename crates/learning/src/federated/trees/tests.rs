//! Trees of five sites are those of one place, whoever is lost on the way; what cannot be is refused.

use std::collections::{BTreeSet, VecDeque};

use studies::synthetic::random::Random;

use super::*;
use crate::boosting::Objective;
use crate::boosting::bins::Cuts;
use crate::boosting::grow::{Division, Grower, Limits};
use crate::boosting::site::Site as Rows;
use crate::federated::coordinator::{Coordinator, CoordinatorError, Event, Notice, Options, Outgoing, Status};
use crate::federated::digest::Digest;
use crate::federated::federation::{Aggregation, Federation, Member, Privacy, Site};
use crate::federated::identity::Identity;
use crate::federated::identity::tests::identity;
use crate::federated::linear::Scale;
use crate::federated::message::Message;
use crate::federated::participant::{Memory, Participant};
use crate::federated::site::{Model, Question, SiteError, SiteModel};
use crate::matrix::Matrix;

const SITES: usize = 5;

fn plan(target: Target) -> Plan {
    let scale = |name: &str, low, high, logarithmic| Scale { name: name.to_owned(), low, high, logarithmic };
    Plan {
        scales: vec![scale("load_pct", 0.0, 150.0, false), scale("gas_ppm", 1.0, 1000.0, true), scale("noise", -1.0, 1.0, false)],
        cells: 256,
        bins: 24,
        target,
        trees: 6,
        learning_rate: 0.3,
        limits: Limits { depth: 3, lambda: 1.0, gamma: 0.0, least_hessian: 1.0 },
        trees_per_version: 2,
    }
}

/// Rows of a site: each has its own loads; some gases are missing, some loads out of range.
fn rows(plan: &Plan, site: usize, purpose: u64) -> (Vec<[f64; 3]>, Vec<f64>) {
    let mut random = Random::new(7, purpose, site as u64);
    let mut features = Vec::new();
    let mut target = Vec::new();
    for i in 0..60 + 30 * site {
        let load = 20.0 * site as f64 + 60.0 * random.unit();
        let gas = random.log_normal(30.0, 1.0);
        let value = 0.02 * load + (gas / 30.0).ln() + 0.2 * random.normal();
        features.push([load + if i % 40 == 3 { 200.0 } else { 0.0 }, if i % 11 == 0 { f64::NAN } else { gas }, random.between(-1.0, 1.0)]);
        target.push(match plan.target {
            Target::Number { .. } => value,
            Target::Classes(classes) => (value + 1.0).clamp(0.0, f64::from(classes) - 1.0).floor(),
        });
    }
    (features, target)
}

fn pooled(plan: &Plan, sites: &[usize], purpose: u64) -> TreeRows {
    let (mut features, mut target) = (Matrix::new(3), Vec::new());
    for &site in sites {
        let (x, y) = rows(plan, site, purpose);
        x.iter().for_each(|row| features.push(row));
        target.extend(y);
    }
    TreeRows::new(plan, features, target).unwrap()
}

/// A coordinator and its sites, every message in the hands of the test.
struct Room {
    coordinator: Coordinator,
    sites: Vec<Option<Participant<TreeSite>>>,
    waiting: VecDeque<(Site, Message)>,
    now_ms: u64,
    /// A site that is lost when it is told this in that round.
    lose: Vec<(u8, u64, &'static str)>,
    /// The last site comes back with its memory in this round.
    back: Option<u64>,
    restarts: bool,
    plan: Plan,
    identities: Vec<Identity>,
    memories: Vec<Memory>,
}

fn federation(aggregation: Aggregation, privacy: Option<Privacy>, digests: &[Digest]) -> Federation {
    let member = |(i, d): (usize, &Digest)| Member { name: format!("site{i}"), certificate_sha256: *d };
    Federation {
        name: "trees".to_owned(),
        coordinator_sha256: Digest::of(b"coordinator"),
        members: digests.iter().enumerate().map(member).collect(),
        threshold: 3,
        aggregation,
        clip_norm: 1.0,
        weight_limit: 1000.0,
        privacy,
    }
}

impl Room {
    fn new(plan: &Plan, aggregation: Aggregation) -> Self {
        let identities: Vec<_> = (0..SITES).map(|i| identity(&format!("site{i}"), &rcgen::PKCS_ED25519)).collect();
        let digests: Vec<Digest> = identities.iter().map(|i| i.digest()).collect();
        let federation = federation(aggregation, None, &digests);
        let growing = Growing::new(plan.clone()).unwrap();
        let coordinator =
            Coordinator::new(federation.clone(), Options { keep: 2, worsening: 10.0, ..Options::default() }, growing).unwrap();
        let mut room = Self {
            coordinator,
            sites: Vec::new(),
            waiting: VecDeque::new(),
            now_ms: 0,
            lose: Vec::new(),
            back: None,
            restarts: false,
            plan: plan.clone(),
            identities,
            memories: vec![Memory::default(); SITES],
        };
        for i in 0..SITES {
            let held_out = pooled(plan, &[i], 2);
            room.sites.push(Some(room.site(i, held_out)));
        }
        room
    }

    fn site(&self, i: usize, held_out: TreeRows) -> Participant<TreeSite> {
        let model = TreeSite::new(self.plan.clone(), pooled(&self.plan, &[i], 1), held_out, None);
        let seed = Digest::of(&[i as u8, self.coordinator.round().0 as u8]).0;
        let federation = self.coordinator.federation().clone();
        Participant::new(federation, self.identities[i].clone(), model, &seed, self.memories[i].clone()).unwrap()
    }

    fn greet(&mut self, site: usize) {
        let Some(participant) = &mut self.sites[site] else { return };
        let hello = participant.hello();
        for event in [Event::Connected(Site(site as u8)), Event::Received(Site(site as u8), hello)] {
            let out = self.coordinator.handle(self.now_ms, event);
            self.deliver(out);
        }
    }

    fn deliver(&mut self, out: Vec<Outgoing>) {
        for Outgoing { to, message } in out {
            if self.lose.contains(&(to.0, message.round, message.body.kind()))
                && let Some(lost) = self.sites[to.index()].take()
            {
                self.memories[to.index()] = lost.memory().clone();
            }
            let Some(participant) = &mut self.sites[to.index()] else { continue };
            let message = Message::read(&message.bytes()).unwrap();
            if let Some(reply) = participant.receive(&message) {
                self.waiting.push_back((to, Message::read(&reply.bytes()).unwrap()));
            }
        }
    }

    fn handle(&mut self, event: Event) {
        let out = self.coordinator.handle(self.now_ms, event);
        if !self.restarts {
            return self.deliver(out);
        }
        self.coordinator = serde_json::from_str(&serde_json::to_string(&self.coordinator).unwrap()).unwrap();
        self.coordinator.resume(self.now_ms);
        self.waiting.clear();
        (0..SITES).for_each(|site| self.greet(site));
    }

    fn run(&mut self) {
        (0..SITES).for_each(|site| self.greet(site));
        let mut here = [true; SITES];
        for _ in 0..200_000 {
            for site in 0..SITES {
                if here[site] && self.sites[site].is_none() {
                    here[site] = false;
                    self.handle(Event::Disconnected(Site(site as u8)));
                }
            }
            if self.back.is_some_and(|round| self.coordinator.round().0 >= round) {
                self.back = None;
                here[SITES - 1] = true;
                self.sites[SITES - 1] = Some(self.site(SITES - 1, pooled(&self.plan, &[SITES - 1], 2)));
                self.greet(SITES - 1);
            }
            if let Some((site, message)) = self.waiting.pop_front() {
                self.handle(Event::Received(site, message));
                continue;
            }
            if matches!(self.coordinator.status(), Status::Finished | Status::Halted { .. }) {
                return;
            }
            self.now_ms = self.coordinator.deadline_ms().expect("it waits for a time").max(self.now_ms);
            self.handle(Event::Tick);
        }
        panic!("it goes on for ever: {:?}", self.coordinator.status());
    }

    fn model(&self) -> Ensemble {
        let Some(Model::Trees(model)) = self.coordinator.versions().last().unwrap().model.clone() else { panic!("no trees") };
        *model
    }

    fn step(&self, plan: &Plan) -> f64 {
        Growing::new(plan.clone()).unwrap().question().coding(self.coordinator.federation()).unwrap().step()
    }
}

/// Boosting as it is in one place, gradients as they are, with cuts and first answers given: by chain.
fn boosted(plan: &Plan, rows: &TreeRows, cuts: &Cuts, bases: &[f64]) -> Vec<Vec<crate::tree::Tree>> {
    let x = rows.features();
    let chain = |(chain, base): (usize, &f64)| {
        let class = if bases.len() == 1 { 1.0 } else { chain as f64 };
        let (objective, y): (_, Vec<f64>) = match plan.target {
            Target::Classes(_) => (Objective::Logistic, rows.target().iter().map(|y| f64::from(u8::from(*y == class))).collect()),
            Target::Number { .. } => (Objective::SquaredError, rows.target().to_vec()),
        };
        let mut site = Rows::new(x, &y, cuts, *base);
        let mut trees = Vec::new();
        for _ in 0..plan.trees {
            site.start(objective, (0..x.rows() as u32).collect());
            let (mut tree, _) = site.grow(Grower::new((0..x.columns()).collect(), plan.limits), cuts).unwrap();
            (0..tree.len()).for_each(|n| tree.set_value(n, plan.learning_rate * tree.values(n)[0]));
            site.take(&tree, x);
            trees.push(tree);
        }
        trees
    };
    bases.iter().enumerate().map(chain).collect()
}

#[test]
fn five_sites_grow_the_trees_of_one_place_bit_by_bit() {
    for (target, aggregation) in [
        (Target::Classes(3), Aggregation::Masked),
        (Target::Classes(2), Aggregation::Masked),
        (Target::Number { limit: 50.0 }, Aggregation::Masked),
        (Target::Classes(3), Aggregation::Open),
    ] {
        let plan = plan(target);
        assert_eq!(plan.faults(), []);
        let mut room = Room::new(&plan, aggregation);
        room.run();
        assert_eq!(room.coordinator.status(), Status::Finished, "{:?}", room.coordinator.entries());
        let model = room.model();
        assert_eq!((model.trees.len(), model.trees[0].len()), (6, plan.chains()));
        let all = pooled(&plan, &[0, 1, 2, 3, 4], 1);
        // With rounding to the same grid, every bit; and each site holds it.
        assert_eq!(model, in_one_place(&plan, &all, room.step(&plan)).unwrap());
        assert!(room.sites.iter().flatten().all(|p| *p.model().model() == model));
        // Without rounding, and by another way through the rows: they part alike, values to the resolution of the grid.
        let cuts = model.cuts.clone().unwrap();
        let plain = boosted(&plan, &all, &cuts, &model.bases);
        let mut most = 0.0f64;
        for (round, trees) in model.trees.iter().enumerate() {
            for (chain, tree) in trees.iter().enumerate() {
                let other = &plain[chain][round];
                assert_eq!(tree.len(), other.len(), "{target:?}, tree {round} of chain {chain}");
                // Of two cuts with no row of the node between them either may be taken: rows are what has to part alike.
                for row in (0..all.features().rows()).map(|i| all.features().row(i)) {
                    most = most.max((tree.values(tree.leaf_of(row))[0] - other.values(other.leaf_of(row))[0]).abs());
                }
            }
        }
        println!(
            "{target:?}, {aggregation:?}: step 2^{}, greatest difference from sums that are not rounded {most:.1e}",
            room.step(&plan).log2()
        );
        assert!(most < 1e-9, "{most}");
        // First answers are those of all rows.
        let y = all.target();
        match target {
            Target::Number { .. } => assert!((model.bases[0] - Objective::SquaredError.base(y)).abs() < 1e-9),
            Target::Classes(_) => {
                let class = |k: usize| y.iter().map(|y| f64::from(u8::from(*y == k as f64))).collect::<Vec<_>>();
                let classes = if model.bases.len() == 1 { 1..2 } else { 0..model.bases.len() };
                for (base, k) in model.bases.iter().zip(classes) {
                    assert_eq!(*base, Objective::Logistic.base(&class(k)));
                }
            }
        }
        let last = room.coordinator.versions().last().unwrap();
        assert_eq!((last.version, last.weight as usize, last.sites.len()), (3, y.len(), 5));
        assert!(last.after.unwrap().loss < last.before.unwrap().loss);
        assert!(model.importance[2] < 0.1 && (model.importance.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{:?}", model.importance);
    }
}

#[test]
fn cuts_are_quantiles_to_a_cell_and_missing_rows_take_no_part() {
    let plan = plan(Target::Classes(2));
    let all = pooled(&plan, &[0, 1, 2, 3, 4], 1);
    let model = in_one_place(&plan, &all, 2f64.powi(-30)).unwrap();
    let cuts = model.cuts.unwrap();
    for feature in 0..3 {
        let mut sorted: Vec<f64> = all.features().column(feature).filter(|v| !v.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let edges = plan.edges(feature);
        assert_eq!(cuts.of_feature(feature).len(), 23);
        for (k, cut) in cuts.of_feature(feature).iter().enumerate() {
            // The k-th of 24 parts ends here, but for what one cell holds and what was shared anew.
            let below = sorted.partition_point(|v| v <= cut) as f64 / sorted.len() as f64;
            assert!((below - (k + 1) as f64 / 24.0).abs() < 0.04, "{feature}: {k} {below}");
            assert!(edges.contains(cut));
        }
    }
    // Fewer values than bins have a bin each.
    let mut counts = vec![0; 256];
    (counts[3], counts[4], counts[200]) = (5, 1, 7);
    let edges = plan.edges(0);
    assert_eq!(plan.cuts_of(0, &counts), [edges[3], edges[101]]);
    assert_eq!(plan.cuts_of(0, &vec![0; 256]), Vec::<f64>::new());
}

#[test]
fn without_two_of_five_a_tree_stays_as_grown_and_the_next_are_of_the_others() {
    // Round 1 counts; rounds 2 to 4 are the levels of the first tree, 5 to 7 those of the second.
    let plan = plan(Target::Classes(3));
    for kind in ["ask", "all_keys", "boxes"] {
        let mut room = Room::new(&plan, Aggregation::Masked);
        room.lose = vec![(1, 6, kind), (3, 6, kind)];
        room.run();
        assert_eq!(room.coordinator.status(), Status::Finished, "{kind}: {:?}", room.coordinator.entries());
        let shortened: Vec<&Notice> =
            room.coordinator.entries().iter().map(|e| &e.notice).filter(|n| matches!(n, Notice::TreesShortened { .. })).collect();
        assert_eq!(shortened, [&Notice::TreesShortened { levels: 1 }], "{kind}");
        // The same by hand: six sums of all, then trees of three.
        let step = room.step(&plan);
        let mut growing = Growing::new(plan.clone()).unwrap();
        let sites = |all: &[usize]| -> BTreeSet<Site> { all.iter().map(|i| Site(*i as u8)).collect() };
        let of = |growing: &mut Growing, who: &[usize]| {
            let mut site = TreeSite::new(plan.clone(), pooled(&plan, who, 1), pooled(&plan, who, 2), None);
            site.release(&growing.model()).unwrap();
            let Question::Trees(ask) = growing.question() else { panic!() };
            let sums = site.sums(&ask, step).unwrap();
            let (next, absorbed) = growing.after(&sums, pooled(&plan, who, 1).target().len() as f64, &sites(who)).unwrap();
            *growing = next;
            if absorbed == Absorbed::Ready {
                growing.accept();
            }
            absorbed
        };
        for _ in 1..=5 {
            of(&mut growing, &[0, 1, 2, 3, 4]);
        }
        assert_eq!(of(&mut growing, &[0, 2, 4]), Absorbed::Shortened { levels: 1 });
        growing.accept();
        while !growing.done() {
            of(&mut growing, &[0, 2, 4]);
        }
        assert_eq!(&room.model(), growing.released(), "{kind}");
        assert_eq!(room.model().trees[1].iter().map(crate::tree::Tree::depth).max(), Some(1));
        assert_eq!(room.coordinator.versions().last().unwrap().sites, ["site0", "site2", "site4"]);
        assert!(room.coordinator.entries().iter().all(|e| e.attempt <= 1), "{kind}: no attempt was lost");
    }
}

#[test]
fn a_site_that_comes_back_with_its_memory_is_in_the_next_tree() {
    let plan = plan(Target::Classes(3));
    let mut room = Room::new(&plan, Aggregation::Masked);
    room.lose = vec![(4, 3, "boxes")];
    room.back = Some(7);
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished, "{:?}", room.coordinator.entries());
    let depth = |round: &Vec<crate::tree::Tree>| round.iter().map(crate::tree::Tree::depth).max();
    let model = room.model();
    assert_eq!((depth(&model.trees[0]), depth(&model.trees[1])), (Some(1), Some(3)));
    assert_eq!(room.coordinator.versions().last().unwrap().sites.len(), SITES);
    assert!(room.sites.iter().flatten().all(|p| *p.model().model() == model));
}

#[test]
fn a_coordinator_killed_after_every_event_grows_the_same_trees() {
    let plan = Plan { trees: 2, ..plan(Target::Classes(3)) };
    let mut room = Room::new(&plan, Aggregation::Masked);
    room.restarts = true;
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished, "{:?}", room.coordinator.entries());
    let all = pooled(&plan, &[0, 1, 2, 3, 4], 1);
    assert_eq!(room.model(), in_one_place(&plan, &all, room.step(&plan)).unwrap());
}

#[test]
fn trees_that_do_worse_are_not_released() {
    let plan = plan(Target::Classes(3));
    let mut room = Room::new(&plan, Aggregation::Masked);
    let text = serde_json::to_string(&room.coordinator).unwrap().replace("\"worsening\":10.0", "\"worsening\":1.0");
    room.coordinator = serde_json::from_str(&text).unwrap();
    // Held-out rows that say the opposite.
    for i in 0..SITES {
        let held = pooled(&plan, &[i], 2);
        let turned = held.target().iter().map(|y| 2.0 - y).collect();
        room.sites[i] = Some(room.site(i, TreeRows::new(&plan, held.features().clone(), turned).unwrap()));
    }
    room.run();
    assert_eq!(room.coordinator.status(), Status::Finished);
    let before_last = room.coordinator.versions().last().unwrap();
    assert!(before_last.model.is_some() && before_last.version < 3, "{}", before_last.version);
    assert!(room.coordinator.entries().iter().any(|e| matches!(e.notice, Notice::RolledBack { before, after } if after > before)));
}

#[test]
fn plans_questions_and_rows_that_cannot_be_are_refused() {
    let good = plan(Target::Classes(3));
    let mut bad = good.clone();
    bad.cells = 4;
    bad.bins = 1;
    bad.learning_rate = f64::NAN;
    bad.limits.depth = 40;
    bad.target = Target::Number { limit: 0.0 };
    assert_eq!(bad.faults().len(), 5, "{:?}", bad.faults());
    bad = good.clone();
    bad.scales[0].high = -1.0;
    bad.scales[1].low = 0.0;
    assert_eq!(Growing::new(bad).unwrap_err().len(), 2);
    // Rows.
    let one = |row: [f64; 3], y: f64| TreeRows::new(&good, Matrix::from_values(3, row.to_vec()), vec![y]);
    assert!(one([1.0, f64::NAN, 0.0], 2.0).is_ok());
    assert!(one([1.0, f64::INFINITY, 0.0], 2.0).is_err() && one([1.0; 3], 3.0).is_err() && one([1.0; 3], f64::NAN).is_err());
    assert!(TreeRows::new(&good, Matrix::new(3), Vec::new()).is_err());
    // Noise.
    let digests: Vec<Digest> = (0..5u8).map(|i| Digest::of(&[i])).collect();
    let privacy = Privacy { noise_multiplier: 1.0, honest: 3, delta: 1e-5, epsilon_limit: 10.0 };
    let noisy = federation(Aggregation::Masked, Some(privacy), &digests);
    let refused = Coordinator::new(noisy, Options::default(), Growing::new(good.clone()).unwrap());
    assert!(matches!(refused, Err(CoordinatorError::Coding(crate::federated::coding::CodingError::Noise))));
    // Questions.
    let mut site = TreeSite::new(good.clone(), pooled(&good, &[0], 1), pooled(&good, &[0], 2), None);
    let step = 2f64.powi(-30);
    let count = Ask { plan: good.clone(), task: Task::Count };
    assert_eq!(site.sums(&count, step).unwrap().len(), count.values());
    let other = Ask { plan: Plan { cells: 128, ..good.clone() }, task: Task::Count };
    assert!(matches!(site.sums(&other, step), Err(SiteError::Rows { .. })));
    let mut growing = Growing::new(good.clone()).unwrap();
    let sums = site.sums(&count, step).unwrap();
    assert!(growing.after(&sums[1..], 60.0, &BTreeSet::new()).is_err());
    assert!(growing.after(&sums, 61.0, &BTreeSet::new()).unwrap_err().contains("not those of 61 rows"));
    assert!(growing.after(&sums, 10.0, &BTreeSet::new()).unwrap_err().contains("20"));
    growing = growing.after(&sums, 60.0, &BTreeSet::from([Site(0)])).unwrap().0;
    let Question::Trees(ask) = growing.question() else { panic!() };
    assert_eq!(site.sums(&ask, step).unwrap().len(), ask.values());
    let mut random = Random::new(1, 2, 3);
    for case in 0..3000 {
        let mut ask = ask.clone();
        let Task::Sum { after, cuts, bases, since, divisions, wanted } = &mut ask.task else { panic!() };
        match case % 6 {
            0 => *after = Digest::of(b"another model"),
            1 => *cuts = Cuts::agreed(vec![vec![1.0], vec![]]).unwrap(),
            2 => bases[1] = f64::INFINITY,
            3 => since.push(vec![crate::tree::Tree::leaf(&[f64::NAN], 1.0); 3]),
            4 => wanted[0].push(random.whole(0, 3) as usize),
            _ => {
                let mut whole = |most| random.whole(0, most) as usize;
                let division =
                    Division { node: 1 + whole(3), feature: whole(5), bin: whole(255) as u8, missing_right: true, left: whole(9) };
                divisions[0].push(vec![division]);
            }
        }
        assert!(matches!(site.sums(&ask, step), Err(SiteError::Rows { .. })), "{case}");
    }
    // Models of other features or with questions about features that are not there.
    let mut model = in_one_place(&good, &pooled(&good, &[0, 1], 1), step).unwrap();
    assert_eq!(model.check(&good), Ok(()));
    model.trees[0][1].split(0, 3, 1.0, true, [(&[1.0], 1.0), (&[1.0], 1.0)]);
    assert!(site.release(&Model::Trees(Box::new(model))).is_err());
    assert!(matches!(site.judge(&Model::Parameters(vec![0.0])), Err(SiteError::Kind)));
}
