//! The script language, quirk by quirk. What OpenDSS does with each line was found by giving it the
//! same line (DSS C-API 0.14.5); where this reader says more (an error instead of silence), the
//! test's name says so.

use std::path::Path;

use formats::opendss::class::{conversion::load, delivery::line, delivery::transformer, general::load_shape};
use formats::opendss::{ClassId, MemoryFiles, Model, Object, ReadError, ReadOptions, Reader, RecordingHost, Report, Request, Reset, Value};
use network::{ControlMode, Severity, SolutionMode};

const MASTER: &str = "new circuit.c\nnew line.l1 bus1=sourcebus bus2=b\nnew load.a bus1=b\n";

fn read_files(files: &MemoryFiles, options: ReadOptions) -> Result<(Model, Report, RecordingHost), ReadError> {
    let mut host = RecordingHost::default();
    let mut reader = Reader::new(files, options, &mut host);
    reader.compile(Path::new("m/master.dss"))?;
    let (model, report) = reader.finish();
    Ok((model, report, host))
}

/// Reads lines after a small circuit with `line.l1` and `load.a`, the latter active.
fn read(lines: &str) -> Result<(Model, Report, RecordingHost), ReadError> {
    let files = MemoryFiles::new().with("m/master.dss", format!("{MASTER}{lines}"));
    read_files(&files, ReadOptions::default())
}

fn object<'a>(model: &'a Model, class: ClassId, name: &str) -> &'a Object {
    model.objects.get(model.objects.find(class, name).unwrap_or_else(|| panic!("no {} {name}", class.name())))
}

fn last(model: &Model, class: ClassId, name: &str, property: u16) -> Option<Value> {
    object(model, class, name).last(property).map(|a| a.value.clone())
}

/// Reads lines and checks the last value that a property of `load.a` was given.
fn check_load(lines: &str, property: load::Property, expected: Option<f64>) {
    let (model, ..) = read(lines).unwrap_or_else(|e| panic!("{lines}: {e}"));
    let found = last(&model, ClassId::Load, "a", property as u16).and_then(|v| v.as_real());
    assert_eq!(found, expected, "{lines}");
}

/// Reads lines that must fail with a code, at a line of the file `m/master.dss`.
fn check_error(lines: &str, code: &str, at_line: u32) -> String {
    let error = match read(lines) {
        Ok(_) => panic!("{lines}: no error"),
        Err(e) => e,
    };
    let first = error.diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap();
    assert_eq!(first.code, code, "{lines}: {first}");
    let source = first.source.as_ref().unwrap_or_else(|| panic!("{first} has no place"));
    assert_eq!((&*source.file, source.line), ("m/master.dss", at_line + 3), "{lines}");
    first.to_string()
}

fn warnings(lines: &str) -> Vec<String> {
    let (_, report, _) = read(lines).unwrap();
    report.diagnostics.iter().map(|d| d.code.clone()).collect()
}

use load::Property::*;

#[test]
fn values_go_by_name_by_order_and_by_abbreviation() {
    check_load("~ kw=3 .7", PF, Some(0.7));
    check_load("~ 1 a.1 7.2", KV, Some(7.2));
    check_load("~ k=3 p=2", KV, Some(3.0));
    check_load("~ k=3 p=2", Phases, Some(2.0));
    check_load("~ kw=3,pf=.7", PF, Some(0.7));
    check_load("~ KW = 3 PF =.7", KW, Some(3.0));
}

#[test]
fn more_and_bare_properties_go_on_with_the_active_element() {
    check_load("more kw=4", KW, Some(4.0));
    check_load("  m kw=5", KW, Some(5.0));
    check_load("kw=7 pf=.5", PF, Some(0.5));
    check_load("load.a.kw=8 pf=.3", PF, Some(0.3));
    check_load("a.kw = 8", KW, Some(8.0));
    check_load("new line.q bus1=b bus2=d\nload.a.kw=\"1 2 +\"", KW, Some(3.0));
    check_load("new line.q bus1=b bus2=d\nselect load.a\nkw=9", KW, Some(9.0));
    check_load("new line.q bus1=b bus2=d\nset object=load.a\nkw=9", KW, Some(9.0));
    check_load("new line.q bus1=b bus2=d\n? load.a.kw\nkw=9", KW, Some(9.0));
    check_load("new load.q bus1=b\nclose load.a 1\nkw=9", KW, Some(9.0));
}

