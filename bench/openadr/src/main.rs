//! Plays an end node and the business logic of OpenADR 3.1 with openleadr-client against a server that has published a day.
//!
//! usage: openadr-trial BASE OPERATOR OPERATOR_TOKEN VEN VEN_TOKEN STRANGER STRANGER_TOKEN
//!
//! It ends with 1 at the first thing that is not as the standard has it, and prints what it saw.

use openleadr_client::{BusinessLogic, Client, ClientCredentials, ClientKind, Error, Filter, VirtualEndNode};
use openleadr_wire::event::{EventInterval, EventType, EventValuesMap};
use openleadr_wire::interval::{Interval, IntervalPeriod};
use openleadr_wire::program::ProgramRequest;
use openleadr_wire::report::{ReportPayloadDescriptor, ReportResource, ReportType, ResourceName};
use openleadr_wire::target::Target;
use openleadr_wire::values_map::{Value, ValueType, ValuesMap};
use openleadr_wire::ven::VenVenRequest;
use openleadr_wire::{Duration, Unit};
use std::collections::BTreeMap;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn client<K: ClientKind>(base: &str, id: &str, secret: &str) -> Outcome<Client<K>> {
    let credentials = ClientCredentials::new(id.to_owned(), secret.to_owned());
    let token = format!("{base}auth/token");
    Ok(Client::with_details(base.parse()?, token.parse()?, reqwest::Client::new(), Some(credentials)))
}

/// The status of a refusal.
fn status<T>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(_) => "done".to_owned(),
        Err(Error::Problem(p)) => p.status.as_u16().to_string(),
        Err(Error::AuthProblem(p)) => format!("{:?}", p.error),
        Err(e) => e.to_string(),
    }
}

fn expect(what: &str, found: impl std::fmt::Display, wanted: impl std::fmt::Display) -> Outcome<()> {
    let (found, wanted) = (found.to_string(), wanted.to_string());
    println!("{:<66} {found}", what);
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found}, and not {wanted}").into()) }
}

