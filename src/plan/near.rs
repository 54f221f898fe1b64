//! Names that somebody may have meant. Pure.

/// How alike two names must be to be offered, of 1: `Oder` and `Order` are 0.8, `Post` and `Order` 0.2.
const ALIKE: f64 = 0.6;

/// At most three names that are like the one that was typed, the likest first. Case counts for nothing: a wrong one is
/// the commonest mistake.
pub fn nearest<'a>(typed: &str, names: &'a [String]) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let likeness = |name: &&'a String| strsim::normalized_damerau_levenshtein(&typed, &name.to_lowercase());
    let mut near: Vec<(f64, &str)> =
        names.iter().map(|name| (likeness(&name), name.as_str())).filter(|(likeness, _)| *likeness >= ALIKE).collect();
    near.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: &[&str]) {
        let names = ["Order", "OrderItem", "Post", "User", "_TagToPost", "order_log"].map(str::to_owned);
        assert_eq!(nearest(typed, &names), expected, "of {typed}");
    }

    #[test]
    fn names_that_are_alike_are_offered() {
        check("order", &["Order"]);
        check("Oder", &["Order"]);
        check("Orders", &["Order"]);
        check("OrderItems", &["OrderItem"]);
        check("Invoice", &[]);
    }
}
