//! The Mersenne twister MT19937 (Matsumoto and Nishimura, 1998).

const LENGTH: usize = 624;
const MIDDLE: usize = 397;

/// The generator itself: 32 bits at a time.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mt19937 {
    state: [u32; LENGTH],
    /// Words of the state that were given out.
    used: usize,
}

impl Mt19937 {
    /// Seeded by one number (`init_genrand`).
    pub(crate) fn from_number(seed: u32) -> Self {
        let mut state = [seed; LENGTH];
        for index in 1..LENGTH {
            let before = state[index - 1];
            state[index] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(index as u32);
        }
        Mt19937 { state, used: LENGTH }
    }

    /// Seeded by a key of any length (`init_by_array`); an empty one is a zero.
    pub(crate) fn from_key(key: &[u32]) -> Self {
        let key = if key.is_empty() { &[0][..] } else { key };
        let Mt19937 { mut state, used } = Self::from_number(19_650_218);
        let mut place = 1;
        let mut change = |state: &mut [u32; LENGTH], factor: u32, plus: &dyn Fn(usize) -> u32| {
            let before = state[place - 1];
            let mixed = state[place] ^ (before ^ (before >> 30)).wrapping_mul(factor);
            state[place] = mixed.wrapping_add(plus(place));
            place += 1;
            if place == LENGTH {
                state[0] = state[LENGTH - 1];
                place = 1;
            }
        };
        for (index, word) in key.iter().enumerate().cycle().take(LENGTH.max(key.len())) {
            change(&mut state, 1_664_525, &|_| word.wrapping_add(index as u32));
        }
        for _ in 1..LENGTH {
            change(&mut state, 1_566_083_941, &|place| (place as u32).wrapping_neg());
        }
        state[0] = 0x8000_0000;
        Mt19937 { state, used }
    }

    fn twist(&mut self) {
        let state = &mut self.state;
        for index in 0..LENGTH {
            let word = (state[index] & 0x8000_0000) | (state[(index + 1) % LENGTH] & 0x7FFF_FFFF);
            let odd = if word & 1 == 1 { 0x9908_B0DF } else { 0 };
            state[index] = state[(index + MIDDLE) % LENGTH] ^ (word >> 1) ^ odd;
        }
        self.used = 0;
    }

    /// The next 32 bits.
    pub(crate) fn next_u32(&mut self) -> u32 {
        if self.used == LENGTH {
            self.twist();
        }
        let mut word = self.state[self.used];
        self.used += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C_5680;
        word ^= (word << 15) & 0xEFC6_0000;
        word ^ (word >> 18)
    }

    /// Uniform in [0, 1) with 53 bits, from two outputs.
    pub(crate) fn double(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }
}

impl std::fmt::Debug for Mt19937 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mt19937").field("used", &self.used).finish_non_exhaustive()
    }
}
