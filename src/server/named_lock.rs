//! Named locks. Their names are limited to 64 characters and shared by the whole server.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{ServerError, Session};
use crate::sql::string_literal;

/// The lock of a thing.
pub fn name_for(thing: &str) -> String {
    let digest = Sha256::digest(thing.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("replank:{hex}")
}

/// Takes a lock, which the session then holds until it gives it back or ends; false when somebody else kept it for as
/// long as `patience`, in whole seconds.
pub async fn take(session: &mut Session, name: &str, patience: Duration) -> Result<bool, ServerError> {
    let sql = format!("SELECT GET_LOCK({}, {})", string_literal(name), patience.as_secs());
    let answer: Option<Option<u64>> = session.first_row(&sql).await?;
    Ok(answer.flatten() == Some(1))
}

/// Gives a lock back.
pub async fn give_back(session: &mut Session, name: &str) -> Result<(), ServerError> {
    session.execute(&format!("DO RELEASE_LOCK({})", string_literal(name))).await.map(drop)
}
