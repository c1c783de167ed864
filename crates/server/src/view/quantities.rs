//! What is known of a network without any study, as one number an element or a bus: layers of the map.
//!
//! Powers and energies are nominal: what the model says of its equipment, before shapes and multipliers. Customers are those of the model's
//! loads. Interruptions are the project's outage records whose device bears an element's name (its own, with its class, or that in another
//! system); records of other devices are counted apart and stand nowhere on the map. An age counts from the date of installation that an
//! asset system gives for the element.

use super::{Subject, View};
use jiff::civil::Date;
use network::{ElementKind, InterruptionKind, OutageStep, Terminal};
use std::collections::HashMap;

/// A quantity that the map can show.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    pub name: &'static str,
    pub label: &'static str,
    pub unit: &'static str,
    /// By elements, else by buses.
    pub of_element: bool,
    /// Whether values at one place add up, so that a heat map of them says something.
    pub adds_up: bool,
    /// One an element or a bus, by its number; not a number where there is none.
    pub values: Vec<f32>,
    /// What is counted but stands nowhere on the map: records of outages.
    pub elsewhere: u64,
}

impl Quantity {
    fn new(name: &'static str, label: &'static str, unit: &'static str, of_element: bool, adds_up: bool, n: usize) -> Self {
        Self { name, label, unit, of_element, adds_up, values: vec![f32::NAN; n], elsewhere: 0 }
    }

    fn add(&mut self, at: usize, value: f64) {
        if let Some(place) = self.values.get_mut(at)
            && value.is_finite()
        {
            *place = if place.is_nan() { value as f32 } else { (f64::from(*place) + value) as f32 };
        }
    }

    fn is_empty(&self) -> bool {
        self.elsewhere == 0 && self.values.iter().all(|x| x.is_nan() || *x == 0.0)
    }
}

/// Names under which installation dates stand in asset systems, lower case, letters and digits only.
const INSTALLED: &[&str] = &[
    "installdate",
    "installationdate",
    "dateinstalled",
    "installed",
    "installeddate",
    "installyear",
    "installationyear",
    "yearinstalled",
    "yearofinstallation",
    "commissioningdate",
    "commissiondate",
    "datecommissioned",
    "commissioned",
    "inservicedate",
    "servicedate",
    "dateinservice",
    "energizeddate",
    "constructiondate",
    "constructionyear",
    "yearbuilt",
    "builtyear",
];

/// Equipment of power grids is no older, and a date before is a default of a database.
const OLDEST_YEAR: i16 = 1880;
const DAYS_PER_YEAR: f64 = 365.25;

