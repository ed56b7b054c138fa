//! A log of records as LevelDB frames it, which two trackers keep their runs in.
//!
//! A file is a header of seven bytes and then blocks of 32 KiB. A record is cut into pieces that each fit into a block;
//! before a piece stand its CRC-32, its length and its kind in seven bytes. What is left at the end of a block and
//! cannot hold those is zero. Unlike LevelDB both trackers take the plain CRC-32 of zlib.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Crc;
use prost::Message;

use crate::error::{Failure, Result};

/// Length of a block.
const BLOCK: usize = 32 << 10;
/// Length of what stands before a piece, and of the file's own header.
const HEAD: usize = 7;

/// Letters of the ids of runs that are kept so.
pub(super) const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// An instant, as the records of both trackers have it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Timestamp {
    /// Seconds since 1970.
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    /// Nanoseconds of the second.
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl Timestamp {
    /// The instant of ns since 1970.
    pub(super) fn of(ns: u64) -> Self {
        Timestamp { seconds: (ns / 1_000_000_000) as i64, nanos: (ns % 1_000_000_000) as i32 }
    }
}

/// The log while it is written. Each record is handed to the system as a whole, so that what was written before a
/// program is killed can be read.
pub(super) struct Framed {
    file: File,
    path: PathBuf,
    length: usize,
}

impl Framed {
    /// Makes a new file.
    ///
    /// # Errors
    /// When it cannot be made, or is there already.
    pub(super) fn create(path: &Path, ident: [u8; 4], magic: u16, version: u8) -> Result<Self> {
        let file = File::create_new(path)
            .map_err(|error| Failure::files(format!("{} cannot be made", path.display())).because(error))?;
        let mut framed = Framed { file, path: path.to_owned(), length: 0 };
        let mut head = ident.to_vec();
        head.extend(magic.to_le_bytes());
        head.push(version);
        framed.write(&head)?;
        Ok(framed)
    }

    /// Appends one record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn append(&mut self, record: &impl Message) -> Result<()> {
        let bytes = frames(&record.encode_to_vec(), self.length);
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Failure::unwritten(self.path.display(), error))?;
        self.length += bytes.len();
        Ok(())
    }
}

/// The pieces of a record that begins at a place in the file.
fn frames(record: &[u8], at: usize) -> Vec<u8> {
    const WHOLE: u8 = 1;
    const FIRST: u8 = 2;
    const MIDDLE: u8 = 3;
    const LAST: u8 = 4;
    let mut out = Vec::with_capacity(record.len() + 2 * HEAD);
    let mut rest = record;
    let mut is_first = true;
    loop {
        let mut room = BLOCK - (at + out.len()) % BLOCK;
        if room < HEAD {
            out.resize(out.len() + room, 0);
            room = BLOCK;
        }
        let (piece, after) = rest.split_at(rest.len().min(room - HEAD));
        let kind = match (is_first, after.is_empty()) {
            (true, true) => WHOLE,
            (true, false) => FIRST,
            (false, false) => MIDDLE,
            (false, true) => LAST,
        };
        let mut crc = Crc::new();
        crc.update(&[kind]);
        crc.update(piece);
        out.extend(crc.sum().to_le_bytes());
        // A piece is shorter than a block.
        out.extend((piece.len() as u16).to_le_bytes());
        out.push(kind);
        out.extend(piece);
        if after.is_empty() {
            return out;
        }
        (rest, is_first) = (after, false);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The records of a file, read by the rules of the format alone: header, then pieces.
    pub(crate) fn records(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut at, mut found, mut open) = (HEAD, Vec::new(), Vec::new());
        while at < bytes.len() {
            if BLOCK - at % BLOCK < HEAD {
                let next = at.next_multiple_of(BLOCK);
                assert!(bytes[at..next].iter().all(|byte| *byte == 0), "padding is zero");
                at = next;
                continue;
            }
            let crc = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default());
            let length = usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
            let kind = bytes[at + 6];
            let piece = &bytes[at + HEAD..at + HEAD + length];
            assert_eq!(crc32(&[&[kind], piece].concat()), crc);
            assert!(at % BLOCK + HEAD + length <= BLOCK, "no piece crosses a block");
            assert_eq!(open.is_empty(), kind == 1 || kind == 2);
            open.extend_from_slice(piece);
            if kind == 1 || kind == 4 {
                found.push(std::mem::take(&mut open));
            }
            at += HEAD + length;
        }
        (bytes[..HEAD].to_vec(), found)
    }

    /// CRC-32 bit by bit, from its polynomial.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
        })
    }

    #[test]
    fn a_short_record_is_one_piece() {
        // zlib.crc32(b"\x01abc")
        assert_eq!(frames(b"abc", HEAD), [&0x539D_20A9u32.to_le_bytes()[..], &[3, 0, 1], b"abc"].concat());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn records_of_any_length_come_back(lengths in prop::collection::vec(1usize..80_000, 1..6)) {
            let records_in: Vec<Vec<u8>> = lengths.iter().map(|length| vec![*length as u8; *length]).collect();
            let mut bytes = b":tst\x01\x02\x03".to_vec();
            for record in &records_in {
                let framed = frames(record, bytes.len());
                bytes.extend(framed);
            }
            let (head, found) = records(&bytes);
            prop_assert_eq!(head, b":tst\x01\x02\x03");
            prop_assert_eq!(found, records_in);
        }
    }
}