#[test]
fn the_head_of_a_command_has_several_forms() {
    for head in ["new load.x", "NEW LOAD.X", "\"new\" 'load.x'", "new object=load.x", "new o=load.x", "ne load.x"] {
        let (model, ..) = read(&format!("{head} bus1=b kw=3")).unwrap();
        assert_eq!(last(&model, ClassId::Load, "x", KW as u16), Some(Value::Real(3.0)), "{head}");
    }
}

#[test]
fn an_empty_value_ends_the_line_with_a_warning_here() {
    check_load("~ kw=() pf=.7", PF, None);
    check_load("~ kw=(3) ,pf=.5", PF, None);
    assert_eq!(warnings("~ kw=(3) ,pf=.5"), ["READ.LINE.REST_IGNORED"]);
    assert_eq!(warnings("~ kw=3 ! pf=.5"), Vec::<String>::new());
}

#[test]
fn comments_are_of_three_kinds() {
    check_load("~ kw=3 ! pf=2", KW, Some(3.0));
    check_load("~ kw=3//pf=2", KW, Some(3.0));
    check_load("/* kw=5\nkw=6\n*/ kw=7\n~ kw=8", KW, Some(8.0));
    // A mark inside a line opens no comment block, and the line that closes one is not read.
    check_load("~ kw=1\n/*\nkw=6 */ kw=7", KW, Some(1.0));
    assert_eq!(warnings("/* kw=5\nkw=6"), ["READ.FILE.COMMENT_OPEN"]);
}

#[test]
fn variables_stand_for_text_and_for_expressions() {
    check_load("var @x=5\n~ kw=@X", KW, Some(5.0));
    check_load("var @x=5 @y=(@x 2 *)\n~ kw=@y", KW, Some(10.0));
    check_load("var @x=5\n~ kw=(@x 2 *)", KW, Some(10.0));
    let (model, ..) = read("var @x=q\n~ bus1=@x.1.2\nnew load.@x bus1=b").unwrap();
    let bus = last(&model, ClassId::Load, "a", Bus1 as u16).unwrap();
    assert_eq!((&*bus.as_bus().unwrap().name, &*bus.as_bus().unwrap().nodes), ("q", &[1, 2][..]));
    assert!(model.objects.find(ClassId::Load, "q").is_some());
    check_error("var x=5", "READ.VARIABLE.NAME", 1);
}

#[test]
fn like_names_another_object_of_the_class() {
    let (model, ..) = read("~ bus1=b.1 kw=3 pf=.9 enabled=no\nnew load.b like=a bus1=d kw=4").unwrap();
    let b = object(&model, ClassId::Load, "b");
    let names: Vec<&str> = b.log.iter().map(|a| b.property(a).name).collect();
    assert_eq!(names, ["Like", "Bus1", "kW"]);
    assert_eq!(b.log[0].value.as_text(), Some("a"));
    assert!(b.enabled && !object(&model, ClassId::Load, "a").enabled);
    check_error("new load.b like=zz", "READ.OBJECT.UNKNOWN", 1);
}

#[test]
fn a_circuit_makes_a_source_that_takes_the_line() {
    let files = MemoryFiles::new().with("m/master.dss", "clear\nnew object=circuit.X basekv=12.47 1.05");
    let (model, ..) = read_files(&files, ReadOptions::default()).unwrap();
    assert_eq!(model.circuit.as_deref(), Some("x"));
    let source = object(&model, ClassId::Vsource, "source");
    let values: Vec<_> = source.log.iter().map(|a| (source.property(a).name, a.value.as_real())).collect();
    assert_eq!(values, [("Bus1", None), ("BasekV", Some(12.47)), ("pu", Some(1.05))]);
    check_error("new circuit.d", "READ.CIRCUIT.SECOND", 1);
}

