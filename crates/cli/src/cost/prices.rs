//! What AWS takes, by list price. `prices.json` is built in; `--prices` replaces entries of it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value as Json;

const BUILT_IN: &str = include_str!("prices.json");

/// A price table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    /// Where these prices are asked.
    pub region: String,
    /// Year and month.
    pub as_of: String,
    /// Always USD: nothing is converted.
    pub currency: String,
    aws: BTreeMap<String, Price>,
    /// Servers that run whether anybody calls or not.
    pub always_on: Vec<Server>,
}

/// One price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    pub usd: f64,
    /// For how much.
    pub per: String,
    /// The page of AWS that says so.
    pub source: String,
}

/// A server for the same work.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub name: String,
    pub usd_month: f64,
}

impl Prices {
    /// The built-in table, with the entries of a file in place of its own: `{"aws": {"sqs_request": 0.0000005}}`.
    ///
    /// # Errors
    /// The file cannot be read, is no table, or names a price that there is none of.
    pub fn read(file: Option<&Path>) -> Result<Self> {
        let mut table: Json = serde_json::from_str(BUILT_IN).context("the built-in prices")?;
        if let Some(file) = file {
            let shown = file.display();
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
            let own = serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?;
            merge(&mut table, own).with_context(|| format!("{shown} is no price table"))?;
        }
        let table: Self = serde_json::from_value(table).context("not a price table")?;
        if let Some((name, _)) = table.aws.iter().find(|(_, price)| price.usd < 0.0) {
            bail!("the price {name} is below 0");
        }
        if table.currency != "USD" {
            bail!("the currency is {}, not USD: dollars are all that is compared", table.currency);
        }
        Ok(table)
    }

    /// The price of one, in dollars.
    ///
    /// # Errors
    /// There is no such price.
    pub fn of(&self, name: &str) -> Result<f64> {
        self.aws.get(name).map(|price| price.usd).with_context(|| format!("there is no price {name}"))
    }

    /// All prices by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.aws.iter().map(|(name, price)| (name.as_str(), price))
    }
}

/// A price may be given as a number alone.
fn merge(table: &mut Json, own: Json) -> Result<()> {
    let Json::Object(own) = own else { bail!("it is no object") };
    for (name, value) in own {
        match (name.as_str(), value) {
            ("aws", Json::Object(prices)) => {
                for (name, price) in prices {
                    let Some(entry) = table["aws"].get_mut(&name) else { bail!("there is no price {name}") };
                    match price {
                        price @ Json::Number(_) => entry["usd"] = price,
                        price => *entry = price,
                    }
                }
            }
            ("region" | "as_of" | "currency" | "always_on", value) => table[&name] = value,
            (name, _) => bail!("{name} is not one of aws (an object), always_on, region, as_of, currency"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(own: Json) -> Result<Prices> {
        let mut table = serde_json::from_str(BUILT_IN).unwrap();
        merge(&mut table, own)?;
        Ok(serde_json::from_value(table)?)
    }

    #[test]
    fn an_operator_replaces_entries() {
        let prices = merged(json!({"aws": {"sqs_request": 1}, "region": "eu-west-1"})).unwrap();
        assert_eq!((prices.of("sqs_request").unwrap(), prices.region.as_str()), (1.0, "eu-west-1"));
        let built_in = Prices::read(None).unwrap();
        assert_eq!(prices.of("log_gb").unwrap(), built_in.of("log_gb").unwrap());
    }

    #[test]
    fn what_is_no_price_table_is_refused_and_named() {
        for (own, named) in [
            (json!([]), "no object"),
            (json!({"aws": {"sqs": 1}}), "no price sqs"),
            (json!({"aws": 1}), "aws"),
            (json!({"azure": {}}), "azure"),
            (json!({"aws": {"sqs_request": "1"}}), "sqs_request"),
        ] {
            let error = format!("{:#}", merged(own.clone()).map(|_| ()).unwrap_err());
            assert!(error.contains(named) || error.contains("invalid type"), "{own}: {error}");
        }
    }

    /// A task's own estimate is made with the same prices.
    #[test]
    fn the_runner_has_the_same_prices() {
        let (ours, runners) = (Prices::read(None).unwrap(), millrace_runner::Prices::default().aws);
        for (name, price) in [
            ("lambda_request", runners.lambda_request),
            ("lambda_gb_second_arm64", runners.lambda_gb_second.arm64),
            ("lambda_gb_second_x86_64", runners.lambda_gb_second.x86_64),
            ("http_api_request", runners.http_api_request),
            ("sqs_request", runners.sqs_request),
            ("dynamodb_write_unit", runners.dynamodb_write_unit),
            ("dynamodb_read_unit", runners.dynamodb_read_unit),
            ("s3_write", runners.s3_write),
            ("s3_read", runners.s3_read),
            ("kms_request", runners.kms_request),
            ("log_gb", runners.log_gb),
        ] {
            assert_eq!(ours.of(name).unwrap(), price, "{name}");
        }
    }
}
