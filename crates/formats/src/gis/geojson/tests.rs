use super::*;

fn read_text(text: &str) -> Result<Layer, ImportError> {
    read(text.as_bytes(), Path::new("map/feeders.geojson"), &LayerOptions::default())
}

fn fault_of(text: &str) -> String {
    read_text(text).unwrap_err().to_string()
}

const POINT: &str = r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[11.4,53.6]},"properties":{"n":1}}"#;

#[test]
fn a_collection_gives_fields_in_order_and_lines() {
    let text = format!(
        "{{\"type\":\"FeatureCollection\",\"name\":\"poles\",\n\"features\":[\n{POINT},\n{{\"type\":\"Feature\",\"id\":\"p7\",\"geometry\":null,\"properties\":{{\"n\":2.5,\"tags\":[1]}}}}]}}"
    );
    let layer = read_text(&text).unwrap();
    assert_eq!(layer.name, "poles");
    assert_eq!(layer.crs, Some(Crs::wgs84()));
    let names: Vec<_> = layer.fields.iter().map(|f| (f.name.as_str(), f.kind)).collect();
    assert_eq!(names, [("n", FieldKind::Real), ("id", FieldKind::Text), ("tags", FieldKind::Text)]);
    assert_eq!(layer.features[0].values, [Value::Integer(1), Value::Null, Value::Null]);
    assert_eq!(layer.features[1].values[2], Value::text("[1]"));
    assert_eq!((layer.features[0].source.line, layer.features[1].source.line), (3, 4));
    assert_eq!(layer.features[0].geometry, Some(Geometry::Point([11.4, 53.6])));
}

#[test]
fn every_form_at_the_top_is_read() {
    assert_eq!(read_text(POINT).unwrap().features.len(), 1);
    assert_eq!(read_text(&format!("{POINT}\n{POINT}\n\u{1e}{POINT}\n")).unwrap().features.len(), 3);
    let bare = r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2,3]},{"type":"LineString","coordinates":[[0,0],[1,1]]}]}"#;
    let layer = read_text(bare).unwrap();
    assert_eq!(layer.geometry_kinds(), [("Point", 1), ("LineString", 1)]);
    assert_eq!(layer.ledger.dropped().map(|e| e.count).sum::<usize>(), 1);
    assert_eq!(read_text(r#"{"type":"FeatureCollection","features":[]}"#).unwrap().features.len(), 0);
}

#[test]
fn the_old_crs_member_counts() {
    let text = format!(
        "{{\"type\":\"FeatureCollection\",\"crs\":{{\"type\":\"name\",\"properties\":{{\"name\":\"urn:ogc:def:crs:EPSG::25832\"}}}},\"features\":[{POINT}]}}"
    );
    assert_eq!(read_text(&text).unwrap().crs.unwrap().epsg, Some(25832));
}

#[test]
fn metres_without_a_system_are_not_taken_for_degrees() {
    let text = POINT.replace("[11.4,53.6]", "[659383.7,5946248.2]");
    let layer = read_text(&text).unwrap();
    assert_eq!(layer.crs, None);
    assert!(layer.to_wgs84().unwrap_err().to_string().contains("GIS.CRS.MISSING"));
}

#[test]
fn what_is_wrong_in_one_feature_is_a_reject() {
    let bad = [
        r#"{"type":"Feature","geometry":{"type":"Point","coordinates":["a",2]},"properties":{}}"#,
        r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[1]},"properties":{}}"#,
        r#"{"type":"Feature","geometry":{"type":"LineString","coordinates":[[1,2]]},"properties":{}}"#,
        r#"{"type":"Feature","geometry":{"type":"Circle","coordinates":[1,2]},"properties":{}}"#,
        r#"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]},"properties":{}}"#,
        r#"{"type":"Feature","geometry":{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"LineString","coordinates":[[0,0],[1,1]]}]},"properties":{}}"#,
        r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[1e999,2]},"properties":{}}"#,
        r#"{"attributes":{},"geometry":{}}"#,
        r#"[1]"#,
        r#"null"#,
    ];
    for one in bad {
        let layer = read_text(&format!("{{\"type\":\"FeatureCollection\",\"features\":[{POINT},{one},{POINT}]}}")).unwrap();
        assert_eq!((layer.features.len(), layer.rejects.len()), (2, 1), "{one}");
        assert!(layer.rejects[0].reason.starts_with("feature 2: "), "{}", layer.rejects[0].reason);
    }
}

#[test]
fn a_text_that_ends_early_tells_where() {
    let whole = format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{POINT},\n{POINT},\n{POINT}]}}");
    let cut = fault_of(&whole[..whole.len() - 60]);
    assert!(cut.contains("GIS.GEOJSON.SYNTAX") && cut.contains("after feature 3") && cut.contains("feeders.geojson:4"), "{cut}");
    for text in [
        "",
        "  ",
        "{",
        "[1,2]",
        "{\"type\":\"Topology\"}",
        "{\"type\":1}",
        "{\"features\":[],\"spatialReference\":{}}",
        "{\"type\":\"FeatureCollection\",\"features\":[{]}",
    ] {
        assert!(fault_of(text).contains("GIS.GEOJSON."), "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("{{\"type\":\"Feature\",\"properties\":{{\"a\":{}{}}}}}", "[".repeat(200), "]".repeat(200));
    assert_eq!(read_text(&format!("{{\"type\":\"FeatureCollection\",\"features\":[{deep}]}}")).unwrap().rejects.len(), 1);
    let deeper = format!("{{\"type\":\"Feature\",\"properties\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(fault_of(&deeper).contains("nested deeper"));
}

#[test]
fn written_and_read_back_it_is_the_same() {
    let text = r#"{"type":"FeatureCollection","name":"m","features":[
{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[[0.1,0],[1,0],[1,1],[0.1,0]]]]},"properties":{"a":"x\"y","b":1.25,"c":true,"d":null}},
{"type":"Feature","geometry":{"type":"MultiLineString","coordinates":[[[0.30000000000000004,0],[1,0]],[[2,2],[3,3]]]},"properties":{"a":null,"b":7,"c":false,"d":"z"}}]}"#;
    let first = read_text(text).unwrap();
    let again = read_text(&write_geojson(std::slice::from_ref(&first)).unwrap()).unwrap();
    assert_eq!(again.name, "m");
    assert_eq!(again.fields, first.fields);
    for (a, b) in first.features.iter().zip(&again.features) {
        assert_eq!((&a.geometry, &a.values), (&b.geometry, &b.values));
    }
}

#[test]
fn a_property_given_twice_is_told() {
    let layer = read_text(&POINT.replace("\"n\":1", "\"n\":1,\"n\":2")).unwrap();
    assert_eq!(layer.features[0].values, [Value::Integer(1)]);
    assert_eq!(layer.diagnostics[0].code, "GIS.GEOJSON.REPEATED_MEMBER");
}
