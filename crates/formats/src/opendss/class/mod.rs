//! The classes of OpenDSS and their properties, as tables.
//!
//! Every class of DSS C-API 0.14.5 is here with every property, in that engine's order. The order
//! carries meaning: a value without a name belongs to the property after the last one set, and an
//! abbreviated name means the first property that begins with it. [`Kind`] says how the text of a
//! value is read, [`Usage`] what becomes of it.
//!
//! Each class is a module with an enum `Property` (one variant a property) and its table `DEF`, so
//! that code which interprets a class can match on names and the compiler checks that none is missed:
//!
//! ```
//! use formats::opendss::class::{ClassId, delivery::line};
//! assert_eq!(line::DEF.properties[line::Property::Bus1 as usize].name, "Bus1");
//! assert_eq!(ClassId::find("LINE"), Some(ClassId::Line));
//! assert_eq!(line::DEF.find("len"), Some(line::Property::Length as u16));
//! ```

pub mod control;
pub mod conversion;
pub mod delivery;
pub mod enums;
pub mod general;
pub mod meter;
mod reasons;

/// One class of objects and its properties.
#[derive(Debug)]
pub struct ClassDef {
    pub id: ClassId,
    pub name: &'static str,
    pub group: Group,
    /// In OpenDSS's order; the position is the property's number.
    pub properties: &'static [PropertyDef],
}

/// What objects of a class are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Data that elements refer to; not connected to the circuit.
    General,
    /// Power delivery: between buses, part of the admittance matrix.
    Delivery,
    /// Power conversion: sources and what draws or injects at its terminals.
    Conversion,
    Control,
    Meter,
}

/// One property of a class.
#[derive(Debug)]
pub struct PropertyDef {
    pub name: &'static str,
    pub kind: Kind,
    pub usage: Usage,
}

/// How the text of a value is read.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Real(Range),
    Integer(Range),
    /// Seconds, optionally written with a unit letter `s`, `m` or `h`.
    Seconds,
    Boolean,
    /// Does something when set to a true value.
    BooleanAction,
    Text,
    Enum(&'static EnumDef),
    /// A number that must be one of the set's values.
    IntegerEnum(&'static EnumDef),
    /// Does something when set.
    Action(&'static EnumDef),
    /// Numbers, also `(file=…)`, `(dblfile=…)` and `(sngfile=…)`.
    Reals,
    /// Numbers up to the first row mark; no files.
    Vector,
    /// Numbers for consecutive windings; an omitted one leaves what is there.
    Slots,
    Integers,
    /// Words of a set for consecutive windings or phases; an omitted one leaves what is there.
    Enums(&'static EnumDef),
    Texts,
    Bus,
    Buses,
    Complex,
    /// Rows of numbers, the lower triangle suffices.
    Matrix,
    /// Name of an object of a class.
    Object(ClassId),
    /// Names of objects of a class.
    Objects(ClassId),
    /// Name of a circuit element, `class.name`.
    Element,
    /// Name of a transformer or autotransformer, with or without its class.
    Regulated,
    /// A file of numbers to be read now.
    DataFile,
    /// Copies what another object of the class was given.
    Like,
    /// An output; a value written to it is ignored.
    ReadOnly,
    /// Withdrawn; a value written to it is ignored.
    Deprecated,
}

/// Numbers that a property takes. Others are refused when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    Any,
    NonNegative,
    NonPositive,
    NonZero,
    Positive,
    AtLeastTwo,
    /// -1 to 1.
    PowerFactor,
}

/// What becomes of a property's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    Used,
    /// Read and not used; it cannot change a power flow because of the reason given.
    NotNeeded(&'static str),
    /// It would change the answer and is not supported.
    Refused(&'static str),
}

/// A set of words with their numbers.
#[derive(Debug)]
pub struct EnumDef {
    pub name: &'static str,
    pub words: &'static [(&'static str, i32)],
    /// A number is taken as it is, besides the words.
    pub or_number: bool,
    /// An abbreviation that fits several words means the first, instead of being an error.
    pub first_match: bool,
    /// A text that begins with a word counts as the word.
    pub longer_allowed: bool,
}

impl ClassDef {
    /// Number of the property called `name`, letters in either case: the one with exactly this
    /// name, else the first that begins with it.
    pub fn find(&self, name: &str) -> Option<u16> {
        let exact = self.properties.iter().position(|p| p.name.eq_ignore_ascii_case(name));
        exact
            .or_else(|| {
                if name.is_empty() {
                    return None;
                }
                self.properties.iter().position(|p| starts_with_ignore_case(p.name, name))
            })
            .map(|i| i as u16)
    }
}

impl EnumDef {
    /// The first word of the number, for messages.
    pub fn word(&self, number: i32) -> Option<&'static str> {
        self.words.iter().find(|w| w.1 == number).map(|w| w.0)
    }
}

/// Whether `text` begins with `start`, letters in either case.
pub(crate) fn starts_with_ignore_case(text: &str, start: &str) -> bool {
    text.len() >= start.len() && text.as_bytes()[..start.len()].eq_ignore_ascii_case(start.as_bytes())
}

