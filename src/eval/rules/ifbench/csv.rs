//! Rows of separated fields as Python's `csv.reader` takes them.

/// The rows of a text. Quotes hold separators and line ends where they begin a field, two of them in quotes are one, and
/// an empty line is a row without fields.
pub(super) fn rows(text: &str, separator: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    // Whether anything of the row was seen, and whether its field is quoted.
    let (mut is_begun, mut is_quoted) = (false, false);
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' if is_quoted => {
                if letters.next_if_eq(&'"').is_some() {
                    field.push('"');
                } else {
                    is_quoted = false;
                }
            }
            _ if is_quoted => field.push(c),
            '"' if field.is_empty() => (is_begun, is_quoted) = (true, true),
            _ if c == separator => {
                row.push(std::mem::take(&mut field));
                is_begun = true;
            }
            '\r' | '\n' => {
                if c == '\r' {
                    letters.next_if_eq(&'\n');
                }
                if is_begun {
                    row.push(std::mem::take(&mut field));
                }
                rows.push(std::mem::take(&mut row));
                is_begun = false;
            }
            _ => {
                field.push(c);
                is_begun = true;
            }
        }
    }
    if is_begun {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_rows() {
        assert_eq!(rows("a,b\n\"c,\n\"\"d\"\"\",e", ','), [vec!["a", "b"], vec!["c,\n\"d\"", "e"]]);
        assert_eq!(rows("a,\n\nb", ','), [vec!["a", ""], vec![], vec!["b"]]);
        assert_eq!(rows("", ','), Vec::<Vec<String>>::new());
        assert_eq!(rows("a\"b\tc\r\n", '\t'), [vec!["a\"b", "c"]]);
    }
}
