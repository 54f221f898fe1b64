//! Accounts that may do less than root.

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use super::{Scenario, Server};

/// An account of one test. `remove` it at the end; it has no rights but those the test gives it.
#[derive(Debug)]
pub struct Account {
    /// `'app_1234abcd'@'%'`.
    pub sql: String,
    pub password: String,
    user: String,
    server: Server,
}

impl Account {
    pub async fn create(server: &Server) -> Result<Account> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let user = format!("app_{}", &unique[..8]);
        let password = format!("s3cr3t-{}", &unique[8..16]);
        let account = Account { sql: format!("'{user}'@'%'"), password, user, server: server.clone() };
        account.as_root(&format!("CREATE USER {} IDENTIFIED BY '{}'", account.sql, account.password)).await?;
        Ok(account)
    }

    /// The scenario's url with this account.
    pub fn url(&self, scenario: &Scenario) -> Result<String> {
        let mut url = url::Url::parse(&scenario.url())?;
        let fits = url.set_username(&self.user).and_then(|()| url.set_password(Some(&self.password)));
        ensure!(fits.is_ok(), "{url} takes no account");
        Ok(url.into())
    }

    pub async fn as_root(&self, sql: &str) -> Result<()> {
        let mut conn = self.server.connect("").await?;
        conn.query_drop(sql).await?;
        Ok(conn.disconnect().await?)
    }

    /// The account's name out of a text, so that texts of several runs can be compared.
    pub fn hide(&self, text: &str) -> String {
        text.replace(&self.user, "app")
    }

    pub async fn remove(self) -> Result<()> {
        self.as_root(&format!("DROP USER {}", self.sql)).await
    }
}