#[test]
fn catalogue_objects_are_redefined_and_elements_are_not() {
    let (model, ..) = read("new linecode.x nphases=2\nnew linecode.x nphases=1").unwrap();
    assert_eq!(model.objects.count(ClassId::LineCode), 1);
    assert_eq!(object(&model, ClassId::LineCode, "x").log.len(), 2);
    check_error("new load.A kw=5", "READ.OBJECT.DUPLICATE", 1);
    let (model, ..) = read("set allowduplicates=yes\nnew load.a bus1=b kw=5").unwrap();
    assert_eq!(model.objects.count(ClassId::Load), 2);
}

#[test]
fn windings_take_lists_with_gaps() {
    let (model, ..) = read("new transformer.t windings=3 kvs=(115,,12.47) buses=[a.1.2 b.1.2.3.0] conns=[wye d]").unwrap();
    let value = |p: transformer::Property| last(&model, ClassId::Transformer, "t", p as u16).unwrap();
    assert_eq!(value(transformer::Property::KVs), Value::Slots([Some(115.0), None, Some(12.47)].into()));
    assert_eq!(value(transformer::Property::Conns), Value::Enums([Some(0), Some(1)].into()));
    let Value::Buses(buses) = value(transformer::Property::Buses) else { panic!() };
    assert_eq!((&*buses[1].name, &*buses[1].nodes), ("b", &[1, 2, 3, 0][..]));
}

#[test]
fn files_are_found_from_the_file_that_names_them_in_either_case() {
    let files = MemoryFiles::new()
        .with("m/master.dss", "New Circuit.c\nRedirect Sub\\LINES\nredirect loads.DSS\nbuscoords xy.csv\nlatlongcoords ll.csv")
        .with("m/sub/Lines.dss", "new line.l1 bus1=sourcebus bus2=b\nredirect more.dss\n")
        .with("m/sub/more.dss", "new line.l2 bus1=b bus2=d\n")
        .with("m/Loads.dss", "new load.a bus1=d\n")
        .with("m/ll.csv", "b,45.0,7.5\n")
        .with("m/XY.csv", "b, 1.5 2\n\nd\t3,4 ! note\nname,x,y\n");
    let (model, report, _) = read_files(&files, ReadOptions::default()).unwrap();
    assert_eq!(model.objects.count(ClassId::Line), 2);
    let l2 = object(&model, ClassId::Line, "l2");
    assert_eq!(model.sources.place(l2.source).to_string(), "m/sub/more.dss:1");
    let place = |bus: &str| model.buses.coordinates.get(bus).map(|p| (p.xy, p.is_on_earth));
    assert_eq!((place("d"), place("b")), (Some(((3.0, 4.0), false)), Some(((7.5, 45.0), true))));
    assert_eq!(report.diagnostics[0].source.as_ref().unwrap().to_string(), "m/XY.csv:4");
}

#[test]
fn compile_moves_the_folder_and_redirect_does_not() {
    let files = MemoryFiles::new()
        .with("m/master.dss", "redirect s/a.dss\ncompile s/a.dss\nnew circuit.c\nredirect b.dss")
        .with("m/s/a.dss", "")
        .with("m/s/b.dss", "new line.l1 bus1=sourcebus bus2=b");
    let (model, ..) = read_files(&files, ReadOptions::default()).unwrap();
    assert_eq!(model.objects.count(ClassId::Line), 1);
}

#[test]
fn a_redirect_loop_is_an_error_with_the_way_round() {
    let files = MemoryFiles::new().with("m/master.dss", "new circuit.c\nredirect a.dss").with("m/a.dss", "\nredirect MASTER.dss");
    let error = read_files(&files, ReadOptions::default()).unwrap_err();
    let first = &error.diagnostics[0];
    assert_eq!(first.code, "READ.FILE.LOOP");
    assert_eq!(first.source.as_ref().unwrap().to_string(), "m/a.dss:2");
    assert!(first.detail.as_ref().unwrap().contains("m/master.dss > m/a.dss"), "{first}");
}

