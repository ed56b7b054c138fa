//! Whether shapes fill a region, with others taken off.

/// Steps of the search after which it gives up. The puzzles of the data set take a few hundred at most.
const STEPS: usize = 300_000;

/// A shape that may be moved but not turned: its cells in reading order, as `(x, y)` from the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape(Vec<(isize, isize)>);

impl Shape {
    /// From a matrix that has 1 where the shape is; `None` where it is nowhere.
    pub(super) fn of(matrix: &[Vec<u8>]) -> Option<Self> {
        let row = |(y, row): (usize, &Vec<u8>)| {
            let ones = row.iter().enumerate().filter(|(_, cell)| **cell == 1);
            ones.map(|(x, _)| (x as isize, y as isize)).collect::<Vec<_>>()
        };
        let cells: Vec<(isize, isize)> = matrix.iter().enumerate().flat_map(row).collect();
        let (first_x, first_y) = *cells.first()?;
        Some(Self(cells.into_iter().map(|(x, y)| (x - first_x, y - first_y)).collect()))
    }
}

/// How often each cell of the board is still to be covered.
struct Board {
    width: usize,
    height: usize,
    wanted: Vec<u8>,
    steps: usize,
}

impl Board {
    /// The numbers of the cells that a shape takes whose first cell is this one; `None` where it leaves the board.
    fn taken(&self, shape: &Shape, first: usize) -> Option<Vec<usize>> {
        let (x, y) = ((first % self.width) as isize, (first / self.width) as isize);
        let number = |(across, down): &(isize, isize)| {
            let (x, y) = (usize::try_from(x + across).ok()?, usize::try_from(y + down).ok()?);
            (x < self.width && y < self.height).then_some(y * self.width + x)
        };
        shape.0.iter().map(number).collect()
    }

    fn add(&mut self, cells: &[usize], number: i8) {
        for cell in cells {
            if let Some(wanted) = self.wanted.get_mut(*cell) {
                *wanted = wanted.saturating_add_signed(number);
            }
        }
    }

    /// Puts the negative shapes anywhere, which has to be covered once more, and then the others.
    fn with_negatives(&mut self, negative: &[&Shape], positive: &mut Vec<&Shape>) -> Option<bool> {
        let Some((shape, rest)) = negative.split_first() else { return self.covered(positive) };
        for first in 0..self.wanted.len() {
            let Some(cells) = self.taken(shape, first) else { continue };
            self.add(&cells, 1);
            let fits = self.with_negatives(rest, positive)?;
            self.add(&cells, -1);
            if fits {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Whether the shapes cover what is wanted. The first cell that is to be covered can only be the first cell of a
    /// shape, for the cells before it are done.
    fn covered(&mut self, positive: &mut Vec<&Shape>) -> Option<bool> {
        self.steps += 1;
        if self.steps > STEPS {
            return None;
        }
        let Some(first) = self.wanted.iter().position(|wanted| *wanted > 0) else { return Some(positive.is_empty()) };
        for place in 0..positive.len() {
            if positive.iter().take(place).any(|other| *other == positive[place]) {
                continue;
            }
            let Some(cells) = self.taken(positive[place], first) else { continue };
            if cells.iter().any(|cell| self.wanted.get(*cell).is_none_or(|wanted| *wanted == 0)) {
                continue;
            }
            let shape = positive.swap_remove(place);
            self.add(&cells, -1);
            let fits = self.covered(positive)?;
            self.add(&cells, 1);
            positive.push(shape);
            let last = positive.len() - 1;
            positive.swap(place, last);
            if fits {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// Whether the positive shapes, less the negative ones, are the region and nothing else. Where both have the same area
/// they have to cancel each other, and the region may be any. `None` where the search was given up.
pub(super) fn fills(
    region: &[(usize, usize)],
    (width, height): (usize, usize),
    positive: &[&Shape],
    negative: &[&Shape],
) -> Option<bool> {
    let area = |shapes: &[&Shape]| shapes.iter().map(|shape| shape.0.len()).sum::<usize>();
    let left = area(positive).checked_sub(area(negative));
    if left != Some(0) && left != Some(region.len()) {
        return Some(false);
    }
    let mut board = Board { width, height, wanted: vec![0; width.checked_mul(height)?], steps: 0 };
    if left != Some(0) {
        let cells: Vec<usize> = region.iter().map(|(x, y)| y * width + x).collect();
        board.add(&cells, 1);
    }
    board.with_negatives(negative, &mut positive.to_vec())
}
