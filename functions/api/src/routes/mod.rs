//! The handlers, one file a resource. Each reads its fields, makes one domain call and answers.

pub(crate) mod api_key;
pub(crate) mod api_key_rotate;
pub(crate) mod callback_secret;
pub(crate) mod docs;
pub(crate) mod flows;
pub(crate) mod flows_transfer;
pub(crate) mod health;
pub(crate) mod preload;
pub(crate) mod process;
pub(crate) mod run;
pub(crate) mod task;
pub(crate) mod tasks;
pub(crate) mod upload;
pub(crate) mod usage;
pub(crate) mod variables;
