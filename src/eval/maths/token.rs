//! The tokens that a text of mathematics is cut into.

use super::tree::{Fence, Function, Named, Relation};

/// The sign or word of a token.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// Digits, perhaps with a decimal point and an exponent of ten: mantissa, digits that repeat, exponent.
    Number { digits: String, repeating: String, exponent: i32 },
    /// A letter or a sign for one, such as `x` or `alpha`.
    Letter(String),
    /// Two letters or more that are written together and are not the name of anything.
    Word(String),
    /// What stood in `\text{}` and its like.
    Text(String),
    /// The name of a function.
    Name(Function),
    /// `\log` or `log`, with or without a base to follow.
    Log,
    /// A logarithm to the base ten.
    Lg,
    /// `exp`
    Exp,
    /// π
    Pi,
    /// ∞
    Infinity,
    /// A set with a sign of its own.
    Named(Named),
    /// `\frac`
    Frac,
    /// `\over`
    Over,
    /// `\binom`
    Binom,
    /// `\choose`
    Choose,
    /// A root: `sqrt`, and the degree where the word has it.
    Sqrt(u32),
    /// An ornament over one operand, such as `overline`.
    Ornament(String),
    /// `\begin{name}`
    Begin(String),
    /// `\end{name}`
    End(String),
    /// `\sum`, `\prod`, `\int`, `\lim`
    Binder(super::tree::Binder),
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// Multiplication.
    Times,
    /// Division.
    Divide,
    /// Remainder.
    Modulo,
    /// ± or ∓
    PlusMinus(bool),
    /// `^`
    Caret,
    /// `_`
    Underscore,
    /// A relation.
    Relation(Relation),
    /// `,` or `;`
    Comma,
    /// The word "and".
    And,
    /// The word "or".
    Or,
    /// `:`
    Colon,
    /// `!`
    Bang,
    /// `%`
    Percent,
    /// `°`
    Degree,
    /// `'`
    Prime,
    /// `|`
    Bar,
    /// `&`
    Ampersand,
    /// `\\`
    Row,
    /// `...`
    Ellipsis,
    /// ∪
    Cup,
    /// ∩
    Cap,
    /// `\setminus`
    Setminus,
    /// `(` or `[`
    Open(Fence),
    /// `)` or `]`
    Close(Fence),
    /// `{`
    OpenGroup,
    /// `}`
    CloseGroup,
    /// `\{`
    OpenSet,
    /// `\}`
    CloseSet,
    /// `\langle`
    OpenAngle,
    /// `\rangle`
    CloseAngle,
    /// `\lfloor`, `\lceil`
    OpenRound(Function),
    /// `\rfloor`, `\rceil`
    CloseRound(Function),
}

/// A sign and whether there was a space before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it is.
    pub sign: Sign,
    /// Whether blank space stood before it.
    pub spaced: bool,
}

/// The sign that a name stands for, whether after a backslash or as a plain word.
pub fn named(word: &str) -> Option<Sign> {
    use super::tree::Binder;
    Some(match word {
        "sin" => Sign::Name(Function::Sin),
        "cos" => Sign::Name(Function::Cos),
        "tan" | "tg" => Sign::Name(Function::Tan),
        "cot" | "ctg" => Sign::Name(Function::Cot),
        "sec" => Sign::Name(Function::Sec),
        "csc" | "cosec" => Sign::Name(Function::Csc),
        "arcsin" | "asin" => Sign::Name(Function::Asin),
        "arccos" | "acos" => Sign::Name(Function::Acos),
        "arctan" | "atan" | "arctg" => Sign::Name(Function::Atan),
        "sinh" => Sign::Name(Function::Sinh),
        "cosh" => Sign::Name(Function::Cosh),
        "tanh" => Sign::Name(Function::Tanh),
        "ln" => Sign::Name(Function::Ln),
        "log" => Sign::Log,
        "lg" => Sign::Lg,
        "exp" => Sign::Exp,
        "max" => Sign::Name(Function::Max),
        "min" => Sign::Name(Function::Min),
        "gcd" => Sign::Name(Function::Gcd),
        "lcm" => Sign::Name(Function::Lcm),
        "floor" => Sign::Name(Function::Floor),
        "ceil" => Sign::Name(Function::Ceil),
        "abs" => Sign::Name(Function::Abs),
        "sqrt" => Sign::Sqrt(2),
        "cbrt" => Sign::Sqrt(3),
        "pi" => Sign::Pi,
        "infty" | "infinity" | "inf" | "oo" | "Infinity" => Sign::Infinity,
        "and" => Sign::And,
        "or" => Sign::Or,
        "mod" | "bmod" => Sign::Modulo,
        "percent" => Sign::Percent,
        "degrees" | "degree" | "deg" => Sign::Degree,
        "sum" => Sign::Binder(Binder::Sum),
        "prod" => Sign::Binder(Binder::Product),
        "int" => Sign::Binder(Binder::Integral),
        "lim" => Sign::Binder(Binder::Limit),
        _ => return None,
    })
}

