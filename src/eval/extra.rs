//! Rows of reports that are made of all samples together.

use super::figures::{Scored, SubsetFigures};

/// Adds the rows of a name.
pub fn add(_name: &str, _samples: &[Scored], _subsets: &mut Vec<SubsetFigures>) {}
