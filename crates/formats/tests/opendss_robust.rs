//! Whatever the bytes, reading ends, without a panic.

use std::path::Path;

use formats::opendss::{ClassId, MemoryFiles, ReadOptions, Reader, RecordingHost};
use proptest::prelude::*;

/// A script of many kinds of lines, the seed of the mutations.
const SEED: &str = "\
clear
set defaultbasefrequency=60
new circuit.c basekv=12.47 pu=1.02 mvasc3=(100 2 *) mvasc1=210
var @len=2 @z=(@len 3 *)
new linecode.lc nphases=3 rmatrix=[.1 | .05 .1|.05 .05 .1] xmatrix=(0.2 | 0.1 0.2 | 0.1 0.1 0.2) units=mi
new wiredata.w gmrac=0.0244 gmrunits=ft rac=.306 runits=mi radius=.5 radunits=in normamps=530
new linegeometry.g nconds=4 nphases=3 cond=1 wire=w x=-4 h=28 units=ft cond=2 wire=w x=-1.5
~ reduce=yes
new loadshape.s npts=3 interval=1 mult=(.5 1 {2 3 /}) qmult=(file=q.csv col=1 header=yes)
new loadshape.f npts=4 interval=1 csvfile=q.csv action=normalize
New Line.l1 bus1=SourceBus.1.2.3 bus2=b.1.2.3 linecode=lc length=@len units=mi
new transformer.t windings=2 buses=(b.1.2.3, d.1.2.3.0) conns=[delta wye] kvs=(12.47,,.48) kvas=\"500 500\" %rs=(.5 .5) xhl=2
~ wdg=2 tap=1.05 maxtap=1.1
new regcontrol.r transformer=t winding=2 vreg=122 band=2 ptratio=20
new load.a phases=1 bus1=d.1 kv=.277 kw=10 pf=.9 model=1 daily=s ! note
more conn=ln kvar=3 // note
/* a block
of lines */
new capacitor.k bus1=b kvar=(100 200) numsteps=2 states=[1,0]
new load.b like=a bus1=d.2
load.b.kw=7 kvar=2
batchedit load..* kw=5
new energymeter.m element=line.l1 terminal=1
disable load.b
open line.l1 term=1 cond=2
close line.l1 1 2
redirect more.dss
buscoords q.csv
set voltagebases=[12.47 .48]
calcvoltagebases
setkvbase b kvll=12.47
set mode=daily stepsize=1h number=24 controlmode=static
solve
show voltages
";

fn read(master: &[u8], other: &[u8]) {
    let files = MemoryFiles::new().with("master.dss", master).with("more.dss", other).with("q.csv", other);
    for lenient in [false, true] {
        let mut host = RecordingHost::default();
        let mut reader = Reader::new(&files, ReadOptions { lenient, ..ReadOptions::default() }, &mut host);
        let result = reader.compile(Path::new("master.dss"));
        let (model, report) = reader.finish();
        if let Err(e) = result {
            assert!(!e.to_string().is_empty());
        } else {
            assert!(model.circuit.is_some());
        }
        for diagnostic in &report.diagnostics {
            assert!(!diagnostic.to_string().is_empty());
        }
    }
}

#[test]
fn the_seed_itself_is_read() {
    let files = MemoryFiles::new().with("master.dss", SEED).with("more.dss", "length=3").with("q.csv", "0\n1\n2\n3\n");
    let mut host = RecordingHost::default();
    let mut reader = Reader::new(&files, ReadOptions::default(), &mut host);
    reader.compile(Path::new("master.dss")).unwrap();
    assert_eq!(reader.model().objects.count(ClassId::Load), 2);
    drop(reader);
    assert_eq!(host.requests.len(), 2);
}

/// One change of a text.
#[derive(Debug, Clone)]
enum Change {
    Delete { at: usize, count: usize },
    Insert { at: usize, text: Vec<u8> },
    Repeat { at: usize, count: usize, times: usize },
    Move { from: usize, to: usize },
}

fn change() -> impl Strategy<Value = Change> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "(",
            ")",
            "[",
            "]",
            "{",
            "\"",
            "'",
            "|",
            ",",
            "=",
            ".",
            "@",
            "!",
            "//",
            "/*",
            "*/",
            "\n",
            "~ ",
            "like=",
            "like=a",
            "file=",
            "(file=more.dss)",
            "redirect master.dss",
            "compile more.dss",
            "clear\n",
            "new ",
            "circuit.",
            "@z",
            "1e999",
            "-1",
            "99999999999",
            "nan",
            "pi",
            "sqrt",
            "rollup",
            "\0",
            "\r",
            "é",
            "enabled=no",
            "object=",
            "set ",
            "solve ",
            "batchedit load.((((a*)*)*)* kw=1\n",
            "mult=(dblfile=q.csv)",
            "sngfile=q.csv",
            "npts=2000000000 ",
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..8),
    ];
    prop_oneof![
        (any::<usize>(), 1usize..40).prop_map(|(at, count)| Change::Delete { at, count }),
        (any::<usize>(), piece).prop_map(|(at, text)| Change::Insert { at, text }),
        (any::<usize>(), 1usize..60, 1usize..30).prop_map(|(at, count, times)| Change::Repeat { at, count, times }),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Change::Move { from, to }),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change) {
    let length = text.len().max(1);
    let place = |at: usize| (at % length).min(text.len());
    match change {
        Change::Delete { at, count } => {
            let start = place(*at);
            let end = (start + count).min(text.len());
            text.drain(start..end);
        }
        Change::Insert { at, text: new } => {
            let start = place(*at);
            text.splice(start..start, new.iter().copied());
        }
        Change::Repeat { at, count, times } => {
            let start = place(*at);
            let piece = text[start..(start + count).min(text.len())].repeat(*times);
            text.splice(start..start, piece);
        }
        Change::Move { from, to } => {
            let mut lines: Vec<Vec<u8>> = text.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
            let line = lines.remove(from % lines.len());
            let to = to % (lines.len() + 1);
            lines.insert(to, line);
            *text = lines.join(&b'\n');
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_scripts_never_panic(changes in prop::collection::vec(change(), 1..12), other in prop::collection::vec(change(), 0..4)) {
        let mut master = SEED.as_bytes().to_vec();
        changes.iter().for_each(|c| apply(&mut master, c));
        let mut more = b"new line.l9 bus1=b bus2=e length=3\nkw=3\n1,2\n".to_vec();
        other.iter().for_each(|c| apply(&mut more, c));
        read(&master, &more);
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes, b"");
    }
}

#[test]
fn truncated_scripts_never_panic() {
    for end in 0..SEED.len() {
        read(&SEED.as_bytes()[..end], b"1 2 3");
    }
}

#[test]
fn deep_and_wide_texts_end() {
    for text in
        ["(".repeat(200_000), format!("kw={}", "1 ".repeat(200_000)), format!("kw=({})", "2 sqrt ".repeat(100_000)), "a=".repeat(100_000)]
    {
        read(format!("new circuit.c\n{text}").as_bytes(), b"");
    }
}
