//! Who holds a table: MySQL says it in performance_schema only. A run that cannot look asks for its locks blindly, which
//! makes the application wait more often.

use crate::plan::grants::{Account, Grants, Privilege};
use crate::server::{Facts, Flavor};
use crate::sql::{Ident, TableName};

pub(super) fn warning(facts: &Facts, grants: &Grants) -> Option<String> {
    let schema = Ident::new("performance_schema");
    let hidden = |table: &&str| {
        let table = TableName { schema: schema.clone(), table: Ident::new(*table) };
        !grants.missing_on_table(&table, &[Privilege::Select]).is_empty()
    };
    let blind = facts.flavor == Flavor::MySql && ["metadata_locks", "threads"].iter().any(hidden);
    blind.then(|| {
        let account = Account::parse(&facts.current_user);
        format!(
            "the account cannot see who holds the table, so locks are asked for without waiting for a quiet moment: \
             `GRANT SELECT ON {schema}.* TO {account}`"
        )
    })
}
