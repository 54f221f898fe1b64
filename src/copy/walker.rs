//! Where chunks begin and end: one query for each boundary, and what its answer means.
//!
//! Invariant: chunks are cut one after the other, each begins where the one before ended, and the last one ends at the
//! final bound, which was the greatest key when the walk began; what comes later is the change log's.

use crate::plan::{ChunkKey, KeyValue};
use crate::sql::TableName;

/// Cuts a table into chunks, in the order of its key.
#[derive(Debug, Clone)]
pub struct Walker {
    last: Option<KeyValue>,
    final_bound: Option<KeyValue>,
    next_number: u64,
}

/// A range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Counted from 0 in the order of the walk.
    pub number: u64,
    /// Its keys are greater than this; `None` for the beginning of the table.
    pub after: Option<KeyValue>,
    /// Its greatest possible key.
    pub up_to: KeyValue,
}

impl Walker {
    /// A walk up to the greatest key of the table, `None` for an empty one, from where an earlier walk was completed.
    ///
    /// A walk that goes on takes the final bound of the one before: rows behind it are in the change log already.
    pub fn new(final_bound: Option<KeyValue>, completed: Option<KeyValue>) -> Walker {
        let done = completed == final_bound;
        Walker { last: completed, final_bound: final_bound.filter(|_| !done), next_number: 0 }
    }

    /// Whether every chunk has been cut.
    pub fn is_finished(&self) -> bool {
        self.final_bound.is_none()
    }

    /// The query for the upper bound of a chunk of that many rows, `None` when the walk is over.
    pub fn boundary_query(&self, key: &ChunkKey, table: &TableName, rows: u64) -> Option<String> {
        let final_bound = self.final_bound.as_ref()?;
        let columns = key.source_columns();
        Some(format!(
            "SELECT {select} FROM {table} FORCE INDEX ({index}) WHERE {range} ORDER BY {order} LIMIT 1 OFFSET {offset}",
            select = key.select_list(&columns),
            index = key.index,
            range = key.within(&columns, self.last.as_ref(), final_bound),
            order = columns.join(", "),
            offset = rows.saturating_sub(1),
        ))
    }

    /// Takes the answer to [`Walker::boundary_query`], `None` for no row, and gives the chunk it ends; `None` when the
    /// walk is over.
    pub fn accept(&mut self, boundary: Option<KeyValue>) -> Option<Chunk> {
        let final_bound = self.final_bound.clone()?;
        let up_to = boundary.unwrap_or_else(|| final_bound.clone());
        if up_to == final_bound {
            self.final_bound = None;
        }
        let chunk = Chunk { number: self.next_number, after: self.last.replace(up_to.clone()), up_to };
        self.next_number += 1;
        Some(chunk)
    }
}

