//! What a task uses: counted while it runs, kept in its row, told to its owner, priced by estimate.

mod share;

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_engine::Usage;
use millrace_store::{Counter, Requests};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::Prices;
pub(crate) use share::{Shares, Ticket};

/// The write that ends a task is counted before it is made: its row and one entry of an index.
const END: Requests = Requests { dynamodb: 1, sqs: 0, s3: 0, kms: 0, write_units: 2.0, read_units: 0.0 };

/// What is used of functions and services, besides tokens. It stands in the row of a task that was given back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Spent {
    /// Microseconds of a function, shared with whatever ran beside it.
    pub us: u64,
    /// Invocations that had a part in it: the one that accepted it and one for each claim.
    #[serde(rename = "n")]
    pub invocations: u64,
    #[serde(flatten)]
    pub requests: Requests,
}

impl Spent {
    /// What accepting a queued task takes: what was asked so far for its request, and what is about to be, by the length
    /// of its input in JSON: input, row with two index entries, message.
    pub fn accepted(so_far: Requests, input_bytes: usize) -> Self {
        let write_units = 3.0 + input_bytes.div_ceil(1024).max(1) as f64;
        let mut requests = Requests { dynamodb: 2, sqs: 1, write_units, ..Requests::default() };
        requests += so_far;
        Self { us: 0, invocations: 1, requests }
    }
}

impl std::ops::Add for Spent {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.us += other.us;
        self.invocations += other.invocations;
        self.requests += other.requests;
        self
    }
}

/// What estimates are made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rates {
    pub prices: Prices,
    /// Memory of the function, MB.
    pub memory_mb: u32,
}

/// Measures one run.
pub(crate) struct Meter {
    pub counter: Arc<Counter>,
    pub rates: Arc<Rates>,
    /// What is spent before: by accepting the task, and by claims that were given back.
    before: Spent,
    ticket: Ticket,
}

impl Meter {
    pub fn new(counter: Arc<Counter>, rates: Arc<Rates>, shares: &Arc<Shares>, before: Spent) -> Arc<Self> {
        Arc::new(Self { counter, rates, before, ticket: shares.enter() })
    }

    /// What is spent so far, this invocation included.
    pub fn spent(&self) -> Spent {
        let us = u64::try_from(self.ticket.so_far().as_micros()).unwrap_or(u64::MAX);
        self.before + Spent { us, invocations: 1, requests: self.counter.so_far() }
    }

    /// What a task used that could not be run.
    pub fn usage_of_none(&self) -> TaskUsage {
        self.usage(&BTreeMap::new(), Usage::default(), 0)
    }

    /// What the task used, by the tokens that its run counted.
    pub fn usage(&self, models: &BTreeMap<String, Usage>, tokens: Usage, effects: u64) -> TaskUsage {
        let mut spent = self.spent();
        spent.requests += END;
        let unpriced =
            models.keys().filter(|model| self.rates.prices.model(model).is_none()).cloned().collect();
        TaskUsage {
            input: tokens.input,
            output: tokens.output,
            models: models.iter().map(|(model, used)| (model.clone(), [used.input, used.output])).collect(),
            effects,
            memory_mb: self.rates.memory_mb,
            spent,
            cost: self.cost(models, spent),
            unpriced,
        }
    }

    /// Dollars, by estimate, for these tokens and what is spent.
    pub fn cost(&self, models: &BTreeMap<String, Usage>, spent: Spent) -> f64 {
        let prices = &self.rates.prices;
        let tokens: f64 = models.iter().filter_map(|(model, used)| prices.tokens(model, *used)).sum();
        let (aws, requests) = (&prices.aws, spent.requests);
        tokens
            + gb_seconds(spent.us, self.rates.memory_mb) * aws.gb_second()
            + spent.invocations as f64 * aws.lambda_request
            + aws.http_api_request
            + requests.sqs as f64 * aws.sqs_request
            + requests.s3 as f64 * aws.s3_write
            + requests.kms as f64 * aws.kms_request
            + requests.write_units * aws.dynamodb_write_unit
            + requests.read_units * aws.dynamodb_read_unit
    }
}

fn gb_seconds(us: u64, memory_mb: u32) -> f64 {
    us as f64 / 1e6 * f64::from(memory_mb) / 1024.0
}

/// What a task used, in the form in which it stands in its row: short names, since a row is billed by the KB.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TaskUsage {
    pub input: u64,
    pub output: u64,
    #[serde(rename = "m", skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, [u64; 2]>,
    #[serde(rename = "e")]
    pub effects: u64,
    #[serde(rename = "mb")]
    pub memory_mb: u32,
    #[serde(flatten)]
    pub spent: Spent,
    /// Dollars.
    #[serde(rename = "c")]
    pub cost: f64,
    /// Models that have no price, and so no part in the cost.
    #[serde(rename = "x", skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
}

impl TaskUsage {
    /// As it is stored.
    pub fn stored(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What a row holds; an older one holds tokens alone.
    pub fn of(stored: Json) -> Self {
        serde_json::from_value(stored).unwrap_or_default()
    }

    /// As it is told.
    pub fn told(&self) -> Json {
        let models: BTreeMap<_, _> = self
            .models
            .iter()
            .map(|(model, [input, output])| (model, json!({"input": input, "output": output})))
            .collect();
        let Spent { us, invocations, requests } = self.spent;
        json!({
            "input": self.input,
            "output": self.output,
            "models": models,
            "effects": self.effects,
            "billed_ms": us.div_ceil(1000),
            "gb_seconds": rounded(gb_seconds(us, self.memory_mb)),
            "requests": {
                "lambda": invocations,
                "dynamodb": requests.dynamodb,
                "sqs": requests.sqs,
                "s3": requests.s3,
                "kms": requests.kms,
            },
            "write_units": requests.write_units,
            "read_units": requests.read_units,
            "cost_usd": rounded(self.cost),
            "unpriced_models": self.unpriced,
        })
    }
}

/// To a billionth: what lies below is noise of the arithmetic.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}
