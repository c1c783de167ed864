use super::*;
use WeatherQuantity::*;

fn read_text(text: &str, name: &str) -> Result<WeatherImport, ImportError> {
    read_bytes(text.as_bytes(), name, &WeatherOptions::default())
}

fn code(result: Result<WeatherImport, ImportError>) -> String {
    result.expect_err("refused").diagnostics[0].code.clone()
}

const ANSWER: &str = r#"{"latitude":52.52,"longitude":13.42,"elevation":38.0,"utc_offset_seconds":0,"timezone":"GMT",
"hourly_units":{"time":"iso8601","temperature_2m":"°F","wind_speed_10m":"km/h","shortwave_radiation":"W/m²","soil":"x"},
"hourly":{"time":["2025-09-08T00:00","2025-09-08T01:00"],"temperature_2m":[50.0,null],"wind_speed_10m":[36.0,1e9],"shortwave_radiation":[0,12.5],"soil":[1,2]}}"#;

#[test]
fn answers_are_converted_and_gaps_kept() {
    let import = read_text(ANSWER, "a.json").unwrap();
    let w = &import.series[0];
    assert_eq!(
        (w.place, w.elevation_m, w.utc_s.as_slice()),
        (network::LonLat::new(13.42, 52.52), Some(38.0), &[1_757_289_600, 1_757_293_200][..])
    );
    assert_eq!(w.column(TemperatureC), Some(&[Some(10.0), None][..]));
    assert_eq!(w.column(WindSpeedMS), Some(&[Some(10.0), None][..]));
    assert_eq!(w.column(GhiWM2), Some(&[Some(0.0), Some(12.5)][..]));
    let codes: Vec<&str> = import.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["WEATHER.VALUES.MISSING", "WEATHER.VALUES.IMPOSSIBLE"]);
    assert_eq!(import.ledger.dropped().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["soil"]);
    let two = read_text(&format!("[{ANSWER},{ANSWER}]"), "a.json").unwrap();
    assert_eq!(two.series.len(), 2);
}

