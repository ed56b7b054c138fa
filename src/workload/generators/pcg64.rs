//! numpy's `default_rng`: PCG64 (XSL-RR, 128 bits of state) seeded through a `SeedSequence`.

/// Multiplier of the 128-bit congruential step (O'Neill, PCG, 2014).
const STEP: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

/// `numpy.random.default_rng(seed)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
    /// The upper half of an output of which only the lower half was used so far.
    half: Option<u32>,
}

impl Pcg64 {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        let [a, b, c, d] = seed_words(seed);
        let wide = |high: u64, low: u64| (u128::from(high) << 64) | u128::from(low);
        let mut rng = Pcg64 { state: 0, increment: (wide(c, d) << 1) | 1, half: None };
        rng.step();
        rng.state = rng.state.wrapping_add(wide(a, b));
        rng.step();
        rng
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(STEP).wrapping_add(self.increment);
    }

    /// 64 bits. A half that is left over stays for the next 32.
    fn next_u64(&mut self) -> u64 {
        self.step();
        let (high, low) = ((self.state >> 64) as u64, self.state as u64);
        (high ^ low).rotate_right((self.state >> 122) as u32)
    }

    /// 32 bits: the lower half of an output first, the upper one next time.
    fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let both = self.next_u64();
        self.half = Some((both >> 32) as u32);
        both as u32
    }

    /// `integers(0, bound)`: uniform below `bound` by Lemire's method on 32 bits, which numpy takes for every range
    /// that fits them. A bound of 0 or 1 draws nothing and gives 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound <= 1 {
            return 0;
        }
        let mut product = u64::from(self.next_u32()) * u64::from(bound);
        if (product as u32) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }

    /// `shuffle(list)`, which is also the order of `permutation(len)`: from the last place on each changes with one up to itself.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            // A list of more than 2^32 things does not fit into memory.
            let other = self.up_to(u32::try_from(place).unwrap_or(u32::MAX));
            list.swap(place, other as usize);
        }
    }

    /// Uniform from 0 to `most` as numpy's `random_interval` draws it, which shuffles take: 32 bits under a mask, again where
    /// they are more.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let drawn = self.next_u32() & mask;
            if drawn <= most {
                return drawn;
            }
        }
    }

    /// `integers(0, bound, size=count)`.
    pub fn vector(&mut self, bound: u32, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.below(bound)).collect()
    }
}

/// `SeedSequence(seed).generate_state(4, numpy.uint64)`: the hash of a seed that numpy fixed for all releases
/// (NEP 19; after O'Neill's `seed_seq_fe`).
fn seed_words(seed: u64) -> [u64; 4] {
    const SHIFT: u32 = 16;
    let mut constant = 0x43B0_D7E5_u32;
    let mut hash = |value: u32| {
        let value = value ^ constant;
        constant = constant.wrapping_mul(0x931E_8875);
        let value = value.wrapping_mul(constant);
        value ^ (value >> SHIFT)
    };
    let mix = |x: u32, y: u32| {
        let value = x.wrapping_mul(0xCA01_F9DD).wrapping_sub(y.wrapping_mul(0x4973_F715));
        value ^ (value >> SHIFT)
    };
    // Two words of entropy and two of nothing: a zero on top hashes as an absent word does.
    let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(&mut hash);
    for from in 0..pool.len() {
        for to in 0..pool.len() {
            if from != to {
                pool[to] = mix(pool[to], hash(pool[from]));
            }
        }
    }
    let mut constant = 0x8B51_F9DD_u32;
    let mut words = [0; 8];
    for (index, word) in words.iter_mut().enumerate() {
        let value = pool[index % pool.len()] ^ constant;
        constant = constant.wrapping_mul(0x58F3_8DED);
        let value = value.wrapping_mul(constant);
        *word = value ^ (value >> SHIFT);
    }
    [0, 2, 4, 6].map(|index| u64::from(words[index]) | (u64::from(words[index + 1]) << 32))
}
