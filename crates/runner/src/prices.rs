//! What things cost: the table with which a task's cost is estimated.
//!
//! `prices/prices.json` is built in: list prices of AWS in us-east-1 and of model providers, in US dollars, as they were
//! known when this version was made. `MILLRACE_PRICES` replaces entries of it:
//!
//! ```json
//! {"models": {"gpt-4o": {"input": 2, "output": 8}, "our-own": {"input": 0, "output": 0}}, "aws": {"sqs_request": 0}}
//! ```
//!
//! Models cost dollars for **a million tokens**, everything else for one of it. A model without an entry of its own has
//! that of the longest name that it begins with, up to a `-`, `:`, `@` or the end: `gpt-4o-2024-08-06` is `gpt-4o`. Before
//! that, what providers put before the name is taken off: `models/gemini-2.0-flash`, `us.anthropic.claude-3-haiku-…`.

use std::collections::BTreeMap;
use std::str::FromStr;

use millrace_engine::Usage;
use serde::Deserialize;
use serde_json::Value as Json;

const BUILT_IN: &str = include_str!("prices/prices.json");

/// Models cost by the million.
const TOKENS: f64 = 1e6;

/// Prices, in US dollars.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// What AWS takes.
    pub aws: AwsPrices,
    models: BTreeMap<String, ModelPrice>,
}

/// What one of each costs.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsPrices {
    /// An invocation of a function.
    pub lambda_request: f64,
    /// A second of a function with 1 GB.
    pub lambda_gb_second: GbSecond,
    /// A request to an HTTP API.
    pub http_api_request: f64,
    /// A request to a queue, for each 64 KB.
    pub sqs_request: f64,
    /// A write unit of a table on demand.
    pub dynamodb_write_unit: f64,
    /// A read unit of a table on demand.
    pub dynamodb_read_unit: f64,
    /// A put or a list.
    pub s3_write: f64,
    /// A get.
    pub s3_read: f64,
    /// A call of KMS.
    pub kms_request: f64,
    /// A GB of log lines taken in.
    pub log_gb: f64,
}

/// By the instruction set of the function.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GbSecond {
    /// Graviton.
    pub arm64: f64,
    /// Intel and AMD.
    pub x86_64: f64,
}

/// A million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// Of what the model reads.
    pub input: f64,
    /// Of what it writes.
    pub output: f64,
}

/// A price table that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a price table: {0}")]
pub struct PricesError(String);

impl AwsPrices {
    /// A GB-second of the instruction set that this was built for.
    pub fn gb_second(&self) -> f64 {
        if cfg!(target_arch = "aarch64") { self.lambda_gb_second.arm64 } else { self.lambda_gb_second.x86_64 }
    }
}

impl Default for Prices {
    /// The table that is built in.
    fn default() -> Self {
        // A test reads the table, so that this cannot fail in a build that passed.
        serde_json::from_str(BUILT_IN).unwrap_or_else(|_| unreachable!("the built-in prices can be read"))
    }
}

impl FromStr for Prices {
    type Err = PricesError;

    /// The built-in table with these entries in place of its own.
    fn from_str(entries: &str) -> Result<Self, PricesError> {
        let entries: Json = serde_json::from_str(entries).map_err(|error| failed(&error))?;
        let mut table: Json = serde_json::from_str(BUILT_IN).map_err(|error| failed(&error))?;
        check(&entries, "")?;
        merge(&mut table, entries);
        serde_json::from_value(table).map_err(|error| failed(&error))
    }
}

impl Prices {
    /// The price of a model, if the table has one.
    pub fn model(&self, name: &str) -> Option<ModelPrice> {
        let name = bare(name);
        let boundary = |rest: &str| rest.is_empty() || rest.starts_with(['-', ':', '@']);
        let fits = |known: &&String| name.strip_prefix(known.as_str()).is_some_and(boundary);
        let longest = self.models.keys().filter(fits).max_by_key(|known| known.len())?;
        self.models.get(longest).copied()
    }

    /// What these tokens of a model cost, if the table has its price.
    pub fn tokens(&self, model: &str, usage: Usage) -> Option<f64> {
        let price = self.model(model)?;
        Some((usage.input as f64 * price.input + usage.output as f64 * price.output) / TOKENS)
    }
}

