//! `gridtwin weather`: from a service over HTTP or from a file, to one table of weather.

use crate::cli::{WeatherArguments, WeatherCommand, WeatherFetchArguments, WeatherImportArguments};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::number::{count, g12};
use crate::result_folder::write_whole;
use formats::weather::{Request, Service, WeatherImport, WeatherOptions, read_answer};
use network::{Diagnostic, LonLat, Weather};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where Open-Meteo answers.
pub const ARCHIVE_URL: &str = "https://archive-api.open-meteo.com/v1/archive";
pub const FORECAST_URL: &str = "https://api.open-meteo.com/v1/forecast";

/// Times a question is asked before it is given up.
const ATTEMPTS: u32 = 4;
/// Wait before the second try; doubled before each later one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the command.
///
/// # Errors
/// A service that does not answer or refuses, a file that cannot be read or used, output that cannot be written.
pub fn run(arguments: &WeatherArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (import, output) = match &arguments.command {
        WeatherCommand::Fetch(a) => (fetch(a, console)?, &a.output),
        WeatherCommand::Import(a) => (import(a)?, &a.output),
    };
    console.warn(&import.diagnostics);
    if let Some(path) = &output.rejects {
        let rejects: Vec<_> = import.rejects.iter().collect();
        write_whole(path, &crate::outages::rejects_csv(&rejects))?;
    }
    match (&output.out, output.json) {
        (Some(path), _) => {
            write_whole(path, &csv(&import.series))?;
            console.print(&(summary(&import) + &format!("wrote {}\n", path.display())))
        }
        (None, true) => console.json(&import.series),
        (None, false) => console.print(&summary(&import)),
    }
}

/// Weather of a file.
///
/// # Errors
/// A file that cannot be read or used.
pub fn import(arguments: &WeatherImportArguments) -> Result<WeatherImport, Failure> {
    let place = arguments.lat.zip(arguments.lon).map(|(lat, lon)| LonLat::new(lon, lat));
    let options = WeatherOptions { time_zone: arguments.time_zone.clone(), place, ..WeatherOptions::default() };
    Ok(formats::weather::read(&DiskFiles::default(), &arguments.file, &options)?)
}

/// Weather of a service.
///
/// # Errors
/// A service that refuses or does not answer.
pub fn fetch(arguments: &WeatherFetchArguments, console: &mut Console<'_>) -> Result<WeatherImport, Failure> {
    if arguments.lat.len() != arguments.lon.len() {
        let what = Diagnostic::error(
            "WEATHER.PLACE.INCOMPLETE",
            format!("{} latitudes and {} longitudes were told", arguments.lat.len(), arguments.lon.len()),
        );
        return Err(what.hint("give --lat and --lon once for each place").into());
    }
    let days = arguments.start.clone().zip(arguments.end.clone());
    let service = if arguments.forecast { Service::Forecast } else { Service::Archive };
    if service == Service::Archive && days.is_none() {
        let what = Diagnostic::error("WEATHER.DAYS.MISSING", "the archive needs a first and a last day");
        return Err(what.hint("give --start and --end as YYYY-MM-DD, or ask for the --forecast").into());
    }
    let request = Request {
        service,
        places: arguments.lat.iter().zip(&arguments.lon).map(|(&lat, &lon)| LonLat::new(lon, lat)).collect(),
        days,
        forecast_days: arguments.forecast_days,
        api_key: arguments.api_key.clone(),
    };
    let base = match (service, &arguments.url) {
        (_, Some(url)) => url.clone(),
        (Service::Archive, None) => ARCHIVE_URL.to_owned(),
        (Service::Forecast, None) => FORECAST_URL.to_owned(),
    };
    let cached = arguments.cache.as_deref().map(|dir| cache_file(dir, &base, &request));
    if let Some(path) = cached.as_deref().filter(|p| p.is_file() && !arguments.refresh) {
        console.note(&format!("taken from {}\n", path.display()));
        return Ok(formats::weather::read(&DiskFiles::default(), path, &WeatherOptions::default())?);
    }
    let text = ask(&base, &request, FIRST_WAIT)?;
    let import = read_answer(&text, &base)?;
    // Only an answer that was understood is kept.
    if let Some(path) = cached {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|e| crate::result_folder::cannot("make the folder", dir, &e))?;
        }
        write_whole(&path, &text)?;
    }
    Ok(import)
}

