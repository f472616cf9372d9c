//! Conditions and updates as DynamoDB wants them written.
//!
//! Every attribute goes by a `#name`, so that none of DynamoDB's reserved words can get in the way.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::text;
use crate::schema::PK;
use crate::size::Attributes;
use crate::state::{Event, legal_from};

/// The names and values that an expression refers to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Attributes,
}

impl Terms {
    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    /// `role` keeps two values of one attribute apart.
    fn value(&mut self, attribute: &str, role: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{attribute}_{role}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        self.values.extend(other.values);
    }
}

/// What must hold for a write to be applied.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) text: String,
    pub(crate) terms: Terms,
}

impl Condition {
    /// The task is in a state in which `event` is legal: [`crate::state::next`] as a condition.
    pub(crate) fn legal(attribute: &str, event: Event) -> Self {
        let mut terms = Terms::default();
        let name = terms.name(attribute);
        let states: Vec<String> = legal_from(event)
            .map(|state| terms.value(attribute, state.as_str(), text(state.as_str())))
            .collect();
        Self { text: format!("{name} IN ({})", states.join(", ")), terms }
    }

    /// There is a row.
    pub(crate) fn present() -> Self {
        Self::function("attribute_exists", PK)
    }

    /// There is no row.
    pub(crate) fn absent() -> Self {
        Self::function("attribute_not_exists", PK)
    }

    /// The row has an attribute.
    pub(crate) fn has(attribute: &str) -> Self {
        Self::function("attribute_exists", attribute)
    }

    /// The row, if there is one, has no such attribute.
    pub(crate) fn lacks(attribute: &str) -> Self {
        Self::function("attribute_not_exists", attribute)
    }

    pub(crate) fn equals(attribute: &str, value: AttributeValue) -> Self {
        Self::compare(attribute, "=", "eq", value)
    }

    pub(crate) fn at_most(attribute: &str, value: AttributeValue) -> Self {
        Self::compare(attribute, "<=", "max", value)
    }

    pub(crate) fn above(attribute: &str, value: AttributeValue) -> Self {
        Self::compare(attribute, ">", "floor", value)
    }

    fn function(function: &str, attribute: &str) -> Self {
        let mut terms = Terms::default();
        let name = terms.name(attribute);
        Self { text: format!("{function}({name})"), terms }
    }

    fn compare(attribute: &str, operator: &str, role: &str, value: AttributeValue) -> Self {
        let mut terms = Terms::default();
        let name = terms.name(attribute);
        let value = terms.value(attribute, role, value);
        Self { text: format!("{name} {operator} {value}"), terms }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        self.join("AND", other)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.join("OR", other)
    }

    fn join(mut self, operator: &str, other: Self) -> Self {
        self.terms.extend(other.terms);
        Self { text: format!("({}) {operator} ({})", self.text, other.text), terms: self.terms }
    }
}

/// What an update changes, and on what condition.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    sets: Vec<String>,
    removes: Vec<String>,
    pub(crate) condition: String,
    pub(crate) terms: Terms,
}

impl Change {
    /// An update that is applied only when `condition` holds.
    ///
    /// There is no `ADD`: the SDK repeats a write whose reply was lost, and would count twice. Where that does no
    /// harm, there is [`crate::Store::add`].
    pub(crate) fn when(condition: Condition) -> Self {
        Self { sets: Vec::new(), removes: Vec::new(), condition: condition.text, terms: condition.terms }
    }

    pub(crate) fn set(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.terms.name(attribute), self.terms.value(attribute, "new", value));
        self.sets.push(format!("{name} = {value}"));
        self
    }

    pub(crate) fn set_if_absent(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.terms.name(attribute), self.terms.value(attribute, "new", value));
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
        self
    }

    /// Adds to a number, which is 0 when absent. The condition has to make a repetition harmless.
    pub(crate) fn increase(mut self, attribute: &str, by: AttributeValue) -> Self {
        let zero = self.terms.value(attribute, "zero", AttributeValue::N("0".to_owned()));
        let (name, by) = (self.terms.name(attribute), self.terms.value(attribute, "by", by));
        self.sets.push(format!("{name} = if_not_exists({name}, {zero}) + {by}"));
        self
    }

    pub(crate) fn remove(mut self, attribute: &str) -> Self {
        let name = self.terms.name(attribute);
        self.removes.push(name);
        self
    }

    pub(crate) fn expression(&self) -> String {
        let clause = |keyword: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{keyword} {} ", parts.join(", ")),
        };
        clause("SET", &self.sets) + &clause("REMOVE", &self.removes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::attr;
    use crate::state::{State, next};

    /// The emulator's own verdict on each pair is checked in the suite; this is the text itself.
    #[test]
    fn the_condition_names_exactly_the_legal_states() {
        for event in Event::ALL {
            let condition = Condition::legal(attr::STATE, event);
            for state in State::ALL {
                let named = condition.terms.values.values().any(|value| value == &text(state.as_str()));
                assert_eq!(named, next(state, event).is_ok(), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn an_update_is_written_out() {
        let change = Change::when(Condition::present().and(Condition::equals("attempt", text("1"))))
            .set("state", text("queued"))
            .remove("lease");
        assert_eq!(change.condition, "(attribute_exists(#pk)) AND (#attempt = :attempt_eq)");
        assert_eq!(change.expression(), "SET #state = :state_new REMOVE #lease ");
        assert_eq!(change.terms.names.len(), 4);
    }
}
