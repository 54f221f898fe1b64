//! `replank deploy`, `resolve` and `status`, against what `prisma migrate` does.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/account.rs"]
#[allow(dead_code, reason = "other test binaries use the rest of it")]
mod account_support;

/// An inline snapshot that tests of several servers share.
macro_rules! assert_text {
    ($text:expr, @$expected:literal) => {{
        let text = $text;
        insta::allow_duplicates! { insta::assert_snapshot!(text, @$expected) }
    }};
}

mod connection;
mod corpus;
mod interrupted;
mod locks;
mod project;
mod resolve;
mod states;
mod status;
