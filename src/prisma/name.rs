//! The name of a migration, as Prisma's own command line would have made it.

use std::fmt;

use jiff::Timestamp;

use crate::error::{Failure, Stop};

/// Longest name of a migration directory in bytes, stamp included: Prisma refuses a longer one as P3010.
pub const MAX_NAME_BYTES: usize = 200;

/// Bytes of the stamp and the underscore after it, `20261123184500_`.
const STAMP_BYTES: usize = 15;

/// A migration's name without its stamp: lower-case ASCII letters and digits in words joined by single underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationName(String);

/// Why a text is no migration name, and one that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; pass {suggestion}")]
pub struct BadName {
    why: String,
    suggestion: String,
}

impl MigrationName {
    /// Takes `text` when Prisma would leave it as it is.
    ///
    /// # Errors
    /// Prisma would not, with what it would make of it as a suggestion.
    pub fn parse(text: &str) -> Result<MigrationName, BadName> {
        let Some(name) = MigrationName::made_of(text) else {
            return Err(BadName {
                why: "no letter or digit that can be kept".to_owned(),
                suggestion: "a name such as `add_order_sku`".to_owned(),
            });
        };
        if name.0 == text {
            return Ok(name);
        }
        let bytes = STAMP_BYTES + slugify(text).len();
        let why = if bytes > MAX_NAME_BYTES {
            format!(
                "too long: with its stamp the migration would have {bytes} bytes, and Prisma takes {MAX_NAME_BYTES} (P3010)"
            )
        } else {
            "not of the form that Prisma gives to migrations".to_owned()
        };
        Err(BadName { why, suggestion: format!("`{name}`") })
    }

    /// The name that Prisma would make of a text, cut to what it takes; `None` when nothing is left of it.
    pub fn made_of(text: &str) -> Option<MigrationName> {
        let slug = slugify(text);
        // Slugs are ASCII, so bytes are characters and any cut is a valid one.
        let cut = slug[..slug.len().min(MAX_NAME_BYTES - STAMP_BYTES)].trim_end_matches('_');
        (!cut.is_empty()).then(|| MigrationName(cut.to_owned()))
    }

    /// The name without a stamp.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the directory, `20261123184500_add_order_sku`: the stamp is UTC, as Prisma's is.
    pub fn stamped(&self, now: Timestamp) -> String {
        format!("{}_{}", now.strftime("%Y%m%d%H%M%S"), self.0)
    }
}

impl From<BadName> for Failure {
    fn from(error: BadName) -> Failure {
        Failure::new(Stop::Usage, format!("the migration has no usable name: {}", error.why))
            .table("untouched")
            .next(format!("pass {} with `--name`", error.suggestion))
    }
}

impl fmt::Display for MigrationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The slug Prisma's command line makes of what was typed: camel case taken apart, lower case, everything that is not
/// a letter or digit replaced by one underscore.
///
/// Letters outside Latin-1 count as separators; Prisma transliterates some more of them.
pub fn slugify(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match transliterate(letter) {
            Some(replacement) => plain.push_str(replacement),
            None => plain.push(letter),
        }
    }
    let letters: Vec<char> = plain.chars().collect();
    let mut slug = String::with_capacity(plain.len());
    for (at, letter) in letters.iter().enumerate() {
        let separates = !letter.is_ascii_alphanumeric() || starts_word(&letters, at);
        if separates && !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        }
    }
    slug.trim_end_matches('_').to_owned()
}

/// Whether camel case is taken apart before `at`: `orderSKU`, `SKUCode`, `SKU2`.
fn starts_word(letters: &[char], at: usize) -> bool {
    let upper = |index: Option<usize>| index.and_then(|i| letters.get(i)).is_some_and(char::is_ascii_uppercase);
    let lower = |index: Option<usize>| index.and_then(|i| letters.get(i)).is_some_and(char::is_ascii_lowercase);
    let digit = |index: Option<usize>| index.and_then(|i| letters.get(i)).is_some_and(char::is_ascii_digit);
    let (previous, here, next) = (at.checked_sub(1), Some(at), Some(at + 1));
    (upper(here) && (lower(previous) || digit(previous)))
        || (upper(previous) && upper(here) && lower(next))
        || (upper(at.checked_sub(2)) && upper(previous) && digit(here))
}

fn transliterate(letter: char) -> Option<&'static str> {
    Some(match letter {
        '&' => " and ",
        'À'..='Ã' | 'Å' => "A",
        'Ä' => "Ae",
        'Æ' => "AE",
        'Ç' => "C",
        'È'..='Ë' => "E",
        'Ì'..='Ï' => "I",
        'Ð' => "D",
        'Ñ' => "N",
        'Ò'..='Õ' | 'Ø' => "O",
        'Ö' => "Oe",
        'Ù'..='Û' => "U",
        'Ü' => "Ue",
        'Ý' => "Y",
        'Þ' => "TH",
        'ß' => "ss",
        'à'..='ã' | 'å' => "a",
        'ä' => "ae",
        'æ' => "ae",
        'ç' => "c",
        'è'..='ë' => "e",
        'ì'..='ï' => "i",
        'ð' => "d",
        'ñ' => "n",
        'ò'..='õ' | 'ø' => "o",
        'ö' => "oe",
        'ù'..='û' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'þ' => "th",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_slug(text: &str, expected: &str) {
        assert_eq!(slugify(text), expected, "of {text:?}");
        assert_eq!(slugify(expected), expected, "a slug stays as it is");
    }

    #[test]
    fn slugs_are_what_prisma_would_make() {
        check_slug("add_order_sku", "add_order_sku");
        check_slug("Add order SKU", "add_order_sku");
        check_slug("addOrderSKU", "add_order_sku");
        check_slug("SKUCode", "sku_code");
        check_slug("SKU2", "sku_2");
        check_slug("v2", "v2");
        check_slug("V2", "v2");
        check_slug("utf8mb4Bin", "utf8mb4_bin");
        check_slug("__add--order..sku__", "add_order_sku");
        check_slug("a & b", "a_and_b");
        check_slug("añadir número", "anadir_numero");
        check_slug("Größe", "groesse");
        check_slug("../../etc", "etc");
        check_slug("日本", "");
        check_slug("", "");
    }

    #[test]
    fn a_name_that_is_no_slug_is_refused_with_the_slug() {
        let refusal = |text: &str| MigrationName::parse(text).unwrap_err().to_string();
        let form = "not of the form that Prisma gives to migrations; pass `add_order_sku`";
        assert_eq!(refusal("Add order SKU"), form);
        assert_eq!(refusal("add order/sku"), form);
        assert_eq!(refusal("!"), "no letter or digit that can be kept; pass a name such as `add_order_sku`");
    }

    #[test]
    fn the_whole_name_fits_two_hundred_bytes() {
        let longest = MigrationName::parse(&"a".repeat(185)).unwrap();
        assert_eq!(longest.stamped(Timestamp::UNIX_EPOCH).len(), MAX_NAME_BYTES);

        let refusal = MigrationName::parse(&format!("{}_b", "a".repeat(184))).unwrap_err();
        assert_eq!(
            refusal.why,
            "too long: with its stamp the migration would have 201 bytes, and Prisma takes 200 (P3010)"
        );
        assert_eq!(refusal.suggestion, format!("`{}`", "a".repeat(184)));
    }

    #[test]
    fn the_stamp_is_utc() {
        let now: Timestamp = "2026-11-23T18:45:00.999+02:00".parse().unwrap();
        let name = MigrationName::parse("add_order_sku").unwrap();
        assert_eq!(name.stamped(now), "20261123164500_add_order_sku");
    }
}