#[test]
fn redirects_that_multiply_end() {
    let mut files = MemoryFiles::new().with("m/master.dss", "new circuit.c\nredirect 0.dss");
    for i in 0..60 {
        files.add(format!("m/{i}.dss"), format!("redirect {0}.dss\nredirect {0}.dss", i + 1));
    }
    files.add("m/60.dss", "");
    let error = read_files(&files, ReadOptions::default()).unwrap_err();
    assert_eq!(error.diagnostics[0].code, "READ.FILE.TOO_MANY");
}

#[test]
fn bad_lines_are_errors_with_their_place() {
    check_error("frobnicate", "READ.COMMAND.UNKNOWN", 1);
    check_error("\nnew foo.x", "READ.CLASS.UNKNOWN", 2);
    check_error("new line", "READ.OBJECT.NAME_MISSING", 1);
    check_error("new line.", "READ.OBJECT.NAME_MISSING", 1);
    check_error("~ foo=3", "READ.PROPERTY.UNKNOWN", 1);
    check_error("line.zz.r1=3", "READ.OBJECT.UNKNOWN", 1);
    check_error("set zzz=3", "READ.OPTION.UNKNOWN", 1);
    check_error("set mode=zzz", "READ.VALUE.UNREADABLE", 1);
    check_error("set stepsize=3x", "READ.VALUE.UNREADABLE", 1);
    check_error("redirect nofile.dss", "READ.FILE.MISSING", 1);
    check_error("buscoords nofile.csv", "READ.FILE.MISSING", 1);
    check_error("reset zz", "READ.VALUE.UNREADABLE", 1);
    check_error("batchedit load.[ kw=3", "READ.PATTERN.UNREADABLE", 1);
    check_error("open line.zz 1", "READ.OBJECT.UNKNOWN", 1);
}

#[test]
fn bad_values_are_errors_that_say_what_was_expected() {
    let text = check_error("~ kw=abc", "READ.VALUE.UNREADABLE", 1);
    assert!(text.contains("Load.a") && text.contains("kW: \"abc\" is not a number"), "{text}");
    let text = check_error("~ conn=xyz", "READ.VALUE.UNREADABLE", 1);
    assert!(text.contains("one of wye, delta, y, ln, ll"), "{text}");
    let text = check_error("~ model=9", "READ.VALUE.UNREADABLE", 1);
    assert!(text.contains("8 (ZIPV)"), "{text}");
    check_error("~ phases=0", "READ.VALUE.OUT_OF_RANGE", 1);
    check_error("new transformer.t windings=1", "READ.VALUE.OUT_OF_RANGE", 1);
    check_error("~ kw=1e400", "READ.VALUE.UNREADABLE", 1);
    check_error("~ kw=nan", "READ.VALUE.UNREADABLE", 1);
    check_error("~ bus1=b.1.x", "READ.VALUE.UNREADABLE", 1);
    check_error("new line.q linecode=zz", "READ.OBJECT.UNKNOWN", 1);
    check_error("~ daily=none", "READ.OBJECT.UNKNOWN", 1);
    check_error("new monitor.m element=line.zz", "READ.OBJECT.UNKNOWN", 1);
    check_error("new regcontrol.r transformer=zz", "READ.OBJECT.UNKNOWN", 1);
    check_error("new loadshape.s npts=3 interval=1 mult=(3*2 1)", "READ.VALUE.UNREADABLE", 1);
    check_error("new loadshape.s npts=1e12", "READ.VALUE.UNREADABLE", 1);
}

#[test]
fn what_opendss_passes_over_in_silence_is_an_error_here() {
    check_error("edit load.zzz kw=3", "READ.OBJECT.UNKNOWN", 1);
    check_error("enable line.zz", "READ.OBJECT.UNKNOWN", 1);
    check_error("set mode=d", "READ.VALUE.UNREADABLE", 1);
}

