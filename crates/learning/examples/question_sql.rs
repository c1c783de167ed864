//! SQL of every measure, kind, window and statistic as JSON, for `bench/learning/question_sql.py`.

use learning::questions::{
    Bound, Calendar, Context, Filter, Kind, Measure, Named, Order, Outcome, Query, Statistic, Week, Window, read, sql,
};
fn main() {
    let c = Context {
        feeders: ["F1", "F2", "F3"].map(String::from).to_vec(),
        elements: vec![Named { kind: Kind::Transformer, name: "T1".into() }, Named { kind: Kind::Bus, name: "B2".into() }],
        studies: vec!["base".into(), "alt".into()],
        today: Some("2024-03-15".into()),
    };
    let cal = Calendar { year: Some(2023), first_weekday: Some(6) };
    let mut out = Vec::new();
    for m in Measure::ALL {
        for k in [Kind::Feeder, Kind::Transformer, Kind::Line, Kind::Element, Kind::Bus] {
            if !m.fits(k) {
                continue;
            }
            let windows = [
                None,
                Some(Window { year: None, days: Some(["01-03".into(), "01-08".into()]), week: None, hours: Some([17.0, 21.0]) }),
                Some(Window { year: None, days: None, week: Some(Week::Weekends), hours: None }),
                Some(Window { year: None, days: Some(["12-30".into(), "01-02".into()]), week: None, hours: Some([22.0, 6.0]) }),
            ];
            for (wi, w) in windows.into_iter().enumerate() {
                for against in [false, true] {
                    let mut q = Query::new(m, k);
                    q.window = w.clone();
                    if against {
                        q.against = Some("base".into());
                        q.study = Some("alt".into())
                    }
                    if m == Measure::LoadingPct && wi > 0 && k != Kind::Feeder {
                        q.filters = vec![Filter { measure: m, bound: Bound::Above(100.0) }];
                    }
                    for s in [Statistic::Each, Statistic::Count, Statistic::Sum, Statistic::Mean] {
                        let mut q = q.clone();
                        q.statistic = s;
                        if s == Statistic::Each {
                            q.order = Some(Order::Highest)
                        }
                        if m == Measure::LoadingPct && wi > 0 && s == Statistic::Each && k != Kind::Feeder {
                            q.order = None
                        }
                        match sql(&q, "base", cal) {
                            Ok(a) => out.push(serde_json::json!({"m":m,"k":k,"w":wi,"against":against,"s":s,"sql":a.sql})),
                            Err(e) => out.push(serde_json::json!({"m":m,"k":k,"w":wi,"against":against,"s":s,"err":e.to_string()})),
                        }
                    }
                }
            }
        }
    }
    for a in [
        "losses of transformer T1",
        "minimum voltage of bus B2",
        "how many buses on F1 are below 0.95 pu",
        "count overloads per feeder",
        "undervoltage of bus B2 in january",
        "how long was T1 overloaded in january",
    ] {
        if let Outcome::Understood(r) = read(a, &c) {
            out.push(serde_json::json!({"ask":a,"sql":sql(&r.query,"base",cal).map(|a|a.sql).map_err(|e|e.to_string())}))
        } else {
            out.push(serde_json::json!({"ask":a,"err":"not read"}))
        }
    }
    println!("{}", serde_json::to_string(&out).unwrap());
}
