//! `replank deploy`, `resolve` and `status`, against what `prisma migrate` does.

#[path = "../support/mod.rs"]
mod support;

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
mod log;
mod project;
mod resolve;
mod short_waits;
mod states;
mod status;
