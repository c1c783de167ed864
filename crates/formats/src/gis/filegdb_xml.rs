//! The XML texts of a geodatabase's catalogue: classes with their fields and subtypes, and domains.

use crate::gis::layer::{Domain, Layer, Value};
use quick_xml::Reader;
use quick_xml::events::Event;

/// Longest text, deepest nesting and most elements that are looked at.
const LONGEST: usize = 32 << 20;
const DEEPEST: usize = 48;
const MOST: usize = 500_000;

/// An element with the text directly in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// The text of a child, none when it is blank.
    fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.trim()).filter(|t| !t.is_empty())
    }
}

/// Elements of a text. Entities other than XML's own are errors, so nothing is expanded.
fn parse(text: &str) -> Result<Element, ()> {
    if text.len() > LONGEST {
        return Err(());
    }
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    let mut count = 0;
    loop {
        let event = reader.read_event().map_err(|_| ())?;
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                count += 1;
                if count > MOST || open.len() > DEEPEST {
                    return Err(());
                }
                let element = Element { name: tag.local_name().as_ref().to_owned(), ..Element::default() };
                if matches!(event, Event::Start(_)) {
                    open.push(element);
                } else {
                    open.last_mut().ok_or(())?.children.push(element);
                }
            }
            Event::End(_) => {
                let element = open.pop().ok_or(())?;
                open.last_mut().ok_or(())?.children.push(element);
            }
            Event::Text(text) => open.last_mut().ok_or(())?.text.push_str(&text),
            Event::CData(text) => open.last_mut().ok_or(())?.text.push_str(&text),
            Event::GeneralRef(reference) => {
                let c = match (reference.resolve_char_ref().map_err(|_| ())?, &*reference) {
                    (Some(c), _) => c,
                    (None, "amp") => '&',
                    (None, "lt") => '<',
                    (None, "gt") => '>',
                    (None, "quot") => '"',
                    (None, "apos") => '\'',
                    _ => return Err(()),
                };
                open.last_mut().ok_or(())?.text.push(c);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let root = open.pop().ok_or(())?;
    if !open.is_empty() {
        return Err(());
    }
    root.children.into_iter().next().ok_or(())
}

/// A feature class or table.
#[derive(Debug, Default)]
pub(crate) struct Class {
    name: String,
    /// Field, its domain.
    domains: Vec<(String, String)>,
    subtype_field: Option<String>,
    subtypes: Vec<Subtype>,
}

#[derive(Debug)]
struct Subtype {
    code: i64,
    name: String,
    /// Field, its domain in this subtype.
    domains: Vec<(String, String)>,
}

/// What the catalogue tells.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    classes: Vec<Class>,
    domains: Vec<Domain>,
}

/// Takes what one item tells into the catalogue. Items of other kinds tell nothing.
pub(crate) fn read_item(xml: &str, catalogue: &mut Catalogue) -> Result<(), ()> {
    if xml.trim().is_empty() {
        return Ok(());
    }
    let root = parse(xml)?;
    match root.name.as_str() {
        "DEFeatureClassInfo" | "DETableInfo" => catalogue.classes.push(class(&root)),
        "GPCodedValueDomain2" | "GPCodedValueDomain" | "GPRangeDomain2" | "GPRangeDomain" => {
            catalogue.domains.extend(domain(&root));
        }
        _ => {}
    }
    Ok(())
}

fn class(root: &Element) -> Class {
    let mut class = Class { name: root.text_of("Name").unwrap_or_default().to_owned(), ..Class::default() };
    for field in root.child("GPFieldInfoExs").into_iter().flat_map(|f| f.all("GPFieldInfoEx")) {
        if let (Some(name), Some(domain)) = (field.text_of("Name"), field.text_of("DomainName")) {
            class.domains.push((name.to_owned(), domain.to_owned()));
        }
    }
    class.subtype_field = root.text_of("SubtypeFieldName").map(str::to_owned);
    for subtype in root.child("Subtypes").into_iter().flat_map(|s| s.all("Subtype")) {
        let Some(code) = subtype.text_of("SubtypeCode").and_then(|c| c.parse().ok()) else { continue };
        let infos = subtype.child("FieldInfos").into_iter().flat_map(|f| f.all("SubtypeFieldInfo"));
        let domains = infos.filter_map(|i| Some((i.text_of("FieldName")?.to_owned(), i.text_of("DomainName")?.to_owned()))).collect();
        class.subtypes.push(Subtype { code, name: subtype.text_of("SubtypeName").unwrap_or_default().to_owned(), domains });
    }
    class
}

