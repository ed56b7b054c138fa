//! Characters of Unicode and what they stand for in plain ASCII or LaTeX.

/// First characters of the ten decimal digits of scripts that replies are written in.
const ZEROS: [char; 20] = [
    '\u{0660}', '\u{06F0}', '\u{07C0}', '\u{0966}', '\u{09E6}', '\u{0A66}', '\u{0AE6}', '\u{0B66}', '\u{0BE6}',
    '\u{0C66}', '\u{0CE6}', '\u{0D66}', '\u{0E50}', '\u{0ED0}', '\u{0F20}', '\u{1040}', '\u{17E0}', '\u{1810}',
    '\u{19D0}', '\u{FF10}',
];

/// The digit a character stands for in any common script.
pub fn digit(letter: char) -> Option<u32> {
    if letter.is_ascii() {
        return letter.to_digit(10);
    }
    let code = u32::from(letter);
    ZEROS.iter().map(|zero| code.wrapping_sub(u32::from(*zero))).find(|distance| *distance < 10)
}

fn raised(letter: char) -> Option<char> {
    Some(match letter {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴' => '4',
        '⁵' => '5',
        '⁶' => '6',
        '⁷' => '7',
        '⁸' => '8',
        '⁹' => '9',
        '⁺' => '+',
        '⁻' => '-',
        'ⁿ' => 'n',
        _ => return None,
    })
}

fn lowered(letter: char) -> Option<char> {
    char::from_digit(u32::from(letter).wrapping_sub(u32::from('₀')).min(10), 10)
}

fn spelled(letter: char) -> Option<&'static str> {
    Some(match letter {
        '−' | '–' | '—' | '‐' | '‑' | '‒' | '﹣' | '－' => "-",
        '＋' => "+",
        '×' | '✕' | '⨯' | '·' | '⋅' | '∙' | '•' | '＊' | '∗' => "*",
        '÷' | '／' | '⁄' | '∕' => "/",
        '＝' => "=",
        '≤' | '⩽' | '≦' => "\\le ",
        '≥' | '⩾' | '≧' => "\\ge ",
        '＜' => "<",
        '＞' => ">",
        '≠' => "\\ne ",
        '≈' | '≅' | '≃' | '∼' => "\\approx ",
        '±' => "\\pm ",
        '∓' => "\\mp ",
        '√' => "\\sqrt ",
        '∛' => "\\sqrt[3]",
        '∜' => "\\sqrt[4]",
        '∞' => "\\infty ",
        '∪' => "\\cup ",
        '∩' => "\\cap ",
        '∈' => "\\in ",
        '∅' | '⌀' => "\\emptyset ",
        '∖' => "\\setminus ",
        '→' | '⟶' => "\\to ",
        '⇒' | '⟹' => "\\Rightarrow ",
        '°' | '˚' | 'º' => "\\degree ",
        '∠' => "\\angle ",
        '△' => "\\triangle ",
        '⌊' => "\\lfloor ",
        '⌋' => "\\rfloor ",
        '⌈' => "\\lceil ",
        '⌉' => "\\rceil ",
        '⟨' | '〈' => "\\langle ",
        '⟩' | '〉' => "\\rangle ",
        '…' | '⋯' => "\\ldots ",
        'ℝ' => "\\mathbb{R}",
        'ℕ' => "\\mathbb{N}",
        'ℤ' => "\\mathbb{Z}",
        'ℚ' => "\\mathbb{Q}",
        'ℂ' => "\\mathbb{C}",
        '∫' => "\\int ",
        '∑' => "\\sum ",
        '∏' => "\\prod ",
        'π' | '𝜋' => "\\pi ",
        'θ' => "\\theta ",
        'φ' => "\\phi ",
        'ϕ' => "\\varphi ",
        'α' => "\\alpha ",
        'β' => "\\beta ",
        'γ' => "\\gamma ",
        'δ' => "\\delta ",
        'λ' => "\\lambda ",
        'μ' => "\\mu ",
        'ω' => "\\omega ",
        'σ' => "\\sigma ",
        'ρ' => "\\rho ",
        'τ' => "\\tau ",
        'ε' => "\\epsilon ",
        '½' => " 1/2 ",
        '⅓' => " 1/3 ",
        '⅔' => " 2/3 ",
        '¼' => " 1/4 ",
        '¾' => " 3/4 ",
        '⅕' => " 1/5 ",
        '⅖' => " 2/5 ",
        '⅗' => " 3/5 ",
        '⅘' => " 4/5 ",
        '⅙' => " 1/6 ",
        '⅚' => " 5/6 ",
        '⅛' => " 1/8 ",
        '⅜' => " 3/8 ",
        '⅝' => " 5/8 ",
        '⅞' => " 7/8 ",
        '％' => "%",
        '（' => "(",
        '）' => ")",
        '［' | '【' => "[",
        '］' | '】' => "]",
        '｛' => "{",
        '｝' => "}",
        '，' | '、' => ", ",
        '；' => "; ",
        '：' => ":",
        '。' => ". ",
        '！' => "!",
        '′' | '’' | '‘' => "'",
        '“' | '”' | '「' | '」' => "\"",
        '€' | '£' | '¥' | '₹' | '₽' | '₩' | '￥' | '＄' => "\\$",
        '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}' => "",
        _ => return None,
    })
}

/// The text in ASCII and LaTeX as far as characters have such a spelling: digits of any script, superscripts,
/// subscripts, signs, letters of Greek, fractions.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii() {
            out.push(letter);
        } else if let Some(first) = raised(letter) {
            out.push_str("^{");
            out.push(first);
            while let Some(next) = letters.peek().copied().and_then(raised) {
                out.push(next);
                letters.next();
            }
            out.push('}');
        } else if let Some(first) = lowered(letter) {
            out.push_str("_{");
            out.push(first);
            while let Some(next) = letters.peek().copied().and_then(lowered) {
                out.push(next);
                letters.next();
            }
            out.push('}');
        } else if let Some(number) = digit(letter).and_then(|digit| char::from_digit(digit, 10)) {
            out.push(number);
        } else if let Some(text) = spelled(letter) {
            out.push_str(text);
        } else if letter.is_whitespace() {
            out.push(' ');
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_unicode_have_a_plain_spelling() {
        assert_eq!(plain("−５ x² √3 a₁₀"), "-5 x^{2} \\sqrt 3 a_{10}");
        assert_eq!(plain("٥৭"), "57");
        assert_eq!(plain("½"), " 1/2 ");
        assert_eq!(plain("中文"), "中文");
    }
}
