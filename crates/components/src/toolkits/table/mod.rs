//! A table that is asked in pandas' expressions. **Nothing is executed**: expressions are parsed here and
//! answered by a fixed set of operations over typed columns, with bounded work.

mod answer;
mod arithmetic;
mod call;
mod cell;
mod compute;
mod evaluate;
mod frame;
mod frame_calls;
mod functions;
mod group;
mod parse;
mod print;
mod read;
mod select;
mod series_calls;
mod string_calls;
mod syntax;
mod tokens;

pub(super) use evaluate::answer;
pub(super) use frame::Frame;

pub(super) use read::{MAX_BYTES, read};

#[cfg(test)]
mod tests;
