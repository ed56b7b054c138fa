//! Any two texts give an answer: properties, and texts made to be slow or deep.

use proptest::prelude::*;

use super::{Verdict, answer, equal, judge};

/// Pieces that texts of mathematics are made of.
const PIECES: [&str; 72] = [
    "0",
    "1",
    "2",
    "7",
    "12",
    "0.5",
    "3.14",
    ".25",
    "1,234",
    "x",
    "y",
    "n",
    "e",
    "i",
    "\\pi",
    "\\alpha",
    "+",
    "-",
    "*",
    "/",
    "^",
    "_",
    "=",
    "<",
    "\\le ",
    "\\ne ",
    "\\in ",
    "\\pm ",
    ",",
    ";",
    ":",
    "!",
    "%",
    "\\%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\\{",
    "\\}",
    "|",
    "\\frac",
    "\\sqrt",
    "\\sqrt[3]",
    "\\sin ",
    "\\log_",
    "\\ln ",
    "\\binom",
    "\\cup ",
    "\\cap ",
    "\\setminus ",
    "\\infty",
    "\\mathbb{R}",
    "\\text{cm}",
    "\\text{ or }",
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "&",
    "\\\\",
    "\\sum_{k=1}^",
    "\\int_0^1 ",
    "dx",
    "\\lim_{x\\to 0}",
    "\\boxed{",
    "$",
    "\\left",
    "^\\circ",
    " ",
    "The answer is ",
    "and",
];

fn mathematics() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..14).prop_map(|pieces| pieces.concat())
}

/// Well-formed formulas of one letter.
fn formula() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (1..30i32).prop_map(|number| number.to_string()),
        Just("x".to_owned()),
        Just("\\pi".to_owned()),
        (2..12i32).prop_map(|number| format!("\\sqrt{{{number}}}")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} \\cdot {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            inner.prop_map(|a| format!("\\left(-{a}\\right)^2")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_judged(gold in ".{0,60}", reply in ".{0,60}") {
        let _ = judge(&gold, &reply);
    }

    #[test]
    fn the_order_of_two_answers_does_not_matter(left in mathematics(), right in mathematics()) {
        let forth = equal(&left, &right) == Verdict::Equal;
        let back = equal(&right, &left) == Verdict::Equal;
        prop_assert_eq!(forth, back);
        let _ = answer(&left);
    }

    #[test]
    fn an_answer_equals_itself(text in mathematics()) {
        prop_assume!(text.chars().any(char::is_alphanumeric));
        let verdict = equal(&text, &text);
        prop_assert!(matches!(verdict, Verdict::Equal | Verdict::NoReference), "{:?}", verdict);
    }

    #[test]
    fn a_formula_is_itself_written_otherwise(left in formula(), right in formula()) {
        let sum = equal(&format!("{left} + {right}"), &format!("{right} + {left}"));
        prop_assert_eq!(sum, Verdict::Equal);
        let quotient = equal(&format!("\\frac{{{left}}}{{2}} + {right}"), &format!("\\frac{{{left} + 2({right})}}{{2}}"));
        prop_assert_eq!(quotient, Verdict::Equal);
        let more = equal(&left, &format!("{left} + 1"));
        prop_assert_eq!(more, Verdict::Different);
    }

    #[test]
    fn a_boxed_formula_is_the_answer(text in formula()) {
        let reply = format!("First $x$, then 17 more. So it is $\\boxed{{{text}}}$, by step 3.");
        prop_assert_eq!(judge(&text, &reply).1, Verdict::Equal);
    }
}

#[test]
fn hostile_texts_are_answered() {
    let texts = [
        "{".repeat(100_000),
        "}".repeat(100_000),
        "\\boxed{".repeat(20_000),
        "\\boxed{1}".repeat(20_000),
        "$".repeat(100_000),
        "\\(".repeat(50_000),
        "$1$ ".repeat(25_000),
        "(".repeat(11_000),
        "\\frac{".repeat(1_900),
        "\\sqrt".repeat(2_300),
        "\\text{".repeat(1_900),
        "-".repeat(11_000),
        "x^".repeat(3_000),
        "|".repeat(11_000),
        "9".repeat(11_000),
        format!("1{}", "0,000".repeat(2_000)),
        "1/".repeat(1_900) + "7",
        "(x+y+z+w)^{64}".to_owned(),
        "(x+y+z+w+v)^{20}(a+b+c+d)^{20}".to_owned(),
        "((((x+1)^{60}+1)^{60}+1)^{60}+1)^{60}".to_owned(),
        "9^{9^{9^{9^9}}}".to_owned(),
        "2^{60000}+".repeat(300) + "1",
        "\\sum_{k=1}^{1999} \\sum_{j=1}^{1999} \\sum_{m=1}^{1999} \\frac{1}{k+j+m}".to_owned(),
        "\\int_0^1 \\int_0^1 \\int_0^1 \\int_0^1 x dx dx dx dx".to_owned(),
        "\\sum_{k=1}^{1999} \\sqrt{k}".to_owned(),
        "1e999999999".to_owned(),
        "99999999999!".to_owned(),
        "\\binom{1000000}{500000}".to_owned(),
        "\\log_{1.0000001} 2^{60000}".to_owned(),
        "\\pm 1 \\pm 2 \\pm 3 \\pm 4 \\pm 5 \\pm 6".to_owned(),
        "1,2,3,".repeat(600),
        "\\sqrt{170141183460469231731687303715884105727}".to_owned(),
        "The answer is ".repeat(10_000),
        "#### ".repeat(20_000),
        "1 ".repeat(50_000),
        "1+".repeat(50_000),
        "\\begin{pmatrix}".repeat(700),
        "[[".repeat(3_000),
        "1\\frac{".repeat(1_500),
        format!("{}1{}", "1\\frac{".repeat(16), "}{2}".repeat(16)),
        format!("{}1{}", "\\lim_{x\\to ".repeat(16), "}x".repeat(16)),
        format!("{}5{}", "(".repeat(20), " cm)".repeat(20)),
        format!("5{}", "!".repeat(3_000)),
        format!("5{}", "%".repeat(3_000)),
        format!("x{}", "'".repeat(3_000)),
        format!("5{}", "\\bmod 7".repeat(1_000)),
        format!("5{}", " apples/7".repeat(900)),
        format!("{}7{}", "(1/".repeat(20), ")!".repeat(20)),
    ];
    for text in &texts {
        let _ = judge(text, text);
        let _ = judge(&format!("{text}+1"), text);
        let _ = judge(&format!("\\boxed{{{text}}}"), &format!("x {text}"));
    }
}