/// A date as asset systems write it: ISO, with slashes or dots, a year, or milliseconds since 1970.
///
/// Where day and month cannot be told apart, or only the year is known, it is the middle of the year.
fn date_of(text: &str) -> Option<Date> {
    let text = text.trim();
    let mid = |year: i16| Date::new(year, 7, 1).ok();
    if text.len() >= 11 && text.bytes().all(|b| b.is_ascii_digit()) {
        return jiff::Timestamp::from_millisecond(text.parse().ok()?).ok().map(|t| t.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    let day = text.split(['T', ' ']).next()?;
    if day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit()) {
        return Date::new(day[..4].parse().ok()?, day[4..6].parse().ok()?, day[6..].parse().ok()?).ok();
    }
    let parts: Vec<i16> = day.split(['-', '/', '.']).map(str::parse).collect::<Result<_, _>>().ok()?;
    match parts[..] {
        [year] => mid(year),
        [year, month, day] if year > 31 => Date::new(year, month as i8, day as i8).ok(),
        [a, b, year] if year > 31 => match (a > 12, b > 12) {
            (true, false) => Date::new(year, b as i8, a as i8).ok(),
            (false, true) => Date::new(year, a as i8, b as i8).ok(),
            (false, false) if a == b => Date::new(year, a as i8, b as i8).ok(),
            (false, false) => mid(year),
            (true, true) => None,
        },
        _ => None,
    }
}

/// Years since the date that a record gives, if it gives a likely one.
fn age_years(attributes: &std::collections::BTreeMap<String, String>, today: Date) -> Option<f64> {
    let date = attributes.iter().find_map(|(key, value)| {
        let plain: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        INSTALLED.contains(&plain.as_str()).then(|| date_of(value)).flatten()
    })?;
    let days = today.since(date).ok()?.get_days();
    (date.year() >= OLDEST_YEAR && days >= 0).then(|| f64::from(days) / DAYS_PER_YEAR)
}

impl View {
    /// Every quantity of which the network or the records have something. `today` is what ages count to.
    pub fn quantities(&self, outages: &[OutageStep], today: Date) -> Vec<Quantity> {
        let network = &self.network;
        let (n, n_buses) = (network.order.len(), network.buses.len());
        let bus = |name, label, unit| Quantity::new(name, label, unit, false, true, n_buses);
        let mut customers = bus("customers", "Customers", "customers");
        let mut load = bus("load_kw", "Nominal load", "kW");
        let mut pv = bus("pv_kw", "Photovoltaics installed", "kW");
        let mut storage = bus("storage_kwh", "Storage installed", "kWh");
        let mut generation = bus("generation_kw", "Other generation installed", "kW");
        for &id in &network.order {
            if !network.in_service(id) {
                continue;
            }
            let Some(Terminal { bus, .. }) = network.common(id).terminals.first() else { continue };
            let (at, i) = (bus.index(), id.index());
            match id.kind {
                ElementKind::Load => {
                    customers.add(at, f64::from(network.loads[i].n_customers));
                    load.add(at, network.loads[i].p_kw);
                }
                ElementKind::PowerLoad => load.add(at, network.power_loads[i].p_mw * 1e3),
                ElementKind::PvSystem => pv.add(at, network.pv_systems[i].p_mpp_kw),
                ElementKind::Storage => storage.add(at, network.storages[i].energy_rated_kwh),
                ElementKind::Generator => generation.add(at, network.generators[i].p_kw),
                ElementKind::Machine => generation.add(at, network.machines[i].p_mw * 1e3),
                _ => {}
            }
        }
        let mut age = Quantity::new("age_years", "Age of the asset", "years", true, false, n);
        for asset in &network.assets {
            let Some(number) = asset.element.and_then(|id| self.number(id)) else { continue };
            if let Some(years) = age_years(&asset.attributes, today) {
                // Of an element with several records the oldest part counts.
                let place = &mut age.values[number as usize];
                *place = place.max(years as f32);
            }
        }
        let mut all = vec![customers, load, pv, storage, generation, age];
        all.extend(self.interruptions(outages));
        all.retain(|q| !q.is_empty());
        all
    }

    /// Interruptions at each element that nobody planned, momentary ones too, and what customers lost by them.
    fn interruptions(&self, outages: &[OutageStep]) -> [Quantity; 2] {
        let n = self.network.order.len();
        let mut events = Quantity::new("interruptions", "Interruptions recorded", "interruptions", true, true, n);
        let mut hours = Quantity::new("customer_hours", "Customer hours interrupted", "customer hours", true, true, n);
        let mut wanted: HashMap<String, Vec<u32>> = HashMap::new();
        let steps: Vec<&OutageStep> = outages.iter().filter(|s| s.kind != InterruptionKind::Planned).collect();
        for step in &steps {
            wanted.entry(step.device.to_lowercase()).or_default();
        }
        wanted.remove("");
        if wanted.is_empty() {
            events.elsewhere = steps.len() as u64;
            return [events, hours];
        }
        let mut note = |name: &str, i: u32| {
            if let Some(list) = wanted.get_mut(&name.to_lowercase())
                && !list.contains(&i)
            {
                list.push(i);
            }
        };
        for (i, &id) in self.network.order.iter().enumerate() {
            let common = self.network.common(id);
            note(&common.name, i as u32);
            note(&self.id_of(Subject::Element(i as u32)), i as u32);
            common.aliases.iter().for_each(|a| note(&a.id, i as u32));
        }
        for asset in &self.network.assets {
            if let Some(i) = asset.element.and_then(|id| self.number(id)) {
                note(&asset.id, i);
            }
        }
        let mut seen: std::collections::HashSet<(&str, u32)> = std::collections::HashSet::new();
        for step in steps {
            let places = wanted.get(&step.device.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
            if places.is_empty() {
                events.elsewhere += 1;
                hours.elsewhere += 1;
            }
            for &i in places {
                // Steps are customers who had supply back together; an event has several.
                if seen.insert((&step.event, i)) {
                    events.add(i as usize, 1.0);
                }
                if let Some(minutes) = step.minutes() {
                    hours.add(i as usize, step.customers * minutes / 60.0);
                }
            }
        }
        [events, hours]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn dates_of_asset_systems_are_read() {
        let date = |y, m, d| Date::new(y, m, d).ok();
        for (text, expected) in [
            ("2003-05-17", date(2003, 5, 17)),
            ("2003-05-17T00:00:00Z", date(2003, 5, 17)),
            ("2003/05/17 00:00:00+00", date(2003, 5, 17)),
            ("20030517", date(2003, 5, 17)),
            ("17.05.2003", date(2003, 5, 17)),
            ("05/17/2003", date(2003, 5, 17)),
            ("05/06/2003", date(2003, 7, 1)),
            ("1987", date(1987, 7, 1)),
            ("1053129600000", date(2003, 5, 17)),
            ("unknown", None),
            ("13/13/2003", None),
            ("2003-02-31", None),
            ("", None),
        ] {
            assert_eq!(date_of(text), expected, "{text}");
        }
    }

    #[test]
    fn ages_are_of_likely_dates_only() {
        let today = Date::new(2024, 7, 1).expect("a day");
        let of = |key: &str, value: &str| age_years(&BTreeMap::from([(key.to_owned(), value.to_owned())]), today);
        assert_eq!(of("Install_Date", "2014-07-01"), Some(3653.0 / 365.25));
        assert_eq!(of("YEAR INSTALLED", "2014"), Some(3653.0 / 365.25));
        assert_eq!(of("install_date", "1800-01-01"), None, "a default of a database");
        assert_eq!(of("install_date", "2030-01-01"), None, "not yet there");
        assert_eq!(of("inspection_date", "2014-07-01"), None);
    }
}
