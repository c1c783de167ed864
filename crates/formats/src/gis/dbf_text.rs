//! Text of files that name a code page: those of DOS here, the others from `encoding_rs`.

use encoding_rs::Encoding;

/// How text is encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CodePage {
    Known(&'static Encoding),
    /// The name, and the characters of the bytes from 128.
    Dos(&'static str, &'static str),
}

impl CodePage {
    pub const UTF_8: CodePage = CodePage::Known(encoding_rs::UTF_8);
    pub const WINDOWS_1252: CodePage = CodePage::Known(encoding_rs::WINDOWS_1252);

    pub fn name(&self) -> &'static str {
        match self {
            CodePage::Known(encoding) => encoding.name(),
            CodePage::Dos(name, _) => name,
        }
    }

    /// The page of a label: of a .cpg file, or as a user writes it. Numbers are pages of Windows or DOS, and
    /// ISO 8859 parts as Esri writes them (`88591`).
    pub fn of_label(label: &str) -> Option<CodePage> {
        let label = label.trim().trim_start_matches('\u{feff}').to_ascii_lowercase();
        let bare: String = label.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        let number = bare.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        if let Some(iso) = number.strip_prefix("8859") {
            return Encoding::for_label(format!("iso-8859-{iso}").as_bytes()).map(CodePage::Known);
        }
        match bare.as_str() {
            "utf8" | "65001" | "cp65001" => return Some(CodePage::UTF_8),
            "ansi" | "latin1" => return Some(CodePage::WINDOWS_1252),
            _ => {}
        }
        if let Ok(number) = number.parse::<u32>() {
            let named = !bare.starts_with("iso") && !bare.starts_with("koi") && !bare.starts_with("gb");
            if named && let Some(page) = CodePage::of_number(number) {
                return Some(page);
            }
        }
        Encoding::for_label(label.as_bytes()).map(CodePage::Known)
    }

    /// The page of a number of Windows or DOS.
    pub fn of_number(number: u32) -> Option<CodePage> {
        let label = match number {
            874 | 1250..=1258 => return Encoding::for_label(format!("windows-{number}").as_bytes()).map(CodePage::Known),
            932 => "shift_jis",
            936 => "gbk",
            949 => "euc-kr",
            950 => "big5",
            866 => "ibm866",
            10000 => "macintosh",
            20866 => "koi8-r",
            28591 => "iso-8859-1",
            28592 => "iso-8859-2",
            65001 => "utf-8",
            _ => return DOS.iter().find(|(n, _, _)| *n == number).map(|(_, name, high)| CodePage::Dos(name, high)),
        };
        Encoding::for_label(label.as_bytes()).map(CodePage::Known)
    }

    /// The page of the language driver of a dBase file (byte 29 of its header), after the table of the FoxPro
    /// and Esri documents. None for 0, which says nothing.
    pub fn of_language_driver(driver: u8) -> Option<CodePage> {
        let number = match driver {
            0x01 | 0x09 | 0x0b | 0x0d | 0x0f | 0x11 | 0x15 | 0x18 | 0x19 | 0x1b => 437,
            0x02 | 0x0a | 0x0e | 0x10 | 0x12 | 0x14 | 0x16 | 0x1a | 0x1d | 0x25 | 0x37 => 850,
            0x03 | 0x57 | 0x58 | 0x59 => 1252,
            0x04 => 10000,
            0x08 | 0x17 | 0x66 => 865,
            0x13 | 0x7b => 932,
            0x1c | 0x6c => 863,
            0x1f | 0x22 | 0x23 | 0x40 | 0x64 | 0x87 => 852,
            0x24 => 860,
            0x26 | 0x65 => 866,
            0x4d | 0x7a => 936,
            0x4e | 0x79 => 949,
            0x4f | 0x78 => 950,
            0x50 | 0x7c => 874,
            0x67 => 861,
            0x6a | 0x86 => 737,
            0x6b | 0x88 => 857,
            0x7d => 1255,
            0x7e => 1256,
            0xc8 => 1250,
            0xc9 => 1251,
            0xca => 1254,
            0xcb => 1253,
            0xcc => 1257,
            _ => return None,
        };
        CodePage::of_number(number)
    }

    /// The text, or none when a byte has no meaning in this page.
    pub fn decode(&self, bytes: &[u8]) -> Option<String> {
        if bytes.is_ascii() {
            return String::from_utf8(bytes.to_vec()).ok();
        }
        match self {
            CodePage::Known(encoding) => encoding.decode_without_bom_handling_and_without_replacement(bytes).map(|t| t.into_owned()),
            CodePage::Dos(_, high) => {
                let high: Vec<char> = high.chars().collect();
                bytes
                    .iter()
                    .map(|b| match b.checked_sub(128) {
                        None => Some(char::from(*b)),
                        Some(at) => high.get(usize::from(at)).copied().filter(|c| *c != '\u{fffd}'),
                    })
                    .collect()
            }
        }
    }
}

