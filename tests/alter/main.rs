//! `replank alter` from end to end: what it makes, what it costs the application, and what it does when something comes in
//! between.

#[path = "../support/intercept.rs"]
mod intercept;
#[path = "../support/private_server.rs"]
mod private_server;
#[path = "../support/mod.rs"]
mod support;

mod catch_up;
mod corpus_changes;
mod crash;
mod dry_run;
mod epoch;
mod hostile_names;
mod interference;
mod oracle;
mod throttle;
mod under_load;
mod verify;
