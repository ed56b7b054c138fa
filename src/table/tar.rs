//! WebDataset: a tar archive in which the files of a row stand side by side, such as `0001.jpg` and `0001.txt`.
//!
//! A row has the ending of each file as a key, and `__key__` with what their names have in common, as Hugging Face's
//! library has it. Files that end in `txt` or `json` are text and JSON, all others bytes.

use std::io::{BufRead, Read};

use serde_json::Value;

use super::bytes::value_of;
use super::rows::{Row, Step};

/// Bytes of a header, and what contents are filled up to.
const BLOCK: usize = 512;
/// The longest file that is read into a row, and the longest name.
const LONGEST: u64 = 1 << 30;
const LONGEST_NAME: u64 = 1 << 16;
/// The key of what the names of a row have in common.
const KEY: &str = "__key__";

/// An archive that is read row by row.
pub(super) struct Tar {
    reader: Box<dyn BufRead + Send>,
    /// The row that is being put together.
    row: Option<(String, Row)>,
    ended: bool,
    /// Bytes of the archive that were read, for messages.
    at: u64,
}

/// A file of the archive.
struct Member {
    name: String,
    contents: Vec<u8>,
}

impl Tar {
    pub(super) fn new(reader: Box<dyn BufRead + Send>) -> Self {
        Tar { reader, row: None, ended: false, at: 0 }
    }

    pub(super) fn next(&mut self) -> Step {
        while !self.ended {
            let Some(Member { name, contents }) = self.member()? else {
                self.ended = true;
                break;
            };
            let Some((key, ending)) = split(&name) else { continue };
            let value = match ending.rsplit('.').next().unwrap_or_default() {
                "txt" | "text" | "cls" => {
                    String::from_utf8(contents).map(Value::String).map_err(|_| "not UTF-8".to_owned())
                }
                "json" => serde_json::from_slice(&contents).map_err(|error| format!("not JSON: {error}")),
                _ => Ok(value_of(&contents)),
            };
            let value = value.map_err(|why| format!("{name}: {why}"))?;
            let whole = match &mut self.row {
                Some((of, row)) if of == key => {
                    row.insert(ending.to_owned(), value);
                    continue;
                }
                row => row.take(),
            };
            let fields = [(KEY.to_owned(), Value::String(key.to_owned())), (ending.to_owned(), value)];
            self.row = Some((key.to_owned(), Row::from_iter(fields)));
            if let Some((_, whole)) = whole {
                return Ok(Some(whole));
            }
        }
        Ok(self.row.take().map(|(_, row)| row))
    }

    /// The next plain file; links, folders and devices are passed over.
    fn member(&mut self) -> Result<Option<Member>, String> {
        let mut long = None;
        loop {
            let mut head = [0; BLOCK];
            match self.fill(&mut head)? {
                0 => return Ok(None),
                BLOCK if head == [0; BLOCK] => return Ok(None),
                BLOCK => {}
                _ => return Err(self.broken("it ends inside a header")),
            }
            if !sound(&head) {
                return Err(self.broken("a header is damaged"));
            }
            let size = number(&head[124..136]).ok_or_else(|| self.broken("a size is no number"))?;
            match head[156] {
                b'0' | 0 => {
                    let name = long.unwrap_or_else(|| name(&head));
                    return Ok(Some(Member { name, contents: self.contents(size, LONGEST)? }));
                }
                b'L' => long = Some(text(&self.contents(size, LONGEST_NAME)?)),
                b'x' => long = path_of(&self.contents(size, LONGEST_NAME)?).or(long),
                _ => self.skip(size)?,
            }
        }
    }

    fn contents(&mut self, size: u64, most: u64) -> Result<Vec<u8>, String> {
        if size > most {
            return Err(self.broken(&format!("a file of {size} bytes is too large")));
        }
        let mut contents = Vec::new();
        let read = Read::by_ref(&mut self.reader).take(size).read_to_end(&mut contents);
        let read = read.map_err(|error| format!("cannot be read: {error}"))?;
        self.at += read as u64;
        if read as u64 != size {
            return Err(self.broken("it ends inside a file"));
        }
        let fill = (BLOCK - read % BLOCK) % BLOCK;
        self.fill(&mut [0; BLOCK][..fill])?;
        Ok(contents)
    }

