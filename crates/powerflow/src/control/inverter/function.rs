//! What an inverter control does.

use crate::pc::{InverterState, VarMode};
use network::{ElementKind, InverterCombination, InverterMode};

/// A function or a pair of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    None,
    VoltVar,
    VoltWatt,
    DynamicReactiveCurrent,
    WattPowerFactor,
    WattVar,
    VoltageRegulation,
    VoltVarVoltWatt,
    VoltVarDynamicReactiveCurrent,
}

impl Function {
    /// A combination comes before a mode; `None` for grid forming.
    pub fn of(mode: InverterMode, combination: InverterCombination) -> Option<Self> {
        Some(match (combination, mode) {
            (InverterCombination::VoltVarVoltWatt, _) => Self::VoltVarVoltWatt,
            (InverterCombination::VoltVarDynamicReactiveCurrent, _) => Self::VoltVarDynamicReactiveCurrent,
            (InverterCombination::None, mode) => match mode {
                InverterMode::None => Self::None,
                InverterMode::VoltVar => Self::VoltVar,
                InverterMode::VoltWatt => Self::VoltWatt,
                InverterMode::DynamicReactiveCurrent => Self::DynamicReactiveCurrent,
                InverterMode::WattPowerFactor => Self::WattPowerFactor,
                InverterMode::WattVar => Self::WattVar,
                InverterMode::ActiveVoltageRegulation => Self::VoltageRegulation,
                InverterMode::GridForming => return None,
            },
        })
    }

    pub fn uses_volt_var(self) -> bool {
        matches!(self, Self::VoltVar | Self::VoltVarVoltWatt | Self::VoltVarDynamicReactiveCurrent)
    }

    pub fn uses_volt_watt(self) -> bool {
        matches!(self, Self::VoltWatt | Self::VoltVarVoltWatt)
    }

    pub fn uses_dynamic_current(self) -> bool {
        matches!(self, Self::DynamicReactiveCurrent | Self::VoltVarDynamicReactiveCurrent)
    }

    pub fn sets_vars(self) -> bool {
        !matches!(self, Self::None | Self::VoltWatt)
    }

    /// Tells the inverter which functions it is under. Sampling marks it already; acting also ends volt-watt of another control and has the
    /// vars follow the request in kvar.
    pub fn flag(self, inverter: &mut InverterState, kind: ElementKind, acting: bool) {
        if acting && self.sets_vars() {
            inverter.volt_watt = false;
            inverter.var_mode = VarMode::Kvar;
        }
        inverter.volt_watt |= self.uses_volt_watt();
        inverter.volt_var |= self.uses_volt_var();
        inverter.dynamic_reactive_current |= self.uses_dynamic_current();
        inverter.watt_pf_mode |= self == Self::WattPowerFactor;
        inverter.watt_var |= self == Self::WattVar;
        if self == Self::VoltageRegulation {
            // Sampling calls it volt-var in storage.
            if acting || kind == ElementKind::PvSystem {
                inverter.active_voltage_regulation = true;
            } else {
                inverter.volt_var = true;
            }
        }
    }
}
