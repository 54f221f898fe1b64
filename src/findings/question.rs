//! What a rule wants to know of the rows before it can say something.

use std::fmt;

/// The rows of an answer, NULL as `None`.
pub type Answer = Vec<Vec<Option<String>>>;

/// What an answer means: the finding's text, or no finding.
pub type Reading = Box<dyn Fn(&Answer) -> Option<String> + Send>;

/// A query that only reads, and what its answer means.
pub struct Question {
    /// The query.
    pub sql: String,
    /// The query that lists all the rows that it is about.
    pub list: String,
    /// The finding's text; `None` when the answer is no finding.
    pub read: Reading,
    /// The finding's text when the server gave no answer in time.
    pub unanswered: String,
    /// Whether it is about values that a statement before the change may mend.
    pub of_values: bool,
    /// Whether it is about values that are stored in another way and stop nothing.
    pub of_rounding: bool,
}

impl Question {
    /// A query whose first value is a number of rows, none of which would be no finding.
    pub fn count(
        sql: String,
        list: String,
        unanswered: impl Into<String>,
        read: impl Fn(u64, &[Option<String>]) -> String + Send + 'static,
    ) -> Question {
        let read = move |answer: &Answer| {
            let row = answer.first()?;
            let rows: u64 = row.first()?.as_deref()?.parse().ok()?;
            (rows > 0).then(|| read(rows, &row[1..]))
        };
        Question {
            sql,
            list,
            read: Box::new(read),
            unanswered: unanswered.into(),
            of_values: false,
            of_rounding: false,
        }
    }

    /// About values that a statement before the change may mend.
    pub fn of_values(self) -> Question {
        Question { of_values: true, ..self }
    }

    /// About values that are rounded by the change, and stop nothing.
    pub fn rounded(self) -> Question {
        Question { of_rounding: true, ..self.of_values() }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("sql", &self.sql).finish_non_exhaustive()
    }
}