/// Defines, inside a class's module, its enum `Property` and its table `DEF`.
macro_rules! class_table {
    ($id:ident, $class:literal, $group:ident; $($variant:ident, $name:literal, $kind:expr, $usage:expr;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Property { $($variant),* }

        impl Property {
            /// All properties in OpenDSS's order.
            pub const ALL: &'static [Property] = &[$(Property::$variant),*];

            /// The property with a number, as an assignment names it.
            ///
            /// # Panics
            /// If the class has no property of that number.
            pub fn of(number: u16) -> Property {
                Self::ALL[number as usize]
            }
        }

        pub static DEF: ClassDef = ClassDef {
            id: ClassId::$id,
            name: $class,
            group: Group::$group,
            properties: &[$(PropertyDef { name: $name, kind: $kind, usage: $usage }),*],
        };
    };
}
use class_table;

/// The classes, in the order in which OpenDSS knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ClassId {
    LineCode,
    LoadShape,
    TShape,
    PriceShape,
    XyCurve,
    GrowthShape,
    TccCurve,
    Spectrum,
    WireData,
    CnData,
    TsData,
    LineSpacing,
    LineGeometry,
    XfmrCode,
    Line,
    Vsource,
    Isource,
    Vccs,
    Load,
    Transformer,
    RegControl,
    Capacitor,
    Reactor,
    CapControl,
    Fault,
    DynamicExp,
    Generator,
    GenDispatcher,
    Storage,
    StorageController,
    Relay,
    Recloser,
    Fuse,
    SwtControl,
    PvSystem,
    Upfc,
    UpfcControl,
    EspvlControl,
    IndMach012,
    GicSource,
    AutoTrans,
    InvControl,
    ExpControl,
    GicLine,
    GicTransformer,
    VsConverter,
    Monitor,
    EnergyMeter,
    Sensor,
}

/// All class tables; the position is the class's `ClassId`.
pub static CLASSES: [&ClassDef; ClassId::COUNT] = [
    &general::line_code::DEF,
    &general::load_shape::DEF,
    &general::t_shape::DEF,
    &general::price_shape::DEF,
    &general::xy_curve::DEF,
    &general::growth_shape::DEF,
    &general::tcc_curve::DEF,
    &general::spectrum::DEF,
    &general::wire_data::DEF,
    &general::cn_data::DEF,
    &general::ts_data::DEF,
    &general::line_spacing::DEF,
    &general::line_geometry::DEF,
    &general::xfmr_code::DEF,
    &delivery::line::DEF,
    &conversion::vsource::DEF,
    &conversion::isource::DEF,
    &conversion::vccs::DEF,
    &conversion::load::DEF,
    &delivery::transformer::DEF,
    &control::reg_control::DEF,
    &delivery::capacitor::DEF,
    &delivery::reactor::DEF,
    &control::cap_control::DEF,
    &delivery::fault::DEF,
    &general::dynamic_exp::DEF,
    &conversion::generator::DEF,
    &control::gen_dispatcher::DEF,
    &conversion::storage::DEF,
    &control::storage_controller::DEF,
    &control::relay::DEF,
    &control::recloser::DEF,
    &control::fuse::DEF,
    &control::swt_control::DEF,
    &conversion::pv_system::DEF,
    &conversion::upfc::DEF,
    &control::upfc_control::DEF,
    &control::espvl_control::DEF,
    &conversion::ind_mach_012::DEF,
    &conversion::gic_source::DEF,
    &delivery::auto_trans::DEF,
    &control::inv_control::DEF,
    &control::exp_control::DEF,
    &conversion::gic_line::DEF,
    &delivery::gic_transformer::DEF,
    &conversion::vs_converter::DEF,
    &meter::monitor::DEF,
    &meter::energy_meter::DEF,
    &meter::sensor::DEF,
];

impl ClassId {
    pub const COUNT: usize = ClassId::Sensor as usize + 1;

    /// The class called `name`, letters in either case. OpenDSS takes no abbreviations here.
    pub fn find(name: &str) -> Option<ClassId> {
        CLASSES.iter().find(|c| c.name.eq_ignore_ascii_case(name)).map(|c| c.id)
    }

    pub fn def(self) -> &'static ClassDef {
        CLASSES[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.def().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_the_order_of_their_numbers() {
        for (i, class) in CLASSES.iter().enumerate() {
            assert_eq!(class.id as usize, i, "{}", class.name);
            assert!(matches!(class.properties.last().unwrap().kind, Kind::Like), "{}", class.name);
        }
    }

    #[test]
    fn an_exact_name_wins_over_an_earlier_one_that_begins_with_it() {
        // "R" begins no earlier property of Reactor, yet "X" would fit "XMatrix" first.
        let reactor = &delivery::reactor::DEF;
        assert_eq!(reactor.find("x"), Some(delivery::reactor::Property::X as u16));
        assert_eq!(reactor.find("xm"), Some(delivery::reactor::Property::XMatrix as u16));
        assert_eq!(reactor.find("nothing"), None);
        assert_eq!(reactor.find(""), None);
    }
}
