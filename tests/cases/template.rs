//! Statements with places for numbers: `{n}` counts the blocks of a run, `{1..300}` is a random number, `{id=1..300}` one
//! with a name, and `{id}` the same again in its block.

use std::collections::HashMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Fills a block's statements.
pub fn fill(statements: &[String], n: u64, random: &mut ChaCha8Rng) -> Vec<String> {
    let mut named = HashMap::new();
    statements.iter().map(|sql| fill_one(sql, n, random, &mut named)).collect()
}

fn fill_one(template: &str, n: u64, random: &mut ChaCha8Rng, named: &mut HashMap<String, i64>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let value = behind.split_once('}').and_then(|(inner, after)| Some((value(inner, n, random, named)?, after)));
        match value {
            Some((value, after)) => {
                out.push_str(&value);
                rest = after;
            }
            // A brace of the statement's own.
            None => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out + rest
}

fn value(inner: &str, n: u64, random: &mut ChaCha8Rng, named: &mut HashMap<String, i64>) -> Option<String> {
    if inner == "n" {
        return Some(n.to_string());
    }
    if let Some(value) = named.get(inner) {
        return Some(value.to_string());
    }
    let (name, range) = inner.split_once('=').map_or((None, inner), |(name, range)| (Some(name), range));
    let (low, high) = range.split_once("..")?;
    let value = random.random_range(low.parse::<i64>().ok()?..=high.parse::<i64>().ok()?);
    if let Some(name) = name {
        named.insert(name.to_owned(), value);
    }
    Some(value.to_string())
}

#[test]
fn places_are_filled() {
    use rand::SeedableRng;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let statements = ["a {n} {x=7..7} {\"j\":{x}}".to_owned(), "{x} {3..3}".to_owned()];
    assert_eq!(fill(&statements, 5, &mut random), ["a 5 7 {\"j\":7}", "7 3"]);
}
