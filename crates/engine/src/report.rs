//! What can be said of a flow before it runs: what runs, what does not and why, and whom it calls.

use serde::Serialize;
use serde_json::Value as Json;

use crate::check::Warning;
use crate::component::Reach;
use crate::flow::{Dialect, Vertex};
use crate::plan::Plan;

/// A flow, looked at before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all of its nodes run.
    pub runs: bool,
    /// `0.x` or `1.x`.
    pub dialect: &'static str,
    /// Its nodes, groups taken apart.
    pub nodes: Vec<NodeReport>,
    /// What its owner should know of the flow as a whole.
    pub warnings: Vec<String>,
    /// The services outside that it calls.
    pub services: Vec<ServiceReport>,
}

/// A node, looked at before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeReport {
    /// Its id.
    pub id: String,
    /// Its type as drawn.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it runs.
    pub runs: bool,
    /// Why it does not, or what differs from the drawing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A service outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    /// Its name.
    pub service: String,
    /// Where it is, without user names, passwords and parameters; `None` where only the run will tell.
    pub address: Option<String>,
    /// The nodes that call it.
    pub nodes: Vec<String>,
}

impl Report {
    /// The report of a flow that cannot be planned.
    pub fn broken(dialect: Option<Dialect>, warning: &Warning) -> Self {
        Self {
            runs: false,
            dialect: dialect.map_or("", name),
            nodes: Vec::new(),
            warnings: vec![warning.to_string()],
            services: Vec::new(),
        }
    }
}

impl Plan {
    /// What can be said of this flow before it runs.
    pub fn report(&self) -> Report {
        let warnings = self.warnings();
        let nodes = self.flow().vertices.iter().map(|vertex| node(vertex, &warnings)).collect();
        let whole = warnings.iter().filter(|warning| warning.vertex().is_none());
        Report {
            runs: !warnings.iter().any(Warning::stops),
            dialect: name(self.flow().dialect),
            nodes,
            warnings: whole.map(ToString::to_string).collect(),
            services: self.services(),
        }
    }

    fn services(&self) -> Vec<ServiceReport> {
        let mut services: Vec<ServiceReport> = Vec::new();
        for (i, vertex) in self.flow().vertices.iter().enumerate() {
            let reaches = self.entry(i).map(|entry| entry.spec.reaches).unwrap_or_default();
            for (reach, address) in reaches.iter().flat_map(|reach| addresses(reach, vertex)) {
                let known = services.iter_mut().find(|s| s.service == reach.service && s.address == address);
                match known {
                    Some(known) => known.nodes.push(vertex.id.clone()),
                    None => services.push(ServiceReport {
                        service: reach.service.to_owned(),
                        address,
                        nodes: vec![vertex.id.clone()],
                    }),
                }
            }
        }
        services
    }
}

fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V0 => "0.x",
        Dialect::V1 => "1.x",
    }
}

fn node(vertex: &Vertex, warnings: &[Warning]) -> NodeReport {
    let warning = warnings.iter().find(|warning| warning.vertex() == Some(&vertex.id));
    NodeReport {
        id: vertex.id.clone(),
        kind: vertex.kind.clone(),
        runs: warning.is_none_or(|warning| !warning.stops()),
        why: warning.map(ToString::to_string),
    }
}

/// The addresses of a service that a vertex calls: those in its field, else the service's own.
fn addresses<'a>(reach: &'a Reach, vertex: &Vertex) -> Vec<(&'a Reach, Option<String>)> {
    let named = [Some(reach.field), reach.other_field].into_iter().flatten();
    let field = named.filter_map(|name| vertex.field(name)).find(|field| field.show && !field.load_from_db);
    let drawn: Vec<String> = match field.map(|field| &field.value) {
        Some(Json::String(text)) if !text.trim().is_empty() => vec![text.clone()],
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if drawn.is_empty() {
        let own = (!reach.address.is_empty()).then(|| reach.address.to_owned());
        return vec![(reach, own)];
    }
    drawn.iter().map(|address| (reach, Some(bare(address)))).collect()
}

/// An address without what may be secret: user, password, parameters.
fn bare(address: &str) -> String {
    let address = address.trim();
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn addresses_are_shown_without_what_may_be_secret() {
        for (address, shown) in [
            ("https://api.example.com/v1?key=x#y", "https://api.example.com/v1"),
            (
                "postgresql+psycopg2://ann:pa@ss@db.example.com:5432/shop",
                "postgresql+psycopg2://db.example.com:5432/shop",
            ),
            ("sqlite:///shop.db", "sqlite:///shop.db"),
            ("example.com", "example.com"),
        ] {
            assert_eq!(bare(address), shown);
        }
    }
}
