//! Everything the account must be allowed to do, found out before the first statement fails half-way.

use crate::error::{Failure, Stop};
use crate::plan::grants::{Account, Grants, Privilege};
use crate::sql::Ident;

const ON_TABLE: [Privilege; 10] = [
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Create,
    Privilege::Drop,
    Privilege::Alter,
    Privilege::Index,
    Privilege::Trigger,
    Privilege::LockTables,
];
/// Rows whose types change are compared with those of a temporary table there.
const ON_BOOKKEEPING: [Privilege; 10] = [
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Create,
    Privilege::Drop,
    Privilege::Alter,
    Privilege::Index,
    Privilege::CreateTemporaryTables,
    Privilege::LockTables,
];

pub(super) fn check(current_user: &str, grants: &Grants, schema: &Ident, bookkeeping: &Ident) -> Option<Failure> {
    // The shadow is another table of the same schema, so the grants must be on the schema.
    let on_schema = grants.missing_on_schema(schema, &ON_TABLE);
    let on_bookkeeping = grants.missing_on_schema(bookkeeping, &ON_BOOKKEEPING);
    lacking(current_user, grants, &[(schema.clone(), on_schema), (bookkeeping.clone(), on_bookkeeping)])
}

/// The refusal of an account that lacks these, `None` where there are none.
pub(super) fn lacking(current_user: &str, grants: &Grants, all: &[(Ident, Vec<Privilege>)]) -> Option<Failure> {
    let missing = all.iter().find_map(|(_, missing)| missing.first())?.name();
    let account = Account::parse(current_user);
    let mut failure = Failure::new(Stop::Server, format!("the account {account} lacks privileges, {missing} for one"));
    failure = failure.table("untouched");
    for (schema, missing) in all.iter().filter(|(_, missing)| !missing.is_empty()) {
        failure = failure.next(format!("`{}`", grants.grant_statement(&account, schema, missing)));
    }
    if !grants.roles().is_empty() {
        failure = failure.next("or activate a role that has them: `SET DEFAULT ROLE`");
    }
    Some(failure)
}
