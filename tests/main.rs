//! One integration binary that drives the real program.
