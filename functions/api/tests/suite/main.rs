//! The API over an embedded DynamoDB: requests in, answers and rows out.

mod cloud;
mod events;
mod flows;
mod keys;
mod tasks;