    fn skip(&mut self, size: u64) -> Result<(), String> {
        let whole = size.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| self.broken("a size is out of range"))?;
        let skipped = std::io::copy(&mut Read::by_ref(&mut self.reader).take(whole), &mut std::io::sink());
        self.at += skipped.map_err(|error| format!("cannot be read: {error}"))?;
        Ok(())
    }

    /// Reads as much as there is.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("cannot be read: {error}")),
            }
        }
        self.at += filled as u64;
        Ok(filled)
    }

    fn broken(&self, why: &str) -> String {
        format!("byte {}: {why}", self.at)
    }
}

/// What names of a row have in common, and the ending that tells them apart. Names that begin with a dot are none of the
/// data's.
fn split(name: &str) -> Option<(&str, &str)> {
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = base + name[base..].find('.').filter(|dot| *dot > 0)?;
    Some((&name[..dot], &name[dot + 1..]))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn name(head: &[u8; BLOCK]) -> String {
    let (name, prefix) = (text(&head[..100]), text(&head[345..500]));
    if &head[257..262] == b"ustar" && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

/// The path in an extended header: lines of a length, a space, a name and a value.
fn path_of(bytes: &[u8]) -> Option<String> {
    let lines = std::str::from_utf8(bytes).ok()?.split('\n');
    lines.filter_map(|line| line.split_once(' ')?.1.strip_prefix("path=")).next_back().map(str::to_owned)
}

/// A number in octal, or in binary where its first bit says so.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field[1..].split_at(field.len() - 9);
        let low = low.try_into().ok().map(u64::from_be_bytes);
        return low.filter(|_| high.iter().all(|byte| *byte == 0));
    }
    let digits = text(field);
    let digits = digits.trim();
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

/// Whether the sum of a header is the one that stands in it.
fn sound(head: &[u8; BLOCK]) -> bool {
    let bytes = head.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    number(&head[148..156]) == Some(bytes.map(u64::from).sum())
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use serde_json::json;

    use super::*;

    fn put(archive: &mut Vec<u8>, kind: u8, name: &str, contents: &[u8]) {
        let mut head = [0; BLOCK];
        head[..name.len()].copy_from_slice(name.as_bytes());
        head[124..135].copy_from_slice(format!("{:011o}", contents.len()).as_bytes());
        head[156] = kind;
        head[257..262].copy_from_slice(b"ustar");
        head[148..156].fill(b' ');
        let sum: u64 = head.iter().map(|byte| u64::from(*byte)).sum();
        head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(head);
        archive.extend(contents);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }

    fn rows(archive: Vec<u8>) -> Result<Vec<Value>, String> {
        let mut tar = Tar::new(Box::new(BufReader::new(Cursor::new(archive))));
        std::iter::from_fn(|| tar.next().transpose()).map(|row| row.map(Value::Object)).collect()
    }

    fn sample() -> Vec<u8> {
        let mut archive = Vec::new();
        put(&mut archive, b'5', "s/", b"");
        put(&mut archive, b'0', "s/01.jpg", b"\xff\xd8");
        put(&mut archive, b'0', "s/01.txt", "ein Hund".as_bytes());
        put(&mut archive, b'x', "pax", b"20 path=s/02.x.json\n");
        put(&mut archive, 0, "short", b"{\"a\": 1}");
        put(&mut archive, b'L', "long", b"s/03.txt\0");
        put(&mut archive, b'0', "short", b"");
        archive.extend([0; 2 * BLOCK]);
        archive
    }

    #[test]
    fn files_that_stand_together_are_a_row() {
        let expected = [
            json!({"__key__": "s/01", "jpg": {"$bytes": "/9g="}, "txt": "ein Hund"}),
            json!({"__key__": "s/02", "x.json": {"a": 1}}),
            json!({"__key__": "s/03", "txt": ""}),
        ];
        assert_eq!(rows(sample()).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn damage_is_named() {
        let whole = sample();
        assert!(rows(whole[..BLOCK + 100].to_vec()).is_err_and(|why| why.ends_with("it ends inside a header")));
        assert!(rows(whole[..2 * BLOCK + 1].to_vec()).is_err_and(|why| why.ends_with("it ends inside a file")));
        let mut bent = whole;
        bent[BLOCK + 3] ^= 1;
        assert_eq!(rows(bent), Err(format!("byte {}: a header is damaged", 2 * BLOCK)));
    }
}