#[test]
fn what_opendss_takes_for_something_else_is_taken_likewise_with_a_warning() {
    let (model, report, _) = read("line.l1.units=meters switch=1").unwrap();
    assert_eq!(last(&model, ClassId::Line, "l1", line::Property::Units as u16), Some(Value::Enum(0)));
    assert_eq!(last(&model, ClassId::Line, "l1", line::Property::Switch as u16), Some(Value::Boolean(false)));
    assert_eq!(report.diagnostics.iter().filter(|d| d.code == "READ.VALUE.INEXACT").count(), 2);
}

#[test]
fn several_errors_are_found_in_one_reading() {
    let error = read("~ kw=x\n~ pf=y\nfoo\nnew zz.z\n~ kw=3").unwrap_err();
    let codes: Vec<&str> = error.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(
        codes,
        ["READ.VALUE.UNREADABLE", "READ.VALUE.UNREADABLE", "READ.COMMAND.UNKNOWN", "READ.CLASS.UNKNOWN", "READ.OBJECT.NONE_ACTIVE"]
    );
    let error = read(&"foo\n".repeat(1000)).unwrap_err();
    assert_eq!(error.diagnostics.len(), 50);
}

#[test]
fn a_lenient_reading_leaves_out_what_is_unknown() {
    let text = format!("{MASTER}~ foo=3 kw=7\nfrobnicate\nset zzz=1\nnew generator.g bus1=b usermodel=x.dll kw=5");
    let files = MemoryFiles::new().with("m/master.dss", text);
    let (model, report, _) = read_files(&files, ReadOptions { lenient: true, ..ReadOptions::default() }).unwrap();
    assert_eq!(last(&model, ClassId::Load, "a", KW as u16), Some(Value::Real(7.0)));
    assert_eq!(report.diagnostics.len(), 4);
    assert!(read_files(&files, ReadOptions::default()).is_err());
}

#[test]
fn files_that_are_no_scripts_are_errors() {
    let check = |bytes: &[u8], code: &str| {
        let files = MemoryFiles::new().with("m/master.dss", bytes);
        let error = read_files(&files, ReadOptions::default()).unwrap_err();
        assert_eq!(error.diagnostics[0].code, code);
    };
    check(b"", "READ.FILE.EMPTY");
    check(b"  \r\n", "READ.FILE.EMPTY");
    check(b"\x7fELF\x02\x01\x01\0\0\0\0\0", "READ.FILE.NOT_TEXT");
    check(b"new linecode.x", "READ.CIRCUIT.MISSING");
    check(b"new line.x", "READ.CIRCUIT.MISSING");
    let error = read_files(&MemoryFiles::new(), ReadOptions::default()).unwrap_err();
    assert_eq!(error.diagnostics[0].code, "READ.FILE.MISSING");
}

