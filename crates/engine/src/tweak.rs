//! Tweaks: values that a caller puts over a flow's own for one call.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::flow::{Dialect, Flow};
use crate::plan::Plan;

/// Field names that a caller can never set: they hold code.
const PROTECTED: [&str; 1] = ["code"];

/// What happens to a tweak that fits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leniency {
    /// It is an error that names it.
    #[default]
    Strict,
    /// It is ignored, as Langflow does.
    Lenient,
}

/// A tweak that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TweakError {
    /// No node of this id (1.x: nor of this display name).
    #[error("Tweak for unknown node '{0}'")]
    UnknownNode(String),
    /// The node has no such field.
    #[error("Tweak for unknown field '{field}' of node '{node}'")]
    UnknownField {
        /// The node as the caller named it.
        node: String,
        /// The field.
        field: String,
    },
    /// A node's tweak that is not an object of fields.
    #[error("Tweak for node '{0}' must be an object of field names and values")]
    NotAnObject(String),
    /// A field that holds code.
    #[error("Tweaks cannot set the field '{0}'")]
    Refused(String),
}

/// Resolved tweaks: values by vertex and field.
#[derive(Debug, Clone, Default)]
pub struct Tweaks(HashMap<usize, HashMap<String, Json>>);

impl Tweaks {
    /// Finds the vertices and fields that tweaks name.
    ///
    /// By node id; a group's id with its own field names stands for its inner fields; in 1.x also by
    /// display name, and a bare `field: value` means every node that has the field (1.13 contract 2.2).
    ///
    /// # Errors
    /// [`TweakError`]; with [`Leniency::Lenient`] only a refused field.
    pub fn resolve(plan: &Plan, tweaks: &Map<String, Json>, leniency: Leniency) -> Result<Self, TweakError> {
        let mut resolved = Self::default();
        for (name, value) in tweaks {
            match (resolved.add(plan, name, value), leniency) {
                (Err(TweakError::Refused(field)), _) => return Err(TweakError::Refused(field)),
                (Err(error), Leniency::Strict) => return Err(error),
                _ => {}
            }
        }
        Ok(resolved)
    }

    fn add(&mut self, plan: &Plan, name: &str, value: &Json) -> Result<(), TweakError> {
        let flow = plan.flow();
        if flow.grouped.contains(name) {
            return Ok(()); // without effect, as in Langflow (contract 1.4)
        }
        let targets = targets(flow, name);
        let group = flow.group_fields.get(name);
        match value {
            Json::Object(fields) if !targets.is_empty() || group.is_some() => {
                let mut outcome = Ok(());
                // All that fit are applied even if one does not: a lenient caller gets those.
                for (field, value) in fields {
                    let applied = self.add_field(plan, &targets, name, field, value);
                    outcome = outcome.and(applied);
                }
                outcome
            }
            Json::Object(_) => Err(TweakError::UnknownNode(name.to_owned())),
            _ if !targets.is_empty() || group.is_some() => Err(TweakError::NotAnObject(name.to_owned())),
            value if flow.dialect == Dialect::V1 => self.add_everywhere(plan, name, value),
            _ => Err(TweakError::UnknownNode(name.to_owned())),
        }
    }

    fn add_field(
        &mut self,
        plan: &Plan,
        targets: &[usize],
        node: &str,
        field: &str,
        value: &Json,
    ) -> Result<(), TweakError> {
        let flow = plan.flow();
        let unknown = || TweakError::UnknownField { node: node.to_owned(), field: field.to_owned() };
        let (targets, field) = match flow.group_fields.get(node) {
            Some(fields) => {
                let (id, inner) = fields.get(field).ok_or_else(unknown)?;
                (flow.position(id).into_iter().collect(), inner.as_str())
            }
            None => (targets.to_vec(), field),
        };
        refuse_protected(field)?;
        for target in targets {
            if !plan.has_field(target, field) {
                return Err(unknown());
            }
            self.set(flow, target, field, value);
        }
        Ok(())
    }

    fn add_everywhere(&mut self, plan: &Plan, field: &str, value: &Json) -> Result<(), TweakError> {
        refuse_protected(field)?;
        let all = 0..plan.flow().vertices.len();
        let targets: Vec<_> =
            all.filter(|vertex| plan.flow().vertices[*vertex].field(field).is_some()).collect();
        if targets.is_empty() {
            return Err(TweakError::UnknownNode(field.to_owned()));
        }
        targets.into_iter().for_each(|target| self.set(plan.flow(), target, field, value));
        Ok(())
    }

    /// A 1.x tweak may also be written as a piece of the field, `{"value": …}`.
    fn set(&mut self, flow: &Flow, vertex: usize, field: &str, value: &Json) {
        let piece = (flow.dialect == Dialect::V1).then(|| value.as_object()?.get("value")).flatten();
        self.put(vertex, field, piece.unwrap_or(value).clone());
    }

    /// Puts a value over a field.
    pub(crate) fn put(&mut self, vertex: usize, field: &str, value: Json) {
        self.0.entry(vertex).or_default().insert(field.to_owned(), value);
    }

    /// The value put over a field, if there is one.
    pub(crate) fn get(&self, vertex: usize, field: &str) -> Option<&Json> {
        self.0.get(&vertex)?.get(field)
    }

    /// The values put over a vertex's fields.
    pub(crate) fn of(&self, vertex: usize) -> impl Iterator<Item = (&String, &Json)> {
        self.0.get(&vertex).into_iter().flatten()
    }
}

fn targets(flow: &Flow, name: &str) -> Vec<usize> {
    let by_id: Vec<_> = flow.position(name).into_iter().collect();
    if !by_id.is_empty() || flow.dialect == Dialect::V0 {
        return by_id;
    }
    let named = flow.vertices.iter().enumerate().filter(|(_, vertex)| vertex.display_name == name);
    named.map(|(i, _)| i).collect()
}

fn refuse_protected(field: &str) -> Result<(), TweakError> {
    if PROTECTED.contains(&field) { Err(TweakError::Refused(field.to_owned())) } else { Ok(()) }
}