/// One file a question; the key of the user is not part of it.
fn cache_file(dir: &Path, base: &str, request: &Request) -> PathBuf {
    let question: Vec<String> = request.query().into_iter().filter(|(k, _)| *k != "apikey").map(|(k, v)| format!("{k}={v}")).collect();
    let digest = Sha256::digest(format!("{base}?{}", question.join("&")));
    let name: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    dir.join(format!("weather-{name}.json"))
}

/// Asks the service, again after a wait when it is busy or does not answer; the second wait is twice the first, and so on.
///
/// # Errors
/// A refusal with its reason, or the last fault after [`ATTEMPTS`].
pub fn ask(base: &str, request: &Request, first_wait: Duration) -> Result<String, Failure> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build().into();
    let mut wait = first_wait;
    let mut last = String::new();
    for attempt in 1..=ATTEMPTS {
        if attempt > 1 {
            std::thread::sleep(wait);
            wait *= 2;
        }
        let mut question = agent.get(base);
        for (key, value) in request.query() {
            question = question.query(key, value);
        }
        match question.call() {
            Err(ureq::Error::BadUri(e)) => {
                let what = Diagnostic::error("WEATHER.SERVICE.ADDRESS", format!("\"{base}\" is no address of a service"));
                return Err(what.detail(format!("{e}.")).into());
            }
            Err(e) => last = e.to_string(),
            Ok(mut answer) => {
                let status = answer.status().as_u16();
                let limit = formats::weather::MAX_BYTES as u64;
                let text = match answer.body_mut().with_config().limit(limit).read_to_string() {
                    Ok(text) => text,
                    Err(e) => {
                        last = e.to_string();
                        continue;
                    }
                };
                match status {
                    200 => return Ok(text),
                    // Busy, limited or broken for the moment.
                    408 | 425 | 429 | 500..=599 => last = format!("status {status}: {}", reason(&text)),
                    _ => {
                        let what = Diagnostic::error("WEATHER.SERVICE.REFUSED", "the weather service refused the question");
                        return Err(what
                            .detail(format!("Status {status}: {}.", reason(&text)))
                            .hint("correct the question, or name another service with --url")
                            .into());
                    }
                }
            }
        }
    }
    let what = Diagnostic::error("WEATHER.SERVICE.SILENT", format!("the weather service did not answer in {ATTEMPTS} tries"));
    Err(what.detail(format!("Last: {last}.")).hint("try later, name another service with --url, or import a file").into())
}

fn reason(text: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let told = json.as_ref().and_then(|j| j.get("reason")).and_then(|r| r.as_str()).map(str::to_owned);
    told.unwrap_or_else(|| text.chars().take(200).collect()).trim_end_matches('.').to_owned()
}

/// All series below one another, one row an instant, columns named with their units.
pub fn csv(series: &[Weather]) -> String {
    let mut quantities: Vec<_> = series.iter().flat_map(|w| w.columns.iter().map(|c| c.quantity)).collect();
    quantities.sort_unstable();
    quantities.dedup();
    let mut text = String::from("latitude_deg,longitude_deg,time_utc");
    for q in &quantities {
        let _ = write!(text, ",{}", q.column());
    }
    text.push('\n');
    for w in series {
        let columns: Vec<_> = quantities.iter().map(|&q| w.column(q)).collect();
        for (i, &utc_s) in w.utc_s.iter().enumerate() {
            let time = jiff::Timestamp::from_second(utc_s).map_or_else(|_| utc_s.to_string(), |t| t.to_string());
            let _ = write!(text, "{},{},{time}", w.place.lat_deg, w.place.lon_deg);
            for column in &columns {
                let value = column.and_then(|c| c[i]).map_or(String::new(), g12);
                let _ = write!(text, ",{value}");
            }
            text.push('\n');
        }
    }
    text
}

