//! How far a copy is done when its chunks finish in any order.
//!
//! Invariant: every chunk up to the watermark is finished.
//! Memory is bounded by the chunks in flight, not by the chunks that wait for a slow one: neighbours are merged.

use std::collections::BTreeMap;

use crate::plan::KeyValue;

/// The upper bound of the chunks that are finished without a gap.
#[derive(Debug, Clone, Default)]
pub struct Watermark {
    /// The first chunk that is not known to be finished.
    next: u64,
    completed: Option<KeyValue>,
    /// Finished runs of chunks behind a gap: first number to last number and its upper bound.
    ahead: BTreeMap<u64, (u64, KeyValue)>,
}

impl Watermark {
    /// Starts where an earlier walk was completed, `None` at the beginning of the table; the next chunk is number 0.
    pub fn new(completed: Option<KeyValue>) -> Watermark {
        Watermark { completed, ..Watermark::default() }
    }

    /// Takes note of a finished chunk; a second time changes nothing.
    pub fn finish(&mut self, number: u64, up_to: KeyValue) {
        if self.is_finished(number) {
            return;
        }
        let (mut first, mut last, mut bound) = (number, number, up_to);
        if let Some((_, (behind_last, behind_bound))) = self.ahead.remove_entry(&(number + 1)) {
            (last, bound) = (behind_last, behind_bound);
        }
        if let Some((&before, &(before_last, _))) = self.ahead.range(..number).next_back()
            && before_last + 1 == number
        {
            self.ahead.remove(&before);
            first = before;
        }
        if first == self.next {
            self.next = last + 1;
            self.completed = Some(bound);
        } else {
            self.ahead.insert(first, (last, bound));
        }
    }

    /// The upper bound of everything that is done without a gap: where a later walk may start.
    pub fn completed(&self) -> Option<&KeyValue> {
        self.completed.as_ref()
    }

    /// How many chunks are finished without a gap.
    pub fn chunks_completed(&self) -> u64 {
        self.next
    }

    fn is_finished(&self, number: u64) -> bool {
        number < self.next || self.ahead.range(..=number).next_back().is_some_and(|(_, (last, _))| number <= *last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::plan::{ChunkKey, KeyColumn, KeyKind};
    use crate::sql::Ident;

    fn key() -> ChunkKey {
        let column =
            KeyColumn { source: Ident::new("id"), target: Ident::new("id"), kind: KeyKind::Integer, narrows: false };
        ChunkKey { index: Ident::new("PRIMARY"), columns: vec![column] }
    }

    /// Chunk n ends at key 10 n.
    fn bound(number: u64) -> KeyValue {
        key().value(vec![(number * 10).to_string()]).unwrap()
    }

    #[test]
    fn a_gap_holds_it_back() {
        let mut watermark = Watermark::new(None);
        watermark.finish(1, bound(1));
        watermark.finish(2, bound(2));
        assert_eq!(watermark.completed(), None);
        watermark.finish(0, bound(0));
        assert_eq!((watermark.completed(), watermark.chunks_completed()), (Some(&bound(2)), 3));
    }

    #[test]
    fn a_slow_chunk_costs_no_memory() {
        let mut watermark = Watermark::new(Some(bound(7)));
        for number in 1..10_000 {
            watermark.finish(number, bound(number));
        }
        assert_eq!(watermark.ahead.len(), 1);
        assert_eq!(watermark.completed(), Some(&bound(7)));
    }

    proptest! {
        #[test]
        fn it_equals_a_naive_model(numbers in prop::collection::vec(0_u64..24, 0..60)) {
            let mut watermark = Watermark::new(None);
            let mut finished = BTreeSet::new();
            for number in numbers {
                watermark.finish(number, bound(number));
                finished.insert(number);
                let completed = (0..).take_while(|number| finished.contains(number)).count() as u64;
                prop_assert_eq!(watermark.chunks_completed(), completed);
                prop_assert_eq!(watermark.completed().cloned(), completed.checked_sub(1).map(bound));
                let gaps = finished.iter().filter(|&&number| number > 0 && !finished.contains(&(number - 1))).count();
                prop_assert!(watermark.ahead.len() <= gaps);
            }
        }
    }
}
