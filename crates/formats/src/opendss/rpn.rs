//! Arithmetic in brackets: a reverse Polish calculator with a stack of ten registers.
//!
//! Angles are in degrees. OpenDSS converts them with pi rounded to eleven digits, which shows in
//! the fourteenth digit of a sine; the same constant is used here.

/// Pi as OpenDSS's degree conversion has it.
#[expect(clippy::approx_constant, reason = "OpenDSS's own constant, not a slip")]
const PI_ROUNDED: f64 = 3.141_592_653_59;
const DEGREES_PER_RADIAN: f64 = 180.0 / PI_ROUNDED;

/// The registers, X first. They keep their contents from one expression to the next, so that an
/// expression with too few operands takes what was there, as in OpenDSS.
#[derive(Debug, Clone, Default)]
pub struct Calculator {
    stack: [f64; 10],
}

impl Calculator {
    /// The result register.
    pub fn x(&self) -> f64 {
        self.stack[0]
    }

    pub fn enter(&mut self, number: f64) {
        self.roll_up();
        self.stack[0] = number;
    }

    /// Does an operation; false if there is none of that name.
    pub fn apply(&mut self, operation: &str) -> bool {
        let lower = operation.to_ascii_lowercase();
        let [x, y, ..] = self.stack;
        match lower.as_str() {
            "+" => self.binary(y + x),
            "-" => self.binary(y - x),
            "*" => self.binary(y * x),
            "/" => self.binary(y / x),
            "^" => self.binary(y.powf(x)),
            "atan2" => self.binary(y.atan2(x) * DEGREES_PER_RADIAN),
            "sqrt" => self.stack[0] = x.sqrt(),
            "sqr" => self.stack[0] = x * x,
            "sin" => self.stack[0] = (x / DEGREES_PER_RADIAN).sin(),
            "cos" => self.stack[0] = (x / DEGREES_PER_RADIAN).cos(),
            "tan" => self.stack[0] = (x / DEGREES_PER_RADIAN).tan(),
            "asin" => self.stack[0] = x.asin() * DEGREES_PER_RADIAN,
            "acos" => self.stack[0] = x.acos() * DEGREES_PER_RADIAN,
            "atan" => self.stack[0] = x.atan() * DEGREES_PER_RADIAN,
            "ln" => self.stack[0] = x.ln(),
            "log10" => self.stack[0] = x.log10(),
            "exp" => self.stack[0] = x.exp(),
            "inv" => self.stack[0] = 1.0 / x,
            "pi" => self.enter(std::f64::consts::PI),
            "swap" => self.stack.swap(0, 1),
            "rollup" => self.roll_up(),
            "rolldn" => self.roll_down(),
            _ => return false,
        }
        true
    }

    fn binary(&mut self, result: f64) {
        self.roll_down();
        self.stack[0] = result;
    }

    /// Moves every register one up; X keeps its value.
    fn roll_up(&mut self) {
        self.stack.copy_within(0..9, 1);
    }

    /// Moves every register one down; the last keeps its value.
    fn roll_down(&mut self) {
        self.stack.copy_within(1..10, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are OpenDSS's own, to the digits it prints.
    #[test]
    fn expressions_give_what_opendss_gives() {
        let check = |expression: &str, expected: f64| {
            let mut calculator = Calculator::default();
            for word in expression.split(' ') {
                match word.parse() {
                    Ok(number) => calculator.enter(number),
                    Err(_) => assert!(calculator.apply(word), "{word}"),
                }
            }
            let x = calculator.x();
            assert!((x - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{expression}: {x}");
        };
        check("1 2 +", 3.0);
        check("8 2 -", 6.0);
        check("8 2 /", 4.0);
        check("8 2 ^", 64.0);
        check("8 2 swap -", -6.0);
        check("1 2 3 4 rollup", 4.0);
        check("1 2 3 4 rolldn", 3.0);
        check("1 2 3 4 5 6 + + + + +", 21.0);
        check("30 sin", 0.500_000_000_000_03 - 2e-16);
        check("0.5 asin", 29.999_999_999_998);
        check("0.5 acos", 59.999_999_999_996);
        check("1 atan", 44.999_999_999_997);
        check("3 4 atan2", 36.869_897_645_841_6);
        check("100 log10", 2.0);
        check("2 pi * sin", 0.109_442_606_906_327);
    }

    #[test]
    fn an_unknown_word_is_no_operation() {
        assert!(!Calculator::default().apply("sinh"));
    }
}
