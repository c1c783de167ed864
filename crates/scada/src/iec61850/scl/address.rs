//! Ethernet addresses of GOOSE and sampled values.

use super::findings::Findings;
use super::model::MulticastAddress;
use super::types::unreadable;
use super::xml::Element;
use network::Diagnostic;

/// Reads the address of a `GSE` or `SMV` element; none when a part that it needs is missing or wrong, which is told.
///
/// A MAC address has to be a multicast one. The blocks that IEC 61850-8-1 and -9-2 set aside (01-0C-CD-01 for GOOSE, -04 for sampled
/// values; APPID below 4000 hex for GOOSE, from 4000 to 7FFF for sampled values) are recommended, so that leaving them is a warning.
pub(super) fn multicast_address(element: &Element, goose: bool, findings: &mut Findings) -> Option<MulticastAddress> {
    let parameters = element.child("Address");
    let of = |kind: &str| parameters.and_then(|a| a.all("P").find(|p| p.attribute("type") == kind)).filter(|p| !p.text.is_empty());
    let mut address = MulticastAddress { vlan_priority: 4, ..MulticastAddress::default() };
    let mut whole = true;
    match of("MAC-Address") {
        Some(p) => match mac_address(&p.text) {
            Some(mac) if mac[0] & 1 == 1 => {
                address.mac = mac;
                let usual = [0x01, 0x0C, 0xCD, if goose { 0x01 } else { 0x04 }];
                if mac[..4] != usual {
                    findings.add(
                        p.line,
                        Diagnostic::warning(
                            "SCL.ADDRESS.UNUSUAL",
                            format!("MAC address {} is outside the block that is set aside for it", p.text),
                        )
                        .detail(format!("The block begins with {}.", usual.map(|b| format!("{b:02X}")).join("-")))
                        .hint("check the address; switches may filter it"),
                    );
                }
            }
            _ => {
                whole = false;
                findings.add(p.line, unreadable("MAC-Address", &p.text, "a multicast address of six hexadecimal pairs with dashes"));
            }
        },
        None => {
            whole = false;
            findings.add(element.line, absent(element, "MAC-Address"));
        }
    }
    match of("APPID") {
        Some(p) => match u16::from_str_radix(p.text.trim(), 16) {
            Ok(id) => {
                address.app_id = id;
                let high = (0x4000..0x8000).contains(&id);
                // 8000 and above are of the second block of GOOSE for trips.
                if goose == high || (!goose && !high && id != 0) {
                    findings.add(
                        p.line,
                        Diagnostic::warning("SCL.ADDRESS.UNUSUAL", format!("APPID {id:04X} is outside the block that is set aside for it"))
                            .detail(if goose {
                                "GOOSE has 0000 to 3FFF, and 8000 to BFFF for trips."
                            } else {
                                "Sampled values have 4000 to 7FFF."
                            })
                            .hint("check the APPID"),
                    );
                }
            }
            Err(_) => {
                whole = false;
                findings.add(p.line, unreadable("APPID", &p.text, "four hexadecimal digits"));
            }
        },
        None => {
            whole = false;
            findings.add(element.line, absent(element, "APPID"));
        }
    }
    if let Some(p) = of("VLAN-ID") {
        match u16::from_str_radix(p.text.trim(), 16) {
            Ok(id) if id < 0x1000 => address.vlan_id = id,
            _ => {
                whole = false;
                findings.add(p.line, unreadable("VLAN-ID", &p.text, "three hexadecimal digits, at most FFF"));
            }
        }
    }
    if let Some(p) = of("VLAN-PRIORITY") {
        match p.text.trim().parse::<u8>() {
            Ok(priority) if priority < 8 => address.vlan_priority = priority,
            _ => {
                whole = false;
                findings.add(p.line, unreadable("VLAN-PRIORITY", &p.text, "a number from 0 to 7"));
            }
        }
    }
    address.min_time_ms = time(element, "MinTime", findings);
    address.max_time_ms = time(element, "MaxTime", findings);
    whole.then_some(address)
}

fn time(element: &Element, name: &str, findings: &mut Findings) -> Option<u32> {
    let child = element.child(name)?;
    let read = child.text.parse().ok();
    if read.is_none() {
        findings.add(child.line, unreadable(name, &child.text, "a number of milliseconds"));
    }
    read
}

fn absent(element: &Element, parameter: &str) -> Diagnostic {
    Diagnostic::error("SCL.ADDRESS.MISSING", format!("{} of \"{}\" has no {parameter}", element.name, element.attribute("cbName")))
        .detail("Without it the messages can neither be sent nor received; the control block is kept without an address.")
        .hint(format!("add <P type=\"{parameter}\">"))
}

/// Six bytes from hexadecimal pairs with dashes or colons.
pub fn mac_address(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.trim().split(['-', ':']);
    for byte in &mut mac {
        *byte = parts.next().filter(|p| p.len() == 2).and_then(|p| u8::from_str_radix(p, 16).ok())?;
    }
    parts.next().is_none().then_some(mac)
}
