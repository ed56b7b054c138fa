//! What is an expression of Python and what is not.

use super::*;

#[test]
fn what_python_reads_is_read() {
    for source in [
        "f(a=1,)",
        "f(*a, b=1, *c, **d)",
        "f(x for x in y if z)",
        "[x for x, *y in z]",
        "{1, 2}",
        "{**a, 'b': 1}",
        "lambda x, *y, z=1, **w: 0",
        "lambda *, a: a",
        "a if b else c",
        "not a in b is not c",
        "x[::2, 1]",
        "x[a:=1]",
        "(a := 1)",
        "1,",
        "a @ b ** -c",
        "await f(1)",
        "f(a == 1)",
        "()",
        "...",
        "f'{x}' 'y'",
        "a\n\n",
        "{a: b for a in c}",
        "{a for a in b}",
        "(*a, b)",
        "f(a:=1)",
        "x[1:]",
        "x[:]",
        "x[*a]",
    ] {
        assert!(parse(source).is_ok(), "{source}");
    }
}

#[test]
fn what_python_refuses_is_refused() {
    for source in [
        "",
        "f(",
        "f(a=1, 2)",
        "f(**a, *b)",
        "f(from=1)",
        "f(a.b=1)",
        "f(True=1)",
        "a b",
        "a = 1",
        "(*a)",
        "f(,)",
        "[,]",
        "[1,,2]",
        "{1: 2, 3}",
        "x[]",
        "a.for",
        "f(x for x in y, 1)",
        "f(1, x for x in y)",
        "'a' b'c'",
        "a;b",
        "a\nb",
        "1 +",
        "lambda",
        "if",
        "[1",
        "{1:}",
        "a not b",
        "x[1:2:3:4]",
        "[x for 1 in y]",
        "f(a b)",
        "class",
        "f(**)",
        "a ? b",
        "$a",
        "a if b",
    ] {
        assert!(parse(source).is_err(), "{source}");
    }
}

#[test]
fn any_depth_ends() {
    for source in [
        "(".repeat(100_000),
        "-".repeat(100_000) + "1",
        "not ".repeat(100_000) + "1",
        "a".to_owned() + &".b".repeat(100_000),
        "1".to_owned() + &"+1".repeat(100_000),
        "1".to_owned() + &"**1".repeat(100_000),
        "f(".repeat(100_000),
        "lambda: ".repeat(100_000),
        "a if b else ".repeat(100_000),
        "x".to_owned() + &"[0]".repeat(100_000),
    ] {
        assert!(parse(&source).is_err());
    }
    assert!(parse(&("[".repeat(60) + &"]".repeat(60))).is_ok());
}