/// The sign that a command of LaTeX stands for, where it takes no part of its own text.
pub fn command(word: &str) -> Option<Sign> {
    Some(match word {
        "frac" | "dfrac" | "tfrac" | "cfrac" => Sign::Frac,
        "over" => Sign::Over,
        "binom" | "dbinom" | "tbinom" => Sign::Binom,
        "choose" => Sign::Choose,
        "cdot" | "times" | "ast" | "bullet" => Sign::Times,
        "div" => Sign::Divide,
        "pm" => Sign::PlusMinus(true),
        "mp" => Sign::PlusMinus(false),
        "le" | "leq" | "leqslant" | "leqq" => Sign::Relation(Relation::LessEqual),
        "ge" | "geq" | "geqslant" | "geqq" => Sign::Relation(Relation::GreaterEqual),
        "lt" => Sign::Relation(Relation::Less),
        "gt" => Sign::Relation(Relation::Greater),
        "ne" | "neq" => Sign::Relation(Relation::Unequal),
        "in" => Sign::Relation(Relation::Member),
        "approx" | "to" | "rightarrow" | "longrightarrow" | "Rightarrow" | "implies" | "Longrightarrow" | "equiv"
        | "sim" | "simeq" | "cong" | "thickapprox" => Sign::Relation(Relation::Equal),
        "cup" | "bigcup" => Sign::Cup,
        "cap" | "bigcap" => Sign::Cap,
        "setminus" | "backslash" => Sign::Setminus,
        "emptyset" | "varnothing" => Sign::Named(Named::Empty),
        "land" | "wedge" => Sign::And,
        "lor" | "vee" => Sign::Or,
        "ldots" | "dots" | "cdots" | "dotsc" | "dotsb" => Sign::Ellipsis,
        "prime" => Sign::Prime,
        "colon" => Sign::Colon,
        "circ" => Sign::Degree,
        "lfloor" => Sign::OpenRound(Function::Floor),
        "lceil" => Sign::OpenRound(Function::Ceil),
        "rfloor" => Sign::CloseRound(Function::Floor),
        "rceil" => Sign::CloseRound(Function::Ceil),
        "langle" => Sign::OpenAngle,
        "rangle" => Sign::CloseAngle,
        "lbrace" => Sign::OpenSet,
        "rbrace" => Sign::CloseSet,
        "lbrack" => Sign::Open(Fence::Square),
        "rbrack" => Sign::Close(Fence::Square),
        "lvert" | "rvert" | "vert" | "mid" => Sign::Bar,
        "overline" | "bar" | "vec" | "hat" | "widehat" | "tilde" | "overrightarrow" | "overleftrightarrow"
        | "underline" | "dot" | "ddot" | "overarc" | "overset" => Sign::Ornament(word.to_owned()),
        _ => return named(word),
    })
}

