//! Takes rows until a limit is reached.

use super::{Rows, SqlConfig, SqlValue};

/// Collects the rows of one statement.
pub(super) struct Collector<'a> {
    config: &'a SqlConfig,
    rows: Rows,
    bytes: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(config: &'a SqlConfig) -> Self {
        Self { config, rows: Rows::default(), bytes: 0 }
    }

    /// Notes the names, once.
    pub(super) fn columns(&mut self, names: impl Iterator<Item = String>) {
        if self.rows.columns.is_empty() {
            self.rows.columns = names.collect();
        }
    }

    /// Adds a row; `false` once no more fit, this one included.
    pub(super) fn push(&mut self, row: Vec<SqlValue>) -> bool {
        self.bytes += row.iter().map(SqlValue::size).sum::<usize>();
        if self.rows.rows.len() >= self.config.max_rows || self.bytes > self.config.max_result_bytes {
            self.rows.truncated = true;
            return false;
        }
        self.rows.rows.push(row);
        true
    }

    pub(super) fn affected(&mut self, count: u64) {
        self.rows.affected += count;
    }

    pub(super) fn finish(self) -> Rows {
        self.rows
    }
}
