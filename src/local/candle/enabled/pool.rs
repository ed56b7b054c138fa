//! Which blocks of the cache are whose: taken, shared, kept for prefixes that come again, and taken anew.
//!
//! A block that is full belongs to a prefix: to its own tokens and those of all blocks before it. It is found again by the
//! block before it and its tokens, so that equal prefixes share blocks, whoever sent them. A block that nobody uses any
//! more keeps its prefix until it is needed for something else; the one longest unused goes first, the end of a prefix
//! before its beginning. Nothing is hashed down, so nothing can be mistaken for something else.

use std::collections::{HashMap, VecDeque};

use super::kernel::POSITIONS;

/// A full block's place in the tree of prefixes; 0 is the root. Never used twice.
pub type Prefix = u64;

/// The tokens of a full block.
type Tokens = [u32; POSITIONS];

/// One block.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// Sequences that use it.
    users: u32,
    /// The prefix that it ends, once it is full.
    prefix: Option<Prefix>,
    /// When it was set free; entries of the queue that say otherwise are stale.
    freed: u64,
}

/// The blocks of a cache.
#[derive(Debug)]
pub struct Pool {
    blocks: Vec<Block>,
    /// Blocks that nobody uses, the first to be taken first, with the number of their freeing.
    free: VecDeque<(u32, u64)>,
    idle: usize,
    freed: u64,
    known: HashMap<(Prefix, Tokens), (Prefix, u32)>,
    /// What a prefix is found by, to forget it.
    keys: HashMap<Prefix, (Prefix, Tokens)>,
    prefixes: Prefix,
}