/// The name without what providers put before it: a path, or the region and the house that made it.
fn bare(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let houses = ["anthropic.", "amazon.", "cohere.", "mistral.", "meta."];
    houses.iter().find_map(|house| name.split_once(house)).map_or(name, |(_, bare)| bare)
}

/// What is wrong with a table. It is the operator's own, and what is quoted of it are names.
fn failed(error: &serde_json::Error) -> PricesError {
    PricesError(error.to_string())
}

/// No price is below zero, and a table consists of objects and numbers.
fn check(entries: &Json, place: &str) -> Result<(), PricesError> {
    match entries {
        Json::Object(fields) => fields.iter().try_for_each(|(name, entry)| {
            let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            check(entry, &inner)
        }),
        Json::Number(price) if price.as_f64().is_some_and(|price| price >= 0.0) && !place.is_empty() => {
            Ok(())
        }
        _ if place.is_empty() => Err(PricesError("it is no object".to_owned())),
        _ => Err(PricesError(format!("{place} is no number from 0 on"))),
    }
}

fn merge(table: &mut Json, entries: Json) {
    match (table, entries) {
        (Json::Object(table), Json::Object(entries)) => {
            for (name, entry) in entries {
                merge(table.entry(name).or_insert(Json::Null), entry);
            }
        }
        (table, entry) => *table = entry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input_of(prices: &Prices, model: &str) -> Option<f64> {
        prices.model(model).map(|price| price.input)
    }

    #[test]
    fn a_model_has_the_price_of_the_longest_name_that_it_begins_with() {
        let prices = Prices::default();
        for (model, input) in [
            ("gpt-4o", Some(2.5)),
            ("gpt-4o-2024-08-06", Some(2.5)),
            ("gpt-4o-mini-2024-07-18", Some(0.15)),
            ("gpt-4-0613", Some(30.0)),
            ("gpt-4.1-nano", Some(0.1)),
            ("gpt-4oo", None),
            ("openai/gpt-4o", Some(2.5)),
            ("models/gemini-2.0-flash", Some(0.1)),
            ("us.anthropic.claude-3-haiku-20240307-v1:0", Some(0.25)),
            ("amazon.titan-embed-text-v1", Some(0.1)),
            ("our-own", None),
            ("", None),
        ] {
            assert_eq!(input_of(&prices, model), input, "{model}");
        }
    }

    #[test]
    fn a_million_tokens_cost_what_the_table_says() {
        let used = Usage { input: 1_000_000, output: 500_000 };
        assert_eq!(Prices::default().tokens("gpt-4o", used), Some(2.5 + 5.0));
    }

    #[test]
    fn an_operator_replaces_entries() {
        let own = r#"{"models": {"gpt-4o": {"input": 1, "output": 2}, "our-own": {"input": 0, "output": 0}},
            "aws": {"sqs_request": 0, "lambda_gb_second": {"arm64": 1e-5}}}"#;
        let prices: Prices = own.parse().unwrap();
        assert_eq!(input_of(&prices, "gpt-4o-2024-08-06"), Some(1.0));
        assert_eq!(input_of(&prices, "our-own"), Some(0.0));
        assert_eq!(input_of(&prices, "o3"), Some(2.0));
        assert_eq!((prices.aws.sqs_request, prices.aws.lambda_gb_second.arm64), (0.0, 1e-5));
        assert_eq!(prices.aws.lambda_gb_second.x86_64, Prices::default().aws.lambda_gb_second.x86_64);
        assert_eq!("{}".parse(), Ok(Prices::default()));
    }

    #[test]
    fn what_is_no_price_table_is_refused_and_named() {
        for (table, named) in [
            ("", "EOF"),
            ("[]", "no object"),
            ("3", "no object"),
            (r#"{"models": {"x": {"input": -1, "output": 0}}}"#, "models.x.input"),
            (r#"{"models": {"x": {"input": "1", "output": 0}}}"#, "models.x.input"),
            (r#"{"models": {"x": {"input": 1}}}"#, "output"),
            (r#"{"aws": {"lambda": 1}}"#, "lambda"),
            (r#"{"modles": {}}"#, "modles"),
        ] {
            let error = table.parse::<Prices>().unwrap_err().to_string();
            assert!(error.contains(named), "{table}: {error}");
        }
    }
}
