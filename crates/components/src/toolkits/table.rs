//! A table that is asked in pandas' expressions. **Nothing is executed**: expressions are parsed here and
//! answered by a fixed set of operations over typed columns, with bounded work.

#[path = "table_answer.rs"]
mod answer;
#[path = "table_arithmetic.rs"]
mod arithmetic;
#[path = "table_call.rs"]
mod call;
#[path = "table_cell.rs"]
mod cell;
#[path = "table_compute.rs"]
mod compute;
#[path = "table_evaluate.rs"]
mod evaluate;
#[path = "table_frame.rs"]
mod frame;
#[path = "table_frame_calls.rs"]
mod frame_calls;
#[path = "table_functions.rs"]
mod functions;
#[path = "table_group.rs"]
mod group;
#[path = "table_parse.rs"]
mod parse;
#[path = "table_print.rs"]
mod print;
#[path = "table_read.rs"]
mod read;
#[path = "table_select.rs"]
mod select;
#[path = "table_series_calls.rs"]
mod series_calls;
#[path = "table_string_calls.rs"]
mod string_calls;
#[path = "table_syntax.rs"]
mod syntax;
#[path = "table_tokens.rs"]
mod tokens;

pub(super) use evaluate::answer;
pub(super) use frame::Frame;

pub(super) use read::{MAX_BYTES, read};

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