fn domain(root: &Element) -> Option<Domain> {
    let name = root.text_of("DomainName")?.to_owned();
    let is_text = root.text_of("FieldType") == Some("esriFieldTypeString");
    let code = |text: &str| match (is_text, text.parse::<i64>(), text.parse::<f64>()) {
        (false, Ok(i), _) => Value::Integer(i),
        (false, _, Ok(r)) if r.is_finite() => Value::Real(r),
        _ => Value::text(text),
    };
    let values = root.child("CodedValues").into_iter().flat_map(|c| c.all("CodedValue"));
    let coded = values.filter_map(|v| Some((code(v.child("Code")?.text.trim()), v.child("Name")?.text.clone()))).collect();
    let bound = |name: &str| root.text_of(name).and_then(|t| t.parse::<f64>().ok());
    Some(Domain { name, coded, range: bound("MinValue").zip(bound("MaxValue")) })
}

impl Catalogue {
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    fn domain(&self, name: &str) -> Option<&Domain> {
        self.domains.iter().find(|d| d.name == name)
    }

    /// Gives a layer the domains and subtypes of its class. Names of subtypes become the domain of their field.
    pub fn apply(&self, class: &Class, layer: &mut Layer) {
        for (field, domain) in &class.domains {
            if let Some(at) = layer.field_index(field) {
                layer.fields[at].domain = self.domain(domain).cloned();
            }
        }
        let Some(subtype_field) = &class.subtype_field else { return };
        layer.subtype_field = Some(subtype_field.clone());
        if let Some(at) = layer.field_index(subtype_field)
            && layer.fields[at].domain.is_none()
            && !class.subtypes.is_empty()
        {
            let coded = class.subtypes.iter().map(|s| (Value::Integer(s.code), s.name.clone())).collect();
            layer.fields[at].domain = Some(Domain { name: format!("subtypes of {}", layer.name), coded, range: None });
        }
        for subtype in &class.subtypes {
            for (field, domain) in &subtype.domains {
                if let (Some(at), Some(domain)) = (layer.field_index(field), self.domain(domain)) {
                    layer.fields[at].subtype_domains.push((subtype.code, domain.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gis::layer::{Feature, Field, FieldKind};
    use network::SourceRef;

    #[test]
    fn codes_mean_what_the_subtype_says() {
        let mut catalogue = Catalogue::default();
        let domain = |name: &str, text: &str| {
            format!(
                "<GPCodedValueDomain2 xmlns:xsi=\"x\"><DomainName>{name}</DomainName><FieldType>esriFieldTypeInteger</FieldType>\
                 <CodedValues><CodedValue><Name>{text}</Name><Code xsi:type=\"xs:int\">7</Code></CodedValue></CodedValues></GPCodedValueDomain2>"
            )
        };
        read_item(&domain("phases", "A &amp; B&#32;&lt;C&gt;"), &mut catalogue).unwrap();
        read_item(&domain("single", "only A"), &mut catalogue).unwrap();
        let class = "<DEFeatureClassInfo><Name>Lines</Name><GPFieldInfoExs><GPFieldInfoEx><Name>PH</Name><DomainName>phases</DomainName></GPFieldInfoEx></GPFieldInfoExs>\
            <SubtypeFieldName>SUB</SubtypeFieldName><Subtypes><Subtype><SubtypeName>one</SubtypeName><SubtypeCode>1</SubtypeCode><FieldInfos>\
            <SubtypeFieldInfo><FieldName>PH</FieldName><DomainName>single</DomainName></SubtypeFieldInfo></FieldInfos></Subtype></Subtypes></DEFeatureClassInfo>";
        read_item(class, &mut catalogue).unwrap();
        let mut layer = Layer::new("lines", SourceRef::default());
        layer.fields = vec![Field::new("PH", FieldKind::Integer), Field::new("SUB", FieldKind::Integer)];
        catalogue.apply(catalogue.class("lines").unwrap(), &mut layer);
        let feature = |subtype: i64| Feature {
            id: 1,
            geometry: None,
            values: vec![Value::Integer(7), Value::Integer(subtype)],
            source: SourceRef::default(),
        };
        assert_eq!(layer.meaning(&feature(0), 0), Some("A & B <C>"));
        assert_eq!(layer.meaning(&feature(1), 0), Some("only A"));
        assert_eq!(layer.meaning(&feature(1), 1), Some("one"));
    }

    #[test]
    fn hostile_texts_are_refused() {
        let mut catalogue = Catalogue::default();
        let deep = format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000));
        let bomb =
            "<!DOCTYPE a [<!ENTITY b \"xxxxxxxx\"><!ENTITY c \"&b;&b;\">]><GPRangeDomain2><DomainName>&c;</DomainName></GPRangeDomain2>";
        for text in [deep.as_str(), bomb, "<a>", "no xml", "<a></b>"] {
            assert!(read_item(text, &mut catalogue).is_err(), "{text}");
        }
        assert!(catalogue.domains.is_empty() && catalogue.classes.is_empty());
    }
}