/// The query for the greatest key of a table; no row when it is empty.
pub fn final_bound_query(key: &ChunkKey, table: &TableName) -> String {
    let columns = key.source_columns();
    let descending: Vec<String> = columns.iter().map(|column| format!("{column} DESC")).collect();
    format!(
        "SELECT {select} FROM {table} FORCE INDEX ({index}) ORDER BY {order} LIMIT 1",
        select = key.select_list(&columns),
        index = key.index,
        order = descending.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::Watermark;
    use super::*;
    use crate::plan::{KeyColumn, KeyKind};
    use crate::sql::Ident;

    fn key() -> ChunkKey {
        let column =
            |name: &str, kind| KeyColumn { source: Ident::new(name), target: Ident::new(name), kind, narrows: false };
        let text = KeyKind::Text { charset: "utf8mb4".to_owned() };
        ChunkKey { index: Ident::new("k"), columns: vec![column("a", KeyKind::Integer), column("b", text)] }
    }

    type Tuple = (i64, u8);

    fn value((a, b): Tuple) -> KeyValue {
        key().value(vec![a.to_string(), format!("{b:02X}")]).unwrap()
    }

    fn tuple(value: &KeyValue) -> Tuple {
        (value.raw()[0].parse().unwrap(), u8::from_str_radix(&value.raw()[1], 16).unwrap())
    }

    #[test]
    fn queries_are_ranges_of_the_index() {
        let table = TableName::new("s", "t");
        assert_eq!(
            final_bound_query(&key(), &table),
            "SELECT `a`, HEX(`b`) FROM `s`.`t` FORCE INDEX (`k`) ORDER BY `a` DESC, `b` DESC LIMIT 1"
        );
        let mut walker = Walker::new(Some(value((9, 0xFF))), None);
        assert_eq!(
            walker.boundary_query(&key(), &table, 1000).unwrap(),
            "SELECT `a`, HEX(`b`) FROM `s`.`t` FORCE INDEX (`k`) WHERE (`a` <= 9 AND (`a` < 9 OR (`a` = 9 AND `b` <= \
             _utf8mb4 X'FF'))) ORDER BY `a`, `b` LIMIT 1 OFFSET 999"
        );
        walker.accept(Some(value((1, 0x61))));
        assert_eq!(
            walker.boundary_query(&key(), &table, 1).unwrap(),
            "SELECT `a`, HEX(`b`) FROM `s`.`t` FORCE INDEX (`k`) WHERE (`a` >= 1 AND (`a` > 1 OR (`a` = 1 AND `b` > \
             _utf8mb4 X'61'))) AND (`a` <= 9 AND (`a` < 9 OR (`a` = 9 AND `b` <= _utf8mb4 X'FF'))) ORDER BY `a`, `b` \
             LIMIT 1 OFFSET 0"
        );
    }

    #[test]
    fn an_empty_table_and_a_finished_walk_have_no_chunk() {
        for mut walker in [Walker::new(None, None), Walker::new(Some(value((1, 1))), Some(value((1, 1))))] {
            assert!(walker.is_finished());
            assert_eq!(walker.boundary_query(&key(), &TableName::new("s", "t"), 10), None);
            assert_eq!(walker.accept(None), None);
        }
    }

    /// What the server answers to the boundary query.
    fn answer(keys: &[Tuple], walker: &Walker, rows: u64) -> Option<KeyValue> {
        let last = walker.last.as_ref().map(tuple);
        let final_bound = walker.final_bound.as_ref().map(tuple)?;
        let within = keys.iter().filter(|&&key| last.is_none_or(|last| key > last) && key <= final_bound);
        within.copied().nth(rows as usize - 1).map(value)
    }

    fn walk(keys: &[Tuple], walker: &mut Walker, sizes: &[u64]) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let mut sizes = sizes.iter().cycle();
        while !walker.is_finished() {
            let rows = *sizes.next().unwrap();
            chunks.extend(walker.accept(answer(keys, walker, rows)));
        }
        assert_eq!(walker.accept(None), None);
        chunks
    }

    fn covers(chunk: &Chunk, key: Tuple) -> bool {
        chunk.after.as_ref().is_none_or(|after| key > tuple(after)) && key <= tuple(&chunk.up_to)
    }

    fn sorted_keys() -> impl Strategy<Value = Vec<Tuple>> {
        prop::collection::btree_set((-5_i64..20, 0_u8..6), 0..80).prop_map(|keys| keys.into_iter().collect())
    }

    proptest! {
        #[test]
        fn every_key_is_in_one_chunk_and_no_resume_misses_one(
            keys in sorted_keys(),
            sizes in prop::collection::vec(1_u64..9, 1..5),
            seed in prop::collection::vec(any::<u32>(), 80),
            stop in any::<prop::sample::Index>(),
        ) {
            let final_bound = keys.last().copied().map(value);
            let chunks = walk(&keys, &mut Walker::new(final_bound.clone(), None), &sizes);
            for (number, chunk) in chunks.iter().enumerate() {
                prop_assert_eq!(chunk.number, number as u64);
            }
            for &key in &keys {
                prop_assert_eq!(chunks.iter().filter(|chunk| covers(chunk, key)).count(), 1);
            }
            // Some chunks finish, in any order, and the walk stops there.
            let mut finishing: BTreeMap<(u32, u64), &Chunk> = BTreeMap::new();
            for (chunk, &random) in chunks.iter().zip(&seed) {
                finishing.insert((random, chunk.number), chunk);
            }
            let mut watermark = Watermark::new(None);
            let mut copied: Vec<&Chunk> = Vec::new();
            for chunk in finishing.values().take(stop.index(chunks.len() + 1)) {
                watermark.finish(chunk.number, chunk.up_to.clone());
                copied.push(chunk);
            }
            let resumed = walk(&keys, &mut Walker::new(final_bound, watermark.completed().cloned()), &sizes);
            for &key in &keys {
                let before = copied.iter().any(|chunk| covers(chunk, key));
                let again = resumed.iter().filter(|chunk| covers(chunk, key)).count();
                prop_assert!(before || again == 1, "{:?}", key);
                prop_assert!(again <= 1);
            }
        }

        #[test]
        fn keys_that_come_and_go_leave_no_gap(
            before in sorted_keys(),
            after in sorted_keys(),
            sizes in prop::collection::vec(1_u64..9, 1..5),
            cut in 0_usize..10,
        ) {
            let mut walker = Walker::new(before.last().copied().map(value), None);
            let mut chunks = Vec::new();
            for rows in sizes.iter().cycle().take(cut) {
                chunks.extend(walker.accept(answer(&before, &walker, *rows)));
            }
            chunks.extend(walk(&after, &mut walker, &sizes));
            let expected: Vec<Option<KeyValue>> =
                std::iter::once(None).chain(chunks.iter().map(|chunk| Some(chunk.up_to.clone()))).collect();
            let found: Vec<Option<KeyValue>> = chunks.iter().map(|chunk| chunk.after.clone()).collect();
            prop_assert_eq!(&found[..], &expected[..chunks.len()]);
            prop_assert_eq!(chunks.last().map(|chunk| chunk.up_to.clone()), before.last().copied().map(value));
        }
    }
}
