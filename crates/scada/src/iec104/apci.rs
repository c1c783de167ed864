//! Frames: `68 length control…`.

/// Octets after the length: the four of the control field, and the telegram.
pub const MAX_LENGTH: usize = 253;
const START: u8 = 0x68;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    StartAct,
    StartCon,
    StopAct,
    StopCon,
    TestAct,
    TestCon,
}

impl Control {
    const OCTETS: [(u8, Self); 6] = [
        (0x07, Self::StartAct),
        (0x0B, Self::StartCon),
        (0x13, Self::StopAct),
        (0x23, Self::StopCon),
        (0x43, Self::TestAct),
        (0x83, Self::TestCon),
    ];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A telegram with its number and the number of the next one expected; both below 32768.
    Information {
        sent: u16,
        received: u16,
        asdu: Vec<u8>,
    },
    Supervisory {
        received: u16,
    },
    Unnumbered(Control),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("a frame begins with {0:#04x} in place of 0x68")]
    Start(u8),
    #[error("a frame is {0} octets long, which is not within 4 to 253")]
    Length(u8),
    #[error("the control field {0:#04x} {1:#04x} {2:#04x} {3:#04x} is that of no frame")]
    Control(u8, u8, u8, u8),
}

/// The first frame in `octets` and how many octets it takes; `None` when it is not all there yet.
///
/// # Errors
/// What can be no frame, however much follows.
pub fn decode(octets: &[u8]) -> Result<Option<(Frame, usize)>, FrameFault> {
    match octets.first() {
        None => return Ok(None),
        Some(&START) => {}
        Some(&other) => return Err(FrameFault::Start(other)),
    }
    let Some(&length) = octets.get(1) else { return Ok(None) };
    if !(4..=MAX_LENGTH).contains(&usize::from(length)) {
        return Err(FrameFault::Length(length));
    }
    let end = 2 + usize::from(length);
    let Some(&[a, b, c, d, ref asdu @ ..]) = octets.get(2..end) else { return Ok(None) };
    let number = |low: u8, high: u8| u16::from(low >> 1) | u16::from(high) << 7;
    let fault = FrameFault::Control(a, b, c, d);
    let frame = if a & 1 == 0 {
        if c & 1 != 0 || asdu.is_empty() {
            return Err(fault);
        }
        Frame::Information { sent: number(a, b), received: number(c, d), asdu: asdu.to_vec() }
    } else if !asdu.is_empty() || c & 1 != 0 {
        return Err(fault);
    } else if a == 1 && b == 0 {
        Frame::Supervisory { received: number(c, d) }
    } else {
        match Control::OCTETS.iter().find(|(o, _)| *o == a) {
            Some((_, control)) if (b, c, d) == (0, 0, 0) => Frame::Unnumbered(*control),
            _ => return Err(fault),
        }
    };
    Ok(Some((frame, end)))
}

/// Appends a frame. A telegram that is longer than a frame can hold is a fault of the caller, and left out.
pub fn encode(frame: &Frame, out: &mut Vec<u8>) {
    let split = |n: u16| [(n << 1) as u8, (n >> 7) as u8];
    match frame {
        Frame::Information { sent, received, asdu } => {
            debug_assert!(!asdu.is_empty() && asdu.len() + 4 <= MAX_LENGTH);
            let ([a, b], [c, d]) = (split(*sent), split(*received));
            out.extend([START, (asdu.len() + 4) as u8, a, b, c, d]);
            out.extend(asdu);
        }
        Frame::Supervisory { received } => {
            let [c, d] = split(*received);
            out.extend([START, 4, 1, 0, c, d]);
        }
        Frame::Unnumbered(control) => {
            let octet = Control::OCTETS.iter().find(|(_, c)| c == control).map_or(0, |(o, _)| *o);
            out.extend([START, 4, octet, 0, 0, 0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_frames_of_the_standard() {
        let one = |octets: &[u8]| decode(octets).unwrap().unwrap();
        assert_eq!(one(&[0x68, 4, 0x07, 0, 0, 0]), (Frame::Unnumbered(Control::StartAct), 6));
        assert_eq!(one(&[0x68, 4, 0x01, 0, 0x02, 0]), (Frame::Supervisory { received: 1 }, 6));
        let information = [0x68, 5, 0xFE, 0xFF, 0x02, 0x01, 9, 0x68];
        assert_eq!(one(&information), (Frame::Information { sent: 32_767, received: 129, asdu: vec![9] }, 7));
        assert_eq!(decode(&[0x68, 14, 0, 0]), Ok(None));
        assert_eq!(decode(&[0x16]), Err(FrameFault::Start(0x16)));
        assert_eq!(decode(&[0x68, 3]), Err(FrameFault::Length(3)));
        assert_eq!(decode(&[0x68, 254]), Err(FrameFault::Length(254)));
        assert!(matches!(decode(&[0x68, 4, 0x47, 0, 0, 0]), Err(FrameFault::Control(..))));
        assert!(matches!(decode(&[0x68, 4, 0, 0, 0, 0]), Err(FrameFault::Control(..))), "a telegram of nothing");
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_alike(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut with_start = octets.clone();
            if let Some(first) = with_start.first_mut() {
                *first = START;
            }
            for text in [&octets, &with_start] {
                if let Ok(Some((frame, used))) = decode(text) {
                    let mut out = Vec::new();
                    encode(&frame, &mut out);
                    prop_assert_eq!(&out[..], &text[..used]);
                }
            }
        }
    }
}