impl Pool {
    /// A pool of so many blocks, all free.
    pub fn new(count: usize) -> Self {
        let blocks = vec![Block::default(); count];
        let free = (0..count as u32).map(|block| (block, 0)).collect();
        Pool { blocks, free, idle: count, freed: 0, known: HashMap::new(), keys: HashMap::new(), prefixes: 0 }
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Blocks that somebody uses.
    pub fn used(&self) -> usize {
        self.blocks.len() - self.idle
    }

    /// Blocks that can be taken.
    pub fn idle(&self) -> usize {
        self.idle
    }

    /// Takes the blocks that hold the beginning of these tokens, and the prefix that they end. At least one token is left
    /// over, for a reply needs a token to follow.
    pub fn find(&mut self, tokens: &[u32]) -> (Vec<u32>, Prefix) {
        let mut found = Vec::new();
        let mut prefix = 0;
        let full = tokens.len().saturating_sub(1) / POSITIONS;
        for tokens in tokens.as_chunks::<POSITIONS>().0.iter().take(full) {
            let Some((next, block)) = self.known.get(&(prefix, *tokens)).copied() else { break };
            let users = &mut self.blocks[block as usize].users;
            self.idle -= usize::from(*users == 0);
            *users += 1;
            found.push(block);
            prefix = next;
        }
        (found, prefix)
    }

    /// Takes a block; `None` when all are used.
    pub fn take(&mut self) -> Option<u32> {
        while let Some((index, freed)) = self.free.pop_front() {
            let block = &mut self.blocks[index as usize];
            if block.users > 0 || block.freed != freed {
                continue;
            }
            block.users = 1;
            self.idle -= 1;
            if let Some(prefix) = block.prefix.take() {
                // Longer prefixes that went through it can no longer be found; their blocks age like all others.
                if let Some(key) = self.keys.remove(&prefix) {
                    self.known.remove(&key);
                }
            }
            return Some(index);
        }
        None
    }

    /// Notes that a block is full of these tokens, after a prefix; gives the prefix that it ends. Where that is known
    /// already, the block stays unknown and is forgotten with its sequence.
    pub fn fill(&mut self, block: u32, after: Prefix, tokens: &[u32; POSITIONS]) -> Prefix {
        let key = (after, *tokens);
        if let Some((prefix, _)) = self.known.get(&key) {
            return *prefix;
        }
        self.prefixes += 1;
        let prefix = self.prefixes;
        self.known.insert(key, (prefix, block));
        self.keys.insert(prefix, key);
        self.blocks[block as usize].prefix = Some(prefix);
        prefix
    }

    /// Gives back the blocks of a sequence, in their order.
    pub fn give(&mut self, blocks: &[u32]) {
        for index in blocks.iter().rev() {
            let block = &mut self.blocks[*index as usize];
            block.users -= 1;
            if block.users > 0 {
                continue;
            }
            self.freed += 1;
            block.freed = self.freed;
            self.idle += 1;
            let entry = (*index, self.freed);
            // What no prefix keeps is of no more use to anybody.
            if block.prefix.is_none() {
                self.free.push_front(entry);
            } else {
                self.free.push_back(entry);
            }
        }
        self.sweep();
    }

    /// Drops stale entries when they are more than the blocks.
    fn sweep(&mut self) {
        if self.free.len() > 2 * self.blocks.len() + 64 {
            let blocks = &self.blocks;
            self.free.retain(|(index, freed)| {
                let block = &blocks[*index as usize];
                block.users == 0 && block.freed == *freed
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(count: usize, kind: u32) -> Vec<u32> {
        (0..count as u32).map(|i| i + 1000 * kind).collect()
    }

    /// A sequence that was fed these tokens: its blocks, the full ones known to the pool.
    fn fed(pool: &mut Pool, tokens: &[u32]) -> Option<Vec<u32>> {
        let (mut blocks, mut prefix) = pool.find(tokens);
        let known = blocks.len();
        for _ in known..tokens.len().div_ceil(POSITIONS) {
            let Some(block) = pool.take() else {
                pool.give(&blocks);
                return None;
            };
            blocks.push(block);
        }
        for (chunk, block) in tokens.as_chunks::<POSITIONS>().0.iter().zip(&blocks).skip(known) {
            prefix = pool.fill(*block, prefix, chunk);
        }
        Some(blocks)
    }

    #[test]
    fn equal_prefixes_share_blocks_while_in_use_and_after() {
        let mut pool = Pool::new(8);
        let first = fed(&mut pool, &tokens(40, 0)).unwrap_or_default();
        let second = fed(&mut pool, &tokens(40, 0)).unwrap_or_default();
        assert_eq!((first.len(), &first[..2], pool.used()), (3, &second[..2], 4));
        assert_ne!(first[2], second[2]);
        pool.give(&first);
        assert_eq!(pool.used(), 3);
        pool.give(&second);
        assert_eq!((pool.used(), pool.find(&tokens(40, 0)).0), (0, first[..2].to_vec()));
        // A prompt of whole blocks keeps one token to follow.
        assert_eq!(pool.find(&tokens(32, 0)).0.len(), 1);
        assert_eq!(pool.find(&tokens(33, 1)).0.len(), 0);
    }

    #[test]
    fn the_longest_unused_goes_first_and_the_end_before_the_beginning() {
        let mut pool = Pool::new(4);
        let old = fed(&mut pool, &tokens(32, 0)).unwrap_or_default();
        let new = fed(&mut pool, &tokens(32, 1)).unwrap_or_default();
        pool.give(&old);
        pool.give(&new);
        let taken: Vec<u32> = (0..4).filter_map(|_| pool.take()).collect();
        assert_eq!(taken, [old[1], old[0], new[1], new[0]]);
        assert_eq!((pool.take(), pool.find(&tokens(33, 0)).0.len(), pool.keys.len()), (None, 0, 0));
    }

    proptest! {
        #[test]
        fn no_block_is_lost_or_given_twice(
            steps in proptest::collection::vec((0u32..4, 1usize..100, any::<bool>()), 1..60),
        ) {
            let mut pool = Pool::new(12);
            let mut alive: Vec<(Vec<u32>, Vec<u32>)> = Vec::new();
            for (kind, count, ends) in steps {
                if ends && !alive.is_empty() {
                    let (_, blocks) = alive.remove(kind as usize % alive.len());
                    pool.give(&blocks);
                } else if let Some(blocks) = fed(&mut pool, &tokens(count, kind)) {
                    alive.push((tokens(count, kind), blocks));
                }
                let mut users = vec![0; pool.len()];
                alive.iter().flat_map(|(_, blocks)| blocks).for_each(|block| users[*block as usize] += 1);
                prop_assert_eq!(&users, &pool.blocks.iter().map(|block| block.users).collect::<Vec<_>>());
                prop_assert_eq!(pool.used(), users.iter().filter(|users| **users > 0).count());
                // Shared blocks hold the same tokens for all who share them.
                for (tokens, blocks) in &alive {
                    for (other, theirs) in &alive {
                        for (at, block) in blocks.iter().enumerate() {
                            if let Some(there) = theirs.iter().position(|other| other == block) {
                                prop_assert_eq!(at, there);
                                let end = ((at + 1) * POSITIONS).min(tokens.len()).min(other.len());
                                prop_assert_eq!(&tokens[..end], &other[..end]);
                            }
                        }
                    }
                }
            }
            alive.drain(..).for_each(|(_, blocks)| pool.give(&blocks));
            let mut all: Vec<u32> = std::iter::from_fn(|| pool.take()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..12).collect::<Vec<_>>());
        }
    }
}
