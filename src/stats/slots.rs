//! Equal slots of time that grow with the run: a series of any length in flat memory.

/// Slots that are kept; when time runs beyond the last one, neighbours are added up and all become twice as wide.
const SLOTS: usize = 4096;
/// Width of a slot at first, in ns.
const FIRST_WIDTH: u64 = 1_000_000;

/// What a slot holds: it can be added up.
pub(super) trait Add: Copy + Default {
    /// Both together.
    fn plus(self, other: Self) -> Self;
}

/// Sums over slots of equal width from the first instant that was seen. Instants may come in any order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slots<T> {
    origin: u64,
    width: u64,
    slots: Vec<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { origin: 0, width: FIRST_WIDTH, slots: Vec::new() }
    }
}

impl<T: Add> Slots<T> {
    /// Adds to the slot of an instant.
    pub(super) fn add(&mut self, at_ns: u64, what: T) {
        // Slots begin at multiples of their width, so that widening joins whole ones.
        let (first, last) = loop {
            let index = at_ns / self.width;
            if self.slots.is_empty() {
                break (index, index);
            }
            let (first, last) = (self.origin.min(index), index.max(self.origin + self.slots.len() as u64 - 1));
            if last - first < SLOTS as u64 {
                break (first, last);
            }
            self.widen();
        };
        let before = if self.slots.is_empty() { 0 } else { (self.origin - first) as usize };
        self.slots.splice(0..0, std::iter::repeat_n(T::default(), before));
        self.slots.resize((last - first) as usize + 1, T::default());
        self.origin = first;
        let slot = &mut self.slots[(at_ns / self.width - first) as usize];
        *slot = slot.plus(what);
    }

    fn widen(&mut self) {
        let lead = (self.origin % 2) as usize;
        let mut wide: Vec<T> = Vec::with_capacity(self.slots.len() / 2 + 1);
        for (index, slot) in self.slots.iter().enumerate() {
            let at = (index + lead) / 2;
            match wide.get_mut(at) {
                Some(sum) => *sum = sum.plus(*slot),
                None => wide.push(*slot),
            }
        }
        self.slots = wide;
        self.origin /= 2;
        self.width *= 2;
    }

    /// Width of a slot in ns.
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    /// The slots in order, each with the instant it begins at.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, T)> {
        (self.origin..).zip(&self.slots).map(|(index, slot)| (index * self.width, *slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Add for u64 {
        fn plus(self, other: Self) -> Self {
            self + other
        }
    }

    #[test]
    fn nothing_is_lost_when_slots_widen() {
        let mut slots = Slots::<u64>::default();
        let instants: Vec<u64> = (0..100_000u64).map(|i| 7_000_000_000 + i * 7_919_777 % 3_600_000_000_000).collect();
        instants.iter().for_each(|at| slots.add(*at, 1));
        assert!(slots.slots.len() <= SLOTS && slots.slots.len() > SLOTS / 3);
        let width = slots.width();
        for (begin, count) in slots.iter() {
            let expected = instants.iter().filter(|at| (begin..begin + width).contains(*at)).count();
            assert_eq!(count, expected as u64);
        }
        assert_eq!(slots.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
    }
}
