//! What planning and steering cost without a server: all of it should vanish beside one statement's round trip.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use replank::copy::{Sizer, Watermark};
use replank::plan::{ChunkKey, KeyColumn, KeyKind, KeyValue, read_clauses};
use replank::sql::Ident;
use replank::sql::lexer::tokens;

const CLAUSES: &str = "ADD COLUMN `sku` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'it''s, a', \
    MODIFY COLUMN `price` DECIMAL(20, 4) UNSIGNED NOT NULL DEFAULT 0.0000, CHANGE `a` `b` BIGINT NOT NULL, \
    ADD UNIQUE INDEX `u` (`sku`, `b` DESC), DROP INDEX `old`, ENGINE=InnoDB ROW_FORMAT=DYNAMIC, ALGORITHM=INPLACE";

fn reading(criterion: &mut Criterion) {
    criterion.bench_function("tokens of 7 clauses", |bencher| bencher.iter(|| tokens(black_box(CLAUSES))));
    criterion.bench_function("read 7 clauses", |bencher| bencher.iter(|| read_clauses(black_box(CLAUSES))));
    let big = format!("{CLAUSES}, ").repeat(100) + "FORCE";
    criterion.bench_function("read 701 clauses", |bencher| bencher.iter(|| read_clauses(black_box(&big))));
}

fn composite_key() -> ChunkKey {
    let column =
        |name: &str, kind| KeyColumn { source: Ident::new(name), target: Ident::new(name), kind, narrows: false };
    let text = KeyKind::Text { charset: "utf8mb4".to_owned() };
    let columns = vec![column("tenant", KeyKind::Integer), column("code", text), column("at", KeyKind::Temporal)];
    ChunkKey { index: Ident::new("PRIMARY"), columns }
}

fn key_value(key: &ChunkKey, number: u64) -> KeyValue {
    let raw = vec![number.to_string(), "666F6F".to_owned(), "2026-01-01 00:00:00.000".to_owned()];
    key.value(raw).expect("the raw text is well formed")
}

fn predicates(criterion: &mut Criterion) {
    let key = composite_key();
    let columns = key.source_columns();
    let (low, high) = (key_value(&key, 1), key_value(&key, 2));
    criterion.bench_function("range predicate of 3 columns", |bencher| {
        bencher.iter(|| key.within(black_box(&columns), Some(&low), &high));
    });
}

fn steering(criterion: &mut Criterion) {
    let key = composite_key();
    let bounds: Vec<KeyValue> = (0..1_000).map(|number| key_value(&key, number)).collect();
    criterion.bench_function("watermark of 1000 chunks behind a slow one", |bencher| {
        bencher.iter(|| {
            let mut watermark = Watermark::new(None);
            for (number, bound) in (0..).zip(&bounds).skip(1) {
                watermark.finish(number, bound.clone());
            }
            watermark.finish(0, bounds[0].clone());
            watermark
        });
    });
    criterion.bench_function("size 1000 chunks", |bencher| {
        bencher.iter(|| {
            let mut sizer = Sizer::new(Duration::from_millis(100));
            for _ in 0..1_000 {
                let rows = sizer.next_size();
                sizer.observe(rows, Duration::from_micros(black_box(rows * 17)));
            }
            sizer.next_size()
        });
    });
}

criterion_group!(benches, reading, predicates, steering);
criterion_main!(benches);