/// Number, name and upper half of the code pages of DOS, from the tables of the Unicode consortium
/// (VENDORS/MICSFT/PC). U+FFFD stands where a page has nothing.
const DOS: &[(u32, &str, &str)] = &[
    (
        437,
        "cp437",
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        737,
        "cp737",
        "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀ωάέήϊίόύϋώΆΈΉΊΌΎΏ±≥≤ΪΫ÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        775,
        "cp775",
        "ĆüéāäģåćłēŖŗīŹÄÅÉæÆōöĢ¢ŚśÖÜø£Ø×¤ĀĪóŻżź”¦©®¬½¼Ł«»░▒▓│┤ĄČĘĖ╣║╗╝ĮŠ┐└┴┬├─┼ŲŪ╚╔╩╦╠═╬Žąčęėįšųūž┘┌█▄▌▐▀ÓßŌŃõÕµńĶķĻļņĒŅ’\u{ad}±“¾¶§÷„°∙·¹³²■\u{a0}",
    ),
    (
        850,
        "cp850",
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    ),
    (
        852,
        "cp852",
        "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}",
    ),
    (
        857,
        "cp857",
        "ÇüéâäàåçêëèïîıÄÅÉæÆôöòûùİÖÜø£ØŞşáíóúñÑĞğ¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ºªÊËÈ\u{fffd}ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµ\u{fffd}×ÚÛÙìÿ¯´\u{ad}±\u{fffd}¾¶§÷¸°¨·¹³²■\u{a0}",
    ),
    (
        860,
        "cp860",
        "ÇüéâãàÁçêÊèÍÔìÃÂÉÀÈôõòÚùÌÕÜ¢£Ù₧ÓáíóúñÑªº¿Ò¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        861,
        "cp861",
        "ÇüéâäàåçêëèÐðÞÄÅÉæÆôöþûÝýÖÜø£Ø₧ƒáíóúÁÍÓÚ¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        862,
        "cp862",
        "אבגדהוזחטיךכלםמןנסעףפץצקרשת¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        863,
        "cp863",
        "ÇüéâÂà¶çêëèïî‗À§ÉÈÊôËÏûù¤ÔÜ¢£ÙÛƒ¦´óú¨¸³¯Î⌐¬½¼¾«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        865,
        "cp865",
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø₧ƒáíóúñÑªº¿⌐¬½¼¡«¤░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        869,
        "cp869",
        "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}Ά\u{fffd}·¬¦‘’Έ―ΉΊΪΌ\u{fffd}\u{fffd}ΎΫ©Ώ²³ά£έήίϊΐόύΑΒΓΔΕΖΗ½ΘΙ«»░▒▓│┤ΚΛΜΝ╣║╗╝ΞΟ┐└┴┬├─┼ΠΡ╚╔╩╦╠═╬ΣΤΥΦΧΨΩαβγ┘┌█▄δε▀ζηθικλμνξοπρσςτ΄\u{ad}±υφχ§ψ΅°¨ωϋΰώ■\u{a0}",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_the_labels_that_files_carry() {
        let name = |label: &str| CodePage::of_label(label).map(|p| p.name());
        assert_eq!(name("UTF-8\r\n"), Some("UTF-8"));
        assert_eq!(name("1252"), Some("windows-1252"));
        assert_eq!(name("ANSI 1251"), Some("windows-1251"));
        assert_eq!(name("88591"), Some("windows-1252"));
        assert_eq!(name("ISO-8859-2"), Some("ISO-8859-2"));
        assert_eq!(name("ISO 88592"), Some("ISO-8859-2"));
        assert_eq!(name("OEM 850"), Some("cp850"));
        assert_eq!(name("CP437"), Some("cp437"));
        assert_eq!(name("Big5"), Some("Big5"));
        assert_eq!(name("gb18030"), Some("gb18030"));
        assert_eq!(name("no such page"), None);
    }

    #[test]
    fn dos_pages_have_their_letters() {
        for (_, name, high) in DOS {
            assert_eq!(high.chars().count(), 128, "{name}");
        }
        assert_eq!(CodePage::of_number(850).unwrap().decode(b"Stra\xe1e M\x81hle").unwrap(), "Stra\u{df}e M\u{fc}hle");
        assert_eq!(CodePage::of_number(437).unwrap().decode(b"\x84\x94\x81\xe1").unwrap(), "\u{e4}\u{f6}\u{fc}\u{df}");
        assert_eq!(CodePage::UTF_8.decode(b"M\xfchle"), None);
    }
}
