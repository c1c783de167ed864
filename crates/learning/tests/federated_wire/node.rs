//! A coordinator and participants as they are run in processes: killed, torn, read back from the journal, reconnected.

use learning::federated::coordinator::Standing;
use learning::federated::node::{CoordinatorNode, FederationPage, Journal, SitePage, participate};
use learning::federated::trees::{Growing, Plan, TreeSite};
use learning::federated::wire::participant::Line;

use super::*;

/// A journal in memory, which outlives the coordinator as a file would.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Journal for Paper {
    fn begin(&mut self, entry: &[u8]) -> io::Result<()> {
        *self.0.lock().unwrap() = entry.to_vec();
        Ok(())
    }

    fn add(&mut self, entry: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(entry);
        Ok(())
    }
}

fn coordinate(
    plant: &Plant,
    listener: TcpListener,
    node: CoordinatorNode,
    paper: &Paper,
    stop: watch::Receiver<bool>,
) -> (watch::Receiver<FederationPage>, JoinHandle<Result<Coordinator, WireError>>) {
    let tls = tls::server(&plant.federation, plant.coordinator.certificate.clone(), plant.coordinator.key.clone_key()).unwrap();
    let (page, pages) = watch::channel(FederationPage::of(node.coordinator()));
    (pages, tokio::spawn(node.run(listener, tls, settings(), paper.clone(), page, stop)))
}

#[test]
fn a_coordinator_killed_amid_a_federation_goes_on_from_its_journal_with_three_of_five() {
    let plant = Plant::new(None);
    let plan = Plan { trees: 8, trees_per_version: 4, ..trees::plan() };
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let paper = Paper::default();
        let node = CoordinatorNode::new(plant.begin_with(Growing::new(plan.clone()).unwrap(), 1));
        let (mut pages, running) = coordinate(&plant, listener, node, &paper, stopped.clone());
        let mut site_pages = Vec::new();
        let mut sites = Vec::new();
        for i in 0..SITES {
            let model = TreeSite::new(
                plan.clone(),
                trees::tree_rows(&plan, &[trees::own(i)]),
                trees::tree_rows(&plan, &[trees::held_out(i)]),
                None,
            );
            let (page, seen) = watch::channel(SitePage::default());
            let participant = plant.with_model(i, model, Memory::default());
            // By a name, which is looked up at every connection.
            let to = format!("localhost:{}", address.port());
            sites.push(tokio::spawn(participate(to, plant.client(i), participant, settings(), |_| Ok(()), page, stopped.clone())));
            site_pages.push(seen);
        }

        // Two are lost in a round: when they were asked and have not answered.
        let asked = |page: &FederationPage| page.round >= 4 && [1, 3].iter().all(|&i| page.participants[i].standing == Standing::Training);
        pages.wait_for(asked).await.unwrap();
        sites[1].abort();
        sites[3].abort();
        let late = pages.wait_for(|p| [1, 3].iter().all(|&i| matches!(p.participants[i].standing, Standing::Late | Standing::Away))).await;
        println!("standings: {:?}", late.unwrap().participants.iter().map(|p| p.standing).collect::<Vec<_>>());

        // Killed amid a later round, a write cut off at the end.
        pages.wait_for(|p| p.round >= 10 && matches!(p.status, Status::Running { .. })).await.unwrap();
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        let mut kept = paper.0.lock().unwrap().clone();
        kept.extend([0, 0, 0, 0, 0, 0, 1, 0, 7]);
        let node = CoordinatorNode::read(&kept).unwrap();
        assert_eq!(node.torn(), 9);
        assert!(node.coordinator().round().0 >= 10 && node.coordinator().status() != Status::Finished);
        let round = node.coordinator().round().0;
        // Down for a while: the others try again and again.
        site_pages[0].wait_for(|p| matches!(&p.line, Line::Cut { failures, .. } if *failures >= 3)).await.unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let (pages, running) = coordinate(&plant, listener, node, &paper, stopped);
        let coordinator = running.await.unwrap().unwrap();
        assert_eq!(coordinator.status(), Status::Finished, "{:?}", coordinator.entries());
        assert!(coordinator.round().0 > round);
        let notices: Vec<&Notice> = coordinator.entries().iter().map(|e| &e.notice).collect();
        assert!(notices.contains(&&Notice::Resumed), "{notices:?}");
        let missing: BTreeSet<&str> =
            notices.iter().filter_map(|n| if let Notice::Missing { site, .. } = n { Some(site.as_str()) } else { None }).collect();
        assert!(missing.contains("substation1") && missing.contains("substation3"), "{notices:?}");
        assert_eq!(coordinator.versions().last().unwrap().sites, ["substation0", "substation2", "substation4"]);
        let Training::Trees(growing) = coordinator.training() else { panic!() };
        assert_eq!(growing.trees(), 8);

        // The page says the same as the coordinator, and each site has the model that counts.
        let page = pages.borrow().clone();
        assert_eq!((page.done, page.planned, page.versions.len()), (8, 8, 3));
        assert_eq!(page.status, Status::Finished);
        for (i, site) in sites.into_iter().enumerate().filter(|(i, _)| i % 2 == 0) {
            site.await.unwrap().unwrap();
            let seen = site_pages[i].borrow().clone();
            assert!(seen.finished && seen.version == Some((2, coordinator.versions().last().unwrap().sha256)), "{seen:?}");
            assert!(page.participants[i].global.is_some() && page.participants[i].versions >= 1);
        }
        for i in [1, 3] {
            assert!(matches!(page.participants[i].standing, Standing::Never | Standing::Away), "{:?}", page.participants[i]);
            assert!(matches!(page.participants[i].notice.as_ref().unwrap().notice, Notice::Missing { .. }));
        }
        // What was written leads to the coordinator that ended.
        let again = CoordinatorNode::read(&paper.0.lock().unwrap()).unwrap();
        assert_eq!(again.coordinator().versions(), coordinator.versions());
        let entries = again.coordinator().entries();
        assert_eq!(&entries[..entries.len() - 1], coordinator.entries());
        drop(stop);
    });
}

#[test]
fn a_journal_that_cannot_be_written_ends_the_coordinator_before_anything_is_sent() {
    struct Full;
    impl Journal for Full {
        fn begin(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn add(&mut self, _: &[u8]) -> io::Result<()> {
            Err(io::Error::other("no space is left"))
        }
    }
    let plant = Plant::new(None);
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let node = CoordinatorNode::new(plant.begin(1));
        let tls = tls::server(&plant.federation, plant.coordinator.certificate.clone(), plant.coordinator.key.clone_key()).unwrap();
        let (page, _pages) = watch::channel(FederationPage::of(node.coordinator()));
        let running = tokio::spawn(node.run(listener, tls, settings(), Full, page, stopped.clone()));
        let site = plant.take_part(0, address, stopped);
        let end = running.await.unwrap();
        assert!(matches!(&end, Err(WireError::Save(e)) if e.to_string().contains("no space")), "{:?}", end.err());
        stop.send(true).unwrap();
        assert_eq!(site.await.unwrap().unwrap().memory().release, None);
    });
}