pub(crate) fn summary(import: &WeatherImport) -> String {
    let mut text = String::new();
    for w in &import.series {
        let time = |s: Option<&i64>| s.and_then(|&s| jiff::Timestamp::from_second(s).ok()).map_or("-".to_owned(), |t| t.to_string());
        let _ = writeln!(
            text,
            "{} at longitude {}, latitude {}: {} from {} to {}",
            w.name,
            w.place.lon_deg,
            w.place.lat_deg,
            count(w.utc_s.len(), "instant"),
            time(w.utc_s.first()),
            time(w.utc_s.last())
        );
        for c in &w.columns {
            let values: Vec<f64> = c.values.iter().flatten().copied().collect();
            let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let _ = writeln!(
                text,
                "  {:<24} {:>9.2} to {:>9.2}, mean {:>8.2}; {} missing",
                c.quantity.column(),
                low,
                high,
                mean,
                c.values.len() - values.len()
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write as _};
    use std::net::TcpListener;

    /// A service that gives these answers one after another; returns its address and the questions it was asked.
    fn service(answers: Vec<(u16, &'static str)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1/archive", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = Vec::new();
                let mut byte = [0];
                while !question.ends_with(b"\r\n\r\n") {
                    stream.read_exact(&mut byte).unwrap();
                    question.push(byte[0]);
                }
                asked.push(String::from_utf8(question).unwrap().lines().next().unwrap().to_owned());
                write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).unwrap();
            }
            asked
        });
        (address, thread)
    }

    fn request() -> Request {
        Request {
            service: Service::Archive,
            places: vec![LonLat::new(13.4, 52.5)],
            days: Some(("2025-01-01".into(), "2025-01-02".into())),
            forecast_days: None,
            api_key: None,
        }
    }

    #[test]
    fn a_busy_service_is_asked_again() {
        let (address, thread) = service(vec![(429, "{\"error\":true,\"reason\":\"slow down\"}"), (503, ""), (200, "{}")]);
        assert_eq!(ask(&address, &request(), Duration::from_millis(1)).unwrap(), "{}");
        let asked = thread.join().unwrap();
        assert_eq!(asked.len(), 3);
        assert!(asked[0].contains("latitude=52.5&longitude=13.4") && asked[0].contains("start_date=2025-01-01"), "{}", asked[0]);
    }

    #[test]
    fn a_refusal_is_told_at_once_and_silence_after_all_tries() {
        let (address, thread) = service(vec![(400, "{\"error\":true,\"reason\":\"Latitude must be in range\"}")]);
        let refused = ask(&address, &request(), Duration::from_millis(1)).unwrap_err();
        assert_eq!(refused.diagnostics[0].code, "WEATHER.SERVICE.REFUSED");
        assert!(refused.diagnostics[0].detail.as_deref().unwrap().contains("Latitude must be in range"));
        thread.join().unwrap();
        let silent = ask(&address, &request(), Duration::from_millis(1)).unwrap_err();
        assert_eq!(silent.diagnostics[0].code, "WEATHER.SERVICE.SILENT");
    }

    #[test]
    fn answers_are_kept_by_question_without_the_key() {
        let with_key = Request { api_key: Some("secret".into()), ..request() };
        let other = Request { days: Some(("2025-01-01".into(), "2025-01-03".into())), ..request() };
        let file = |r: &Request| cache_file(Path::new("c"), "http://a", r);
        assert_eq!(file(&request()), file(&with_key));
        assert_ne!(file(&request()), file(&other));
    }
}
