//! The program: parses, calls the library, maps the outcome to an exit number.

fn main() {}