/// Whether a command of LaTeX only sets how things look or how large a bracket is.
pub fn is_ornamental(word: &str) -> bool {
    matches!(
        word,
        "left"
            | "right"
            | "middle"
            | "big"
            | "Big"
            | "bigg"
            | "Bigg"
            | "bigl"
            | "bigr"
            | "Bigl"
            | "Bigr"
            | "biggl"
            | "biggr"
            | "Biggl"
            | "Biggr"
            | "bigm"
            | "displaystyle"
            | "textstyle"
            | "scriptstyle"
            | "limits"
            | "nolimits"
            | "quad"
            | "qquad"
            | "space"
            | "thinspace"
            | "enspace"
            | "rm"
            | "bf"
            | "it"
            | "boldsymbol"
            | "boxed"
            | "fbox"
            | "hfill"
            | "hline"
            | "angle"
            | "triangle"
            | "therefore"
            | "because"
            | "nonumber"
            | "no"
            | "euro"
            | "pounds"
            | "cancel"
            | "bm"
            | "ensuremath"
    )
}

/// Whether a command of LaTeX takes words.
pub fn takes_words(word: &str) -> bool {
    matches!(
        word,
        "text"
            | "textbf"
            | "textit"
            | "textrm"
            | "textsf"
            | "texttt"
            | "textup"
            | "textnormal"
            | "mbox"
            | "hbox"
            | "mathrm"
            | "mathbf"
            | "mathit"
            | "mathsf"
            | "mathtt"
            | "mathcal"
            | "mathscr"
            | "mathfrak"
            | "operatorname"
            | "emph"
    )
}

/// Whether words are a unit that people write right behind a number without a space.
pub fn is_unit(word: &str) -> bool {
    matches!(
        word,
        "m" | "s"
            | "g"
            | "h"
            | "L"
            | "l"
            | "N"
            | "J"
            | "W"
            | "V"
            | "K"
            | "C"
            | "F"
            | "A"
            | "Hz"
            | "Pa"
            | "mol"
            | "cd"
            | "cm"
            | "mm"
            | "km"
            | "dm"
            | "nm"
            | "in"
            | "ft"
            | "yd"
            | "mi"
            | "kg"
            | "mg"
            | "lb"
            | "lbs"
            | "oz"
            | "ml"
            | "mL"
            | "dl"
            | "cl"
            | "gal"
            | "ms"
            | "ns"
            | "min"
            | "hr"
            | "hrs"
            | "sec"
            | "mph"
            | "kph"
            | "kmh"
            | "rad"
            | "kHz"
            | "MHz"
            | "GHz"
            | "kPa"
            | "atm"
            | "kJ"
            | "kW"
            | "kWh"
            | "eV"
            | "MeV"
            | "usd"
            | "USD"
            | "EUR"
            | "GB"
            | "MB"
            | "KB"
            | "TB"
            | "am"
            | "pm"
            | "st"
            | "nd"
            | "rd"
            | "th"
            | "dollars"
            | "dollar"
            | "cents"
            | "cent"
            | "euros"
            | "pounds"
            | "meters"
            | "meter"
            | "metres"
            | "metre"
            | "centimeters"
            | "centimeter"
            | "kilometers"
            | "kilometer"
            | "millimeters"
            | "millimeter"
            | "inches"
            | "inch"
            | "feet"
            | "foot"
            | "yards"
            | "yard"
            | "miles"
            | "mile"
            | "kilograms"
            | "kilogram"
            | "grams"
            | "gram"
            | "ounces"
            | "ounce"
            | "tons"
            | "ton"
            | "liters"
            | "liter"
            | "litres"
            | "litre"
            | "gallons"
            | "gallon"
            | "hours"
            | "hour"
            | "minutes"
            | "minute"
            | "seconds"
            | "second"
            | "days"
            | "day"
            | "weeks"
            | "week"
            | "months"
            | "month"
            | "years"
            | "year"
            | "units"
            | "unit"
            | "square"
            | "cubic"
            | "sq"
            | "cu"
            | "radians"
            | "people"
            | "students"
            | "times"
            | "ways"
    )
}
