//! The assignment of rows to columns that sums to the most.

/// For each row the column that it gets, so that the sum is largest; rows beyond the number of columns get none.
///
/// Kuhn's algorithm with potentials, as Jonker and Volgenant shortened it (1987): cubic in the smaller side. Scores are
/// rows of equal length.
pub fn best_assignment(scores: &[Vec<f64>]) -> Vec<Option<usize>> {
    let (rows, columns) = (scores.len(), scores.first().map_or(0, Vec::len));
    if rows == 0 || columns == 0 {
        return vec![None; rows];
    }
    if rows > columns {
        let turned: Vec<Vec<f64>> = (0..columns)
            .map(|column| scores.iter().map(|row| row.get(column).copied().unwrap_or(0.0)).collect())
            .collect();
        let mut assigned = vec![None; rows];
        for (column, row) in best_assignment(&turned).into_iter().enumerate() {
            if let Some(place) = row.and_then(|row| assigned.get_mut(row)) {
                *place = Some(column);
            }
        }
        return assigned;
    }
    Search::new(scores, rows, columns).run()
}

struct Search<'a> {
    scores: &'a [Vec<f64>],
    rows: usize,
    columns: usize,
    /// Potentials of rows and columns; index 0 is a row and a column that stand outside.
    of_row: Vec<f64>,
    of_column: Vec<f64>,
    /// The row that a column has, 0 for none.
    taken_by: Vec<usize>,
}

impl<'a> Search<'a> {
    fn new(scores: &'a [Vec<f64>], rows: usize, columns: usize) -> Self {
        let (of_row, of_column) = (vec![0.0; rows + 1], vec![0.0; columns + 1]);
        Self { scores, rows, columns, of_row, of_column, taken_by: vec![0; columns + 1] }
    }

    fn run(mut self) -> Vec<Option<usize>> {
        for row in 1..=self.rows {
            self.place(row);
        }
        let mut assigned = vec![None; self.rows];
        for column in 1..=self.columns {
            if let Some(place) = self.taken_by[column].checked_sub(1).and_then(|row| assigned.get_mut(row)) {
                *place = Some(column - 1);
            }
        }
        assigned
    }

    /// Gives a row a column along the cheapest path of exchanges.
    fn place(&mut self, row: usize) {
        self.taken_by[0] = row;
        let mut least = vec![f64::INFINITY; self.columns + 1];
        let mut from = vec![0; self.columns + 1];
        let mut seen = vec![false; self.columns + 1];
        let mut column = 0;
        while self.taken_by[column] != 0 {
            seen[column] = true;
            let current = self.taken_by[column];
            let mut next = (f64::INFINITY, 0);
            for other in 1..=self.columns {
                if seen[other] {
                    continue;
                }
                let cost = -self.scores[current - 1].get(other - 1).copied().unwrap_or(0.0);
                let reduced = cost - self.of_row[current] - self.of_column[other];
                if reduced < least[other] {
                    least[other] = reduced;
                    from[other] = column;
                }
                if least[other] < next.0 {
                    next = (least[other], other);
                }
            }
            for other in 0..=self.columns {
                if seen[other] {
                    self.of_row[self.taken_by[other]] += next.0;
                    self.of_column[other] -= next.0;
                } else {
                    least[other] -= next.0;
                }
            }
            column = next.1;
        }
        while column != 0 {
            self.taken_by[column] = self.taken_by[from[column]];
            column = from[column];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn most(scores: &[Vec<f64>], row: usize, free: u32) -> f64 {
        let Some(cells) = scores.get(row) else { return 0.0 };
        let placed = cells.iter().enumerate().filter(|(column, _)| free & (1 << column) != 0);
        let placed = placed.map(|(column, score)| score + most(scores, row + 1, free & !(1 << column)));
        placed.fold(most(scores, row + 1, free), f64::max)
    }

    proptest! {
        #[test]
        fn no_assignment_sums_to_more(rows in 0_usize..5, columns in 0_usize..6, numbers in prop::collection::vec(0_u32..9, 30)) {
            let scores: Vec<Vec<f64>> = (0..rows).map(|r| (0..columns).map(|c| f64::from(numbers[r * columns + c])).collect()).collect();
            let assigned = best_assignment(&scores);
            prop_assert_eq!(assigned.len(), rows);
            let sum: f64 = assigned.iter().enumerate().filter_map(|(r, c)| c.map(|c| scores[r][c])).sum();
            prop_assert!((sum - most(&scores, 0, u32::MAX)).abs() < 1e-9);
            let mut used: Vec<usize> = assigned.into_iter().flatten().collect();
            prop_assert_eq!(used.len(), rows.min(columns));
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), rows.min(columns));
        }
    }
}
