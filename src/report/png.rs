//! Pixels to PNG bytes in memory, without an image library: rows as differences to the row above, runs of equal pixels
//! by deflate's fixed codes. Charts are mostly flat, so that is small enough, and the same pixels always give the same
//! bytes.

/// Bytes of a pixel.
const PIXEL: usize = 3;

/// Encodes rows of RGB pixels.
pub fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let stride = width as usize * PIXEL;
    let mut rows = Vec::with_capacity(pixels.len() + height as usize);
    let mut above = vec![0u8; stride];
    for row in pixels.chunks_exact(stride) {
        // Filter 2: each byte less the one above it.
        rows.push(2);
        rows.extend(row.iter().zip(&above).map(|(byte, above)| byte.wrapping_sub(*above)));
        above.copy_from_slice(row);
    }
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::with_capacity(13);
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    // Eight bits a channel, RGB, the only compression and filter methods there are, not interlaced.
    head.extend([8, 2, 0, 0, 0]);
    chunk(&mut out, b"IHDR", &head);
    chunk(&mut out, b"IDAT", &zlib(&rows));
    chunk(&mut out, b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend(name);
    out.extend(data);
    let sum = crc32fast::hash(&out[start..]);
    out.extend(sum.to_be_bytes());
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits { out: vec![0x78, 0x01], pending: 0, count: 0 };
    // One final block with fixed codes.
    bits.low(1, 1);
    bits.low(1, 2);
    let mut place = 0;
    while place < data.len() {
        let before = place.saturating_sub(PIXEL);
        let again = data[place..].iter().zip(&data[before..]).take_while(|(byte, before)| byte == before);
        let run = if place < PIXEL { 0 } else { again.count().min(258) };
        if run >= 3 {
            bits.repeat(run);
            place += run;
        } else {
            bits.literal(data[place]);
            place += 1;
        }
    }
    bits.symbol(256);
    bits.low(0, 7);
    let mut out = bits.out;
    out.extend(adler(data).to_be_bytes());
    out
}

fn adler(data: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // The sums cannot overflow within 5552 bytes.
    for part in data.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

/// Bits in deflate's order.
struct Bits {
    out: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    /// Appends bits, lowest first.
    fn low(&mut self, value: u32, count: u32) {
        self.pending |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Appends a code, highest bit first.
    fn code(&mut self, code: u32, count: u32) {
        self.low(code.reverse_bits() >> (32 - count), count);
    }

    fn literal(&mut self, byte: u8) {
        self.symbol(u32::from(byte));
    }

    /// A symbol of the fixed table of literals and lengths.
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    /// Repeats the last pixel over 3 to 258 bytes.
    fn repeat(&mut self, length: usize) {
        let length = length as u32;
        if length == 258 {
            self.symbol(285);
        } else if length < 11 {
            self.symbol(254 + length);
        } else {
            // Lengths come in groups of four symbols, each group with one bit more behind the symbol.
            let extra = (length - 3).ilog2() - 2;
            let base = (length - 3) >> extra;
            self.symbol(257 + 4 * extra + base);
            self.low((length - 3) & ((1 << extra) - 1), extra);
        }
        // A distance of three bytes is symbol 2 of five bits.
        self.code(2, 5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Undoes [`zlib`] for the codes it writes, straight from the format's tables.
    fn inflate(data: &[u8]) -> Vec<u8> {
        const BASE: [usize; 29] = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
            227, 258,
        ];
        const EXTRA: [u32; 29] =
            [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
        let mut place = 16;
        let mut bit = || {
            let value = u32::from(data[place / 8] >> (place % 8) & 1);
            place += 1;
            value
        };
        assert_eq!((bit(), bit(), bit()), (1, 1, 0));
        let mut out = Vec::new();
        loop {
            let mut code = 0;
            for _ in 0..7 {
                code = code << 1 | bit();
            }
            let symbol = if code <= 0b001_0111 {
                256 + code
            } else {
                code = code << 1 | bit();
                match code {
                    0x30..=0xbf => code - 0x30,
                    0xc0..=0xc7 => 280 + code - 0xc0,
                    _ => (code << 1 | bit()) - 0x190 + 144,
                }
            };
            match symbol {
                256 => return out,
                0..=255 => out.push(symbol as u8),
                _ => {
                    let index = symbol as usize - 257;
                    let mut more = 0;
                    for shift in 0..EXTRA[index] {
                        more |= bit() << shift;
                    }
                    let distance = (0..5).fold(0, |code, _| code << 1 | bit());
                    assert_eq!(distance, 2);
                    for _ in 0..BASE[index] + more as usize {
                        out.push(out[out.len() - PIXEL]);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_packed_unpacks_to_itself() {
        let mut data = Vec::new();
        for length in 0..600usize {
            data.extend(std::iter::repeat_n((length * 37 % 256) as u8, length));
        }
        assert_eq!(inflate(&zlib(&data)), data);
        assert!(inflate(&zlib(&[])).is_empty());
    }

    #[test]
    fn checksums_follow_the_format() {
        assert_eq!(adler(b"Wikipedia"), 0x11E6_0398);
        let bytes = encode(&[0; 12], (2, 2));
        assert!(bytes.starts_with(b"\x89PNG") && bytes.ends_with(&[0xAE, 0x42, 0x60, 0x82]));
    }
}
