//! A table that is asked in pandas' expressions. **Nothing is executed**: expressions are parsed here and
//! answered by a fixed set of operations over typed columns, with bounded work.

mod aggregates;
mod answer;
mod arithmetic;
mod assign;
mod brackets;
mod call;
mod calls;
mod cast;
mod cell;
mod compare;
mod compute;
mod dates;
mod each;
mod evaluate;
mod export;
mod format;
mod frame;
mod frame_calls;
mod functions;
mod group;
mod group_rows;
mod info;
mod numbers;
mod own;
mod parse;
mod pivot;
mod print;
mod print_array;
mod print_index;
mod read;
mod select;
mod series_calls;
mod session;
mod string_calls;
mod summary;
mod syntax;
mod time;
mod tokens;
mod turn;

#[cfg(test)]
use frame::Frame;
pub(super) use session::Session;

pub(super) use read::{MAX_BYTES, read};

#[cfg(test)]
mod tests;
