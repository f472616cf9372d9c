//! A conversation that lives as long as the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::error::RunError;
use crate::services::{Sessions, State};

/// One conversation in memory: for runs that stand alone, and the measure for those that keep theirs.
#[derive(Debug, Default)]
pub struct MemorySessions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Turns by scope and key.
    turns: BTreeMap<(String, String), Json>,
    /// States by scope, each with its writer.
    states: BTreeMap<String, (State, String)>,
}

impl MemorySessions {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn turns(&self, scope: &str, newest: Option<u32>) -> Result<Vec<Json>, RunError> {
        let kept = self.kept();
        let of_scope = kept.turns.iter().filter(|((at, _), _)| at == scope).map(|(_, turn)| turn.clone());
        let turns: Vec<Json> = of_scope.collect();
        let skipped = newest.map_or(0, |newest| turns.len().saturating_sub(newest as usize));
        Ok(turns[skipped..].to_vec())
    }

    async fn append(&self, scope: &str, key: &str, turn: &Json) -> Result<(), RunError> {
        self.kept().turns.entry((scope.to_owned(), key.to_owned())).or_insert_with(|| turn.clone());
        Ok(())
    }

    async fn state(&self, scope: &str) -> Result<Option<State>, RunError> {
        Ok(self.kept().states.get(scope).map(|(state, _)| state.clone()))
    }

    async fn put_state(
        &self,
        scope: &str,
        expected: Option<u64>,
        writer: &str,
        body: &Json,
    ) -> Result<bool, RunError> {
        let mut kept = self.kept();
        let stands = kept.states.get(scope);
        if stands.is_some_and(|(_, by)| by == writer) {
            return Ok(true);
        }
        if stands.map(|(state, _)| state.version) != expected {
            return Ok(false);
        }
        let state = State { version: expected.unwrap_or(0) + 1, body: body.clone() };
        kept.states.insert(scope.to_owned(), (state, writer.to_owned()));
        Ok(true)
    }

    async fn clear(&self) -> Result<(), RunError> {
        *self.kept() = Kept::default();
        Ok(())
    }
}
