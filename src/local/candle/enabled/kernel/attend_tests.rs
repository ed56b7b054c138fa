//! Attention to a whole text against attention to the past of its last position, which is the same text.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::attend::{Heads, Memory, POSITIONS, Scores, Span};
use super::dispatch::Level;
use super::team::Team;

#[test]
fn every_row_sees_what_the_last_one_sees() -> Result<(), String> {
    let heads = Heads { queries: 4, keys: 4, width: 24 };
    let row = heads.queries * heads.width;
    let scale = 0.2;
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-2.0..2.0)).collect() };
    let texts: [(usize, &[u32]); 3] = [(1, &[7]), (37, &[0, 6, 2]), (48, &[1, 5, 3])];
    let mut memory = Memory::new(heads, 8, false);
    for (length, blocks) in texts {
        for position in 0..length {
            memory.append(blocks[position / POSITIONS], position % POSITIONS, &draw(row), &draw(row));
        }
    }
    let spans = texts.map(|(rows, blocks)| Span { rows, position: 0, blocks });
    let queries = draw(texts.iter().map(|(length, _)| length * row).sum());
    for level in Level::all() {
        let team = Team::at(level, 2)?;
        let mut out = vec![0.0; queries.len()];
        memory.attend_whole(&queries, &spans, scale, &mut out, &team);
        let mut rows = queries.chunks(row).zip(out.chunks(row));
        for (length, blocks) in texts {
            for (query, found) in rows.by_ref().take(length) {
                let mut alone = vec![0.0; row];
                let last = Span { rows: 1, position: length - 1, blocks };
                memory.attend(query, &[last], Scores { scale, window: None }, &mut alone, &team);
                assert_eq!(found, alone, "{level:?}");
            }
        }
    }
    Ok(())
}
