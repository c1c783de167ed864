//! Objects of OpenADR: any text is one or none; what is one is looked over, has its times, and comes back from its own text.

#![no_main]

use formats::openadr::{Object, timed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(object) = serde_json::from_str::<Object>(text) else { return };
    let is_sound = object.check().is_ok();
    match &object {
        Object::Event(e) => drop(timed(e.interval_period.as_ref(), &e.intervals)),
        Object::Report(r) => r.resources.iter().for_each(|r| drop(timed(r.interval_period.as_ref(), &r.intervals))),
        _ => {}
    }
    let again = serde_json::to_string(&object).expect("plain data");
    if is_sound {
        let read: Object = serde_json::from_str(&again).expect("what was written");
        assert_eq!(read, object);
    }
});