#[test]
fn answers_of_another_shape_are_refused() {
    let with = |from: &str, to: &str| code(read_text(&ANSWER.replace(from, to), "a.json"));
    assert_eq!(code(read_text(r#"{"error":true,"reason":"Daily limit exceeded"}"#, "a.json")), "WEATHER.SERVICE.REFUSED");
    assert_eq!(with("[50.0,null]", "[50.0]"), "WEATHER.ANSWER.SHAPE");
    assert_eq!(with("\"km/h\"", "\"furlong\""), "WEATHER.UNIT.UNKNOWN");
    assert_eq!(with("T01:00", "T00:00"), "WEATHER.TIME.NOT_RISING");
    assert_eq!(with("]}}", ""), "WEATHER.ANSWER.NOT_JSON");
    assert_eq!(code(read_text("{\"hourly\":1}", "a.json")), "WEATHER.ANSWER.SHAPE");
}

#[test]
fn local_times_become_utc() {
    let text =
        ANSWER.replace("\"utc_offset_seconds\":0,\"timezone\":\"GMT\"", "\"utc_offset_seconds\":7200,\"timezone\":\"Europe/Berlin\"");
    assert_eq!(read_text(&text, "a.json").unwrap().series[0].utc_s[0], 1_757_289_600 - 7200);
}

fn epw(rows: &str) -> String {
    format!(
        "LOCATION,Testville,TX,USA,Made,000000,30.0,-97.7,-6.0,150.0\nDESIGN CONDITIONS,0\nDATA PERIODS,1,1,Data,Sunday,1/1,12/31\n{rows}"
    )
}

fn epw_row(year: i32, month: u32, day: u32, hour: u32, temperature: &str) -> String {
    format!(
        "{year},{month},{day},{hour},0,flags,{temperature},5.0,60,100000,0,0,300,150,400,50,0,0,0,0,180,3.5,5,5,20,999,9,9,0,0,0,88,0,0,0\n"
    )
}

#[test]
fn epw_hours_end_at_their_instant() {
    let mut rows: String = (1..=24).map(|h| epw_row(1990, 1, 1, h, "10.5")).collect();
    rows += &epw_row(1990, 1, 2, 1, "99.9");
    rows += "1990,1,2,2,0\n";
    let import = read_text(&epw(&rows), "t.epw").unwrap();
    let w = &import.series[0];
    // 1990-01-01T01:00 at UTC-6.
    assert_eq!(
        (w.utc_s[0], w.utc_s.len(), w.name.as_str(), w.elevation_m, w.typical_year),
        (631_152_000 + 7 * 3600, 25, "Testville", Some(150.0), false)
    );
    assert_eq!((w.column(TemperatureC).unwrap()[0], w.column(TemperatureC).unwrap()[24]), (Some(10.5), None));
    assert_eq!(
        (w.column(PressureHPa).unwrap()[0], w.column(CloudCoverPct).unwrap()[0], w.column(DniWM2).unwrap()[0]),
        (Some(1000.0), Some(50.0), Some(400.0))
    );
    assert_eq!(import.rejects.len(), 1);
    let mut typical: String = (1..=24).map(|h| epw_row(1999, 1, 1, h, "1")).collect();
    typical += &(1..=24).map(|h| epw_row(1983, 2, 1, h, "1")).collect::<String>();
    let import = read_text(&epw(&typical), "t.epw").unwrap();
    assert!(import.series[0].typical_year);
    // From the midnight that ends 1 January to one o'clock of 1 February.
    assert_eq!(import.series[0].utc_s[24] - import.series[0].utc_s[23], 30 * 86_400 + 3600);
    assert_eq!(code(read_text("LOCATION,x\n", "t.epw")), "WEATHER.STATION.UNREADABLE");
    assert_eq!(code(read_text(&epw(""), "t.epw")), "WEATHER.STATION.UNREADABLE");
}

#[test]
fn tmy3_and_tables() {
    let mut text = String::from(
        "722540,\"AUSTIN\",TX,-6.0,30.3,-97.7,189\nDate (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),DNI (W/m^2),DHI (W/m^2),Dry-bulb (C),RHum (%),Wspd (m/s)\n",
    );
    for hour in 1..=24 {
        text += &format!("01/01/1988,{hour:02}:00,100,200,50,12.5,40,{}\n", if hour == 2 { "-9900" } else { "2.0" });
    }
    let w = &read_text(&text, "t.csv").unwrap().series[0];
    assert_eq!((w.utc_s.len(), w.column(WindSpeedMS).unwrap()[1], w.column(GhiWM2).unwrap()[0]), (24, None, Some(100.0)));
    let table = "latitude,longitude,elevation\n52.5,13.4,38\n\ntime,temperature_2m (°C),wind_speed_10m (km/h),mood\n2025-01-01T00:00,1.5,3.6,x\n2025-01-01T01:00,,7.2,y\nlater,1,1,z\n";
    let import = read_text(table, "t.csv").unwrap();
    let w = &import.series[0];
    assert_eq!(
        (w.place, w.column(TemperatureC), w.column(WindSpeedMS).unwrap()[1]),
        (network::LonLat::new(13.4, 52.5), Some(&[Some(1.5), None][..]), Some(2.0))
    );
    assert_eq!(import.rejects.len(), 1);
    assert_eq!(code(read_text("time,temp (C)\n2025-01-01,1\n", "t.csv")), "WEATHER.TABLE.NO_PLACE");
    assert_eq!(code(read_text("hour,temp (C)\n1,1\n", "t.csv")), "WEATHER.TABLE.NO_TIME");
    assert_eq!(code(read_text("time,mood\n2025-01-01,1\n", "t.csv")), "WEATHER.TABLE.NO_VALUES");
}

#[test]
fn mutated_files_never_panic() {
    let seeds = [ANSWER.to_owned(), epw(&(1..=24).map(|h| epw_row(1990, 1, 1, h, "1")).collect::<String>())];
    let mut state = 1u64;
    let mut draw = move |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for seed in seeds {
        for _ in 0..300 {
            let mut bytes = seed.clone().into_bytes();
            for _ in 0..=draw(4) {
                let at = draw(bytes.len());
                match draw(3) {
                    0 => bytes[at] = draw(256) as u8,
                    1 => drop(bytes.drain(at..(at + draw(40)).min(bytes.len()))),
                    _ => bytes.insert(at, b"9,-.e\"[{"[draw(8)]),
                }
                if bytes.is_empty() {
                    bytes.push(b'x');
                }
            }
            let _ = read_bytes(&bytes, "m", &WeatherOptions::default());
        }
    }
}
