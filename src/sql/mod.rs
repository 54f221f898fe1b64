//! SQL as text: identifiers, literals, tokens, scripts. Pure.

pub mod beginning;
mod compound;
pub mod executed;
pub mod file_name;
pub mod ident;
pub mod lexer;
pub mod script;

pub use compound::Endless;
pub use ident::{Ident, TableName, string_literal};