#[test]
fn numbers_come_from_files_of_several_kinds() {
    let doubles: Vec<u8> = [0.5f64, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let singles: Vec<u8> = [0.5f32, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let files = |line: &str| {
        MemoryFiles::new()
            .with("m/master.dss", format!("{MASTER}new loadshape.s npts=2 interval=1 {line}"))
            .with("m/a.csv", "0.5, 0.1\n0.25 0.2 a note\n")
            .with("m/h.csv", "hour,mult\r\n1,0.5\r\n2,0.25\r\n")
            .with("m/gap.csv", "0.5\n\n0.25")
            .with("m/ragged.csv", "\n1 2 3\n4 5 6\n7 8\n")
            .with("m/d.dbl", doubles.clone())
            .with("m/s.sng", singles.clone())
            .with("m/odd.dbl", vec![1, 2, 3])
    };
    let check = |line: &str, property: load_shape::Property, columns: usize, numbers: &[f64]| {
        let (model, ..) = read_files(&files(line), ReadOptions::default()).unwrap_or_else(|e| panic!("{line}: {e}"));
        let Some(Value::File(file)) = last(&model, ClassId::LoadShape, "s", property as u16) else { panic!("{line}") };
        assert_eq!((file.columns, &*file.numbers), (columns, numbers), "{line}");
    };
    use load_shape::Property::*;
    check("csvfile=A.csv", CSVFile, 2, &[0.5, 0.1, 0.25, 0.2]);
    check("csvfile=gap.csv", CSVFile, 1, &[0.5, 0.0, 0.25]);
    check("csvfile=ragged.csv", CSVFile, 2, &[0.0, 0.0, 1.0, 2.0, 4.0, 5.0, 7.0, 8.0]);
    check("dblfile=d.dbl", DblFile, 1, &[0.5, 0.25]);
    check("sngfile=s.sng", SngFile, 1, &[0.5, 0.25]);
    check("mult=(file=a.csv)", Mult, 1, &[0.5, 0.25]);
    check("mult=(file=h.csv header=yes column=2)", Mult, 1, &[0.5, 0.25]);
    check("mult=[File=h.csv, header=yes, column=2]", Mult, 1, &[0.5, 0.25]);
    check("mult=(dblfile=d.dbl)", Mult, 1, &[0.5, 0.25]);
    check("qmult=(sngfile=s.sng)", QMult, 1, &[0.5, 0.25]);
    let code = |line: &str| read_files(&files(line), ReadOptions::default()).unwrap_err().diagnostics[0].code.clone();
    assert_eq!(code("csvfile=h.csv"), "READ.FILE.UNREADABLE_NUMBER");
    assert_eq!(code("mult=(file=a.csv column=5)"), "READ.FILE.UNREADABLE_NUMBER");
    assert_eq!(code("csvfile=none.csv"), "READ.FILE.MISSING");
    assert_eq!(code("mult=(file=none.csv)"), "READ.FILE.MISSING");
    assert_eq!(code("dblfile=odd.dbl"), "READ.FILE.TRUNCATED");
}

#[test]
fn options_are_set_by_name_order_and_after_solve() {
    let (model, _, host) = read(
        "set tol=1e-6 maxiter=30 controlmode=off\nset voltagebases=[115, 12.47]\nset earthmodel=carson\n\
         new line.late bus1=b bus2=d\nset defaultbasefreq=50\nnew line.later bus1=b bus2=d\n\
         calcv\nsolve mode=daily number=3 h=15m",
    )
    .unwrap();
    let s = &model.options.solution;
    assert_eq!((s.tolerance_pu, s.max_iterations, s.control_mode), (1e-6, 30, ControlMode::Off));
    assert_eq!((s.mode, s.number, s.step_s), (SolutionMode::Daily, 3, 900.0));
    assert_eq!(s.voltage_bases_kv, [115.0, 12.47]);
    let late = object(&model, ClassId::Line, "late").defaults;
    assert_eq!((late.earth_model, late.base_frequency_hz), (1, 60.0));
    assert_eq!(object(&model, ClassId::Line, "later").defaults.base_frequency_hz, 50.0);
    let requests: Vec<_> = host.requests.iter().map(|(r, at)| (*r, at.line)).collect();
    assert_eq!(requests, [(Request::CalcVoltageBases, 10), (Request::Solve, 11)]);
}

#[test]
fn clear_forgets_all_but_the_default_frequency() {
    let files = MemoryFiles::new().with(
        "m/master.dss",
        "set defaultbasefrequency=50\nnew circuit.a\nset earthmodel=carson\nclear\nnew circuit.b\nnew line.l bus1=x bus2=y",
    );
    let (model, ..) = read_files(&files, ReadOptions::default()).unwrap();
    assert_eq!(model.circuit.as_deref(), Some("b"));
    let defaults = object(&model, ClassId::Line, "l").defaults;
    assert_eq!((defaults.base_frequency_hz, defaults.earth_model), (50.0, 3));
}

#[test]
fn switching_is_kept_in_order() {
    let (model, ..) = read("open line.l1 2 3\nopen line.l1 term=1\nclose line.l1 term=1 cond=2\ndisable line.*").unwrap();
    let l1 = object(&model, ClassId::Line, "l1");
    let found: Vec<_> = l1.switching.iter().map(|s| (s.terminal, s.conductor, s.open)).collect();
    assert_eq!(found, [(2, 3, true), (1, 0, true), (1, 2, false)]);
    assert!(!l1.enabled);
}

#[test]
fn batch_edit_finds_names_by_pattern() {
    let (model, ..) =
        read("new line.a1 bus1=b bus2=d\nnew line.a2 bus1=b bus2=d\nbatchedit line.A. length=7\nbatchedit line.2$ length=8").unwrap();
    let length = |name| last(&model, ClassId::Line, name, line::Property::Length as u16);
    assert_eq!(length("a1"), Some(Value::Real(7.0)));
    assert_eq!(length("a2"), Some(Value::Real(8.0)));
    assert_eq!(length("l1"), None);
}

#[test]
fn a_voltage_base_reaches_only_listed_buses() {
    let (model, report, _) = read("setkvbase b kvll=12").unwrap();
    assert!(model.buses.base_kv_ln.is_empty());
    assert_eq!(report.diagnostics[0].code, "READ.BUS.UNKNOWN");
    let (model, ..) = read("makebuslist\nsetkvbase b kvln=7.2\nsetkvbase bus=SourceBus 3").unwrap();
    assert_eq!(model.buses.base_kv_ln.get("b"), Some(&7.2));
    assert_eq!(model.buses.base_kv_ln.get("sourcebus"), Some(&(3.0 / 3f64.sqrt())));
}

#[test]
fn what_shows_or_plots_is_reported_with_its_place() {
    let (_, report, host) = read("show voltages LN nodes\nplot profile\nexport loads\n? load.a.kw\nreset monitors\ninit").unwrap();
    let found: Vec<_> = report.not_executed.iter().map(|n| (n.command, n.source.line)).collect();
    assert_eq!(found, [("Show", 4), ("Plot", 5), ("Export", 6), ("?", 7)]);
    assert_eq!(host.requests[0].0, Request::Reset(Reset::Monitors));
    check_error("makeposseq", "READ.COMMAND.REFUSED", 1);
}

#[test]
fn unused_properties_are_counted_with_reason_and_first_place() {
    let (_, report, _) = read("~ spectrum=default\nline.l1.faultrate=.1\nload.a.spectrum=linear").unwrap();
    let found: Vec<_> = report.ledger.dropped().map(|e| (e.field.as_str(), e.count, e.first.as_ref().unwrap().line)).collect();
    assert_eq!(found, [("Line.FaultRate", 1, 5), ("Load.Spectrum", 2, 4)]);
}

#[test]
fn a_request_is_not_made_after_an_error() {
    let files = MemoryFiles::new().with("m/master.dss", format!("{MASTER}~ kw=x\nsolve"));
    let mut host = RecordingHost::default();
    let mut reader = Reader::new(&files, ReadOptions::default(), &mut host);
    assert!(reader.compile(Path::new("m/master.dss")).is_err());
    drop(reader);
    assert!(host.requests.is_empty());
}

#[test]
fn commands_can_follow_a_master() {
    let files = MemoryFiles::new().with("m/master.dss", MASTER);
    let mut host = RecordingHost::default();
    let mut reader = Reader::new(&files, ReadOptions::default(), &mut host);
    reader.compile(Path::new("m/master.dss")).unwrap();
    reader.run("load.a.kw=5\nset loadmult=2").unwrap();
    let error = reader.run("load.a.kw=x").unwrap_err();
    assert!(error.diagnostics[0].source.is_none());
    assert_eq!(reader.model().options.solution.load_multiplier, 2.0);
}

#[test]
fn a_long_script_is_read_quickly() {
    use std::fmt::Write;
    let mut text = MASTER.to_string();
    for i in 0..30_000 {
        writeln!(text, "New Line.seg{i} phases=3 Bus1=n{i}.1.2.3 bus2=n{}.1.2.3 r1=.1 x1=0.2 length={i}.5 units=m", i + 1).unwrap();
    }
    let files = MemoryFiles::new().with("m/master.dss", text);
    let start = std::time::Instant::now();
    let (model, ..) = read_files(&files, ReadOptions::default()).unwrap();
    let took = start.elapsed();
    println!("30,000 lines in {took:?}");
    assert_eq!(model.objects.count(ClassId::Line), 30_001);
    // The aim is 50 ms; the limit leaves room for a busy machine.
    assert!(took.as_millis() < 1_000, "{took:?}");
}
