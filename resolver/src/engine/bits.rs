//! Sets of small numbers: the states that a node of the graph can be in.

use std::fmt;

/// A set of states. State 0 is absence, state `i + 1` the `i`th eligible release, ascending.
///
/// All sets of one node have the same number of words.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Bits(Box<[u64]>);

/// The state of a node that the answer does without.
pub(super) const ABSENT: usize = 0;

impl Bits {
    /// No state, out of `count`.
    pub(super) fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)].into_boxed_slice())
    }

    /// Every state, out of `count`.
    pub(super) fn all(count: usize) -> Self {
        let mut bits = Self(vec![u64::MAX; count.div_ceil(64)].into_boxed_slice());
        if let (Some(last), 1..) = (bits.0.last_mut(), count % 64) {
            *last = (1 << (count % 64)) - 1;
        }
        bits
    }

    /// One state, out of `count`.
    pub(super) fn only(state: usize, count: usize) -> Self {
        let mut bits = Self::none(count);
        bits.insert(state);
        bits
    }

    pub(super) fn insert(&mut self, state: usize) {
        self.0[state / 64] |= 1 << (state % 64);
    }

    pub(super) fn remove(&mut self, state: usize) {
        self.0[state / 64] &= !(1 << (state % 64));
    }

    pub(super) fn contains(&self, state: usize) -> bool {
        self.0[state / 64] & (1 << (state % 64)) != 0
    }

    /// How many states it holds.
    pub(super) fn count(&self) -> usize {
        let words = self.0.iter().map(|word| word.count_ones() as usize);
        words.sum()
    }

    /// What looking at it costs.
    pub(super) fn words(&self) -> u64 {
        self.0.len() as u64
    }

    /// Its states, ascending.
    pub(super) fn states(&self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().copied().enumerate();
        words.flat_map(|(index, word)| states_of(index, word))
    }

    /// Its states that are not in `other`, as far as they are in these words.
    pub(super) fn lost(&self, other: &Self, among: &[u64]) -> impl Iterator<Item = usize> {
        let words = self.0.iter().zip(&other.0).zip(among).enumerate();
        words.flat_map(|(index, ((own, other), among))| states_of(index, own & !other & among))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether every state is also in `other`.
    pub(super) fn within(&self, other: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&other.0);
        pairs.all(|(own, other)| own & !other == 0)
    }

    /// The first state that is not in `other`.
    pub(super) fn first_outside(&self, other: &Self) -> Option<usize> {
        let mut pairs = self.0.iter().zip(&other.0).enumerate();
        pairs.find_map(|(index, (own, other))| {
            let outside = own & !other;
            (outside != 0).then(|| index * 64 + outside.trailing_zeros() as usize)
        })
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&other.0);
        pairs.any(|(own, other)| own & other != 0)
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        self.zip(other, |own, other| own & other)
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        self.zip(other, |own, other| own | other)
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        self.zip(other, |own, other| own & !other)
    }

    fn zip(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(own, other)| join(*own, *other)).collect())
    }

    /// The largest state.
    pub(super) fn last(&self) -> Option<usize> {
        let mut words = self.0.iter().enumerate().rev();
        let (index, word) = words.find(|(_, word)| **word != 0)?;
        Some(index * 64 + 63 - word.leading_zeros() as usize)
    }

    /// The only state, if there is exactly one.
    pub(super) fn single(&self) -> Option<usize> {
        let mut found = None;
        for (index, word) in self.0.iter().enumerate().filter(|(_, word)| **word != 0) {
            if found.is_some() || !word.is_power_of_two() {
                return None;
            }
            found = Some(index * 64 + word.trailing_zeros() as usize);
        }
        found
    }
}

/// The states in a word.
fn states_of(index: usize, mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.checked_sub(1)?;
        Some(index * 64 + bit)
    })
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.states()).finish()
    }
}