fn target(name: &str) -> Outcome<Target> {
    name.parse().map_err(|e| format!("{name}: {e}").into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, operator, operator_token, ven_user, ven_token, stranger, stranger_token] = &arguments[..] else {
        return Err("give BASE OPERATOR OPERATOR_TOKEN VEN VEN_TOKEN STRANGER STRANGER_TOKEN".into());
    };
    let base = format!("{}/", base.trim_end_matches('/'));
    let bl = client::<BusinessLogic>(&base, operator, operator_token)?;
    let ven = client::<VirtualEndNode>(&base, ven_user, ven_token)?;
    let other = client::<VirtualEndNode>(&base, stranger, stranger_token)?;

    let wrong = client::<VirtualEndNode>(&base, ven_user, "gt_wrong")?;
    expect("a wrong secret", status(wrong.get_program_list(Filter::none()).await), "InvalidClient")?;

    let all = bl.get_event_list(None, Filter::none()).await?;
    let programs = bl.get_program_list(Filter::none()).await?;
    println!("the operator sees {} programs and {} events", programs.len(), all.len());
    if all.len() < 2 {
        return Err("a day with several told devices has to be published first".into());
    }
    expect("events of a client that was granted nothing", ven.get_event_list(None, Filter::none()).await?.len(), 0)?;

    // The node enrols itself with half of the devices; the operator grants them.
    let devices: Vec<String> = all.iter().flat_map(|e| e.content().targets.iter().map(Target::to_string)).collect();
    let mine = &devices[..devices.len() / 2];
    let request = VenVenRequest { ven_name: "trial".into(), attributes: None };
    let enrolled = ven.create_ven(request.clone()).await?;
    expect("the number of the client", enrolled.content().client_id.as_str(), ven_user)?;
    expect("the same name again", status(ven.create_ven(request).await), 409)?;
    // `get_all_resources` of this release asks the host for /resources, whatever the base address is.
    for name in mine {
        let made = enrolled.create_resource(name, None).await?;
        expect("a resource, by its number", &enrolled.get_resource_by_id(made.id()).await?.content().resource_name, name)?;
    }
    expect("a resource by its name", enrolled.get_resource_by_name(&mine[0]).await?.content().resource_name.clone(), &mine[0])?;
    expect("events before anything was granted", ven.get_event_list(None, Filter::none()).await?.len(), 0)?;
    let mut granted = bl.get_ven_by_name("trial").await?;
    granted.content_mut().targets = mine.iter().map(|n| target(n)).collect::<Outcome<_>>()?;
    granted.update().await?;
    let told = ven.get_event_list(None, Filter::none()).await?;
    expect("events after it", told.len(), mine.len())?;
    expect("events of one target", ven.get_event_list(None, Filter::By(&[mine[0].as_str()])).await?.len(), 1)?;
    expect("events of a target that is another's", ven.get_event_list(None, Filter::By(&[devices[devices.len() - 1].as_str()])).await?.len(), 0)?;
    expect("events of the stranger", other.get_event_list(None, Filter::none()).await?.len(), 0)?;
    expect("an event of another, by its number", status(other.get_event_by_id(told[0].id()).await), 404)?;

    // Each device draws what it was told: energy is power times time.
    let mut energies = BTreeMap::new();
    for event in &told {
        let content = event.content();
        let period = content.interval_period.as_ref().ok_or("an event without a period")?;
        let length = period.duration.as_ref().ok_or("an event without a duration")?.to_chrono_at_datetime(period.start);
        let hours = length.num_seconds() as f64 / 3600.0;
        let intervals = content.intervals.as_ref().ok_or("an event without intervals")?;
        let name = content.targets.first().ok_or("an event without a target")?.to_string();
        let mut reported = Vec::new();
        for interval in intervals {
            let set = interval.payloads.iter().find(|p| p.value_type == EventType::DispatchSetpoint).ok_or("no set point")?;
            let kw = match set.values.first() {
                Some(Value::Number(x)) => *x,
                Some(Value::Integer(i)) => *i as f64,
                _ => return Err("a set point that is no number".into()),
            };
            let kwh = kw * hours;
            *energies.entry(name.clone()).or_insert(0.0) += kwh;
            reported.push(Interval::new(interval.id, vec![ValuesMap { value_type: ValueType("USAGE".into()), values: vec![Value::Number(kwh)] }]));
        }
        let mut report = event.new_report("trial".into());
        let mut descriptor = ReportPayloadDescriptor::new(ReportType::Usage);
        descriptor.units = Some(Unit::KWH);
        report.payload_descriptors = Some(vec![descriptor]);
        report.resources = vec![ReportResource {
            resource_name: ResourceName::Private(name),
            interval_period: Some(IntervalPeriod { start: period.start, duration: period.duration.clone(), randomize_start: None }),
            intervals: reported,
        }];
        event.create_report(report).await?;
    }
    println!("{} devices have reported {:.3} kWh", energies.len(), energies.values().sum::<f64>());
    let of_first = bl.get_event_by_id(told[0].id()).await?;
    expect("reports of an event, as the operator sees them", of_first.get_report_list(None).await?.len(), 1)?;
    expect("reports of another client's name", of_first.get_report_list(Some("nobody")).await?.len(), 0)?;
    expect("deleting an event with a report", status(of_first.delete().await.map(|_| ())), 409)?;

    // What operators write.
    expect("a program of a name that is taken", status(bl.create_program(ProgramRequest::new(programs[0].content().program_name.clone())).await), 409)?;
    expect("a program that a node writes", status(ven.create_program(ProgramRequest::new("mine")).await), 403)?;
    let program = bl.create_program(ProgramRequest::new("prices")).await?;
    let price = |x: f64| vec![EventValuesMap { value_type: EventType::Price, values: vec![Value::Number(x)] }];
    let mut event = program.new_event((0..24).map(|i| EventInterval::new(i, price(0.10 + 0.01 * f64::from(i)))).collect());
    event.interval_period = Some(IntervalPeriod { start: "2026-07-16T00:00:00Z".parse()?, duration: Some(Duration::PT1H), randomize_start: None });
    let mut prices = program.create_event(event).await?;
    let timeline = ven.get_program_by_id(program.id()).await?.get_timeline(Filter::<&str>::None).await?;
    expect("hours of prices in the node's timeline", timeline.iter().count(), 24)?;
    let before = prices.modification_date_time();
    prices.content_mut().event_name = Some("day ahead".into());
    prices.update().await?;
    expect("a change is later than what it changes", prices.modification_date_time() > before, true)?;
    let bad = vec![EventInterval::new(0, vec![EventValuesMap { value_type: EventType::Price, values: vec![Value::String("dear".into())] }])];
    prices.content_mut().intervals = Some(bad);
    expect("a price that is a word", status(prices.update().await), 400)?;
    prices.delete().await?;
    program.delete().await?;
    println!("all as the standard has it");
    Ok(())
}
