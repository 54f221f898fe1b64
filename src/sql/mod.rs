//! SQL as text: identifiers, literals, tokens. Pure.

pub mod ident;
pub mod lexer;

pub use ident::{Ident, TableName, string_literal};
