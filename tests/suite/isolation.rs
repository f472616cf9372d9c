//! Two tenants in one installation: whatever the one asks for, it neither sees nor changes what is the other's.
//!
//! The matrix walks every route of the API with six kinds of callers. `rows.rs` says for each route what is asked;
//! a route without a row there fails. `beside.rs` has what is no route: conversations, files, indexes, cursors,
//! messages, flows that call flows.

mod beside;
pub mod rows;
pub mod tenants;

use millrace_api::{RouteInfo, route_list};
use millrace_store::{KeyTerms, Scope};
use reqwest::Method;

use crate::stack::{Answer, Stack, form, send};
use rows::{Ask, Body};
use tenants::Owner;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    NoKey,
    MalformedKey,
    RevokedKey,
    ExpiredKey,
    WrongScope,
    /// A good key with every scope, of another tenant.
    OtherTenant,
}

const CALLERS: [Caller; 6] = [
    Caller::NoKey,
    Caller::MalformedKey,
    Caller::RevokedKey,
    Caller::ExpiredKey,
    Caller::WrongScope,
    Caller::OtherTenant,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_reveals_or_changes_what_is_another_tenant_s() {
    let owner = Owner::settled().await;
    let rows = rows::rows(&owner);
    assert_complete(&route_list(), &rows);
    let keys = Keys::of(&owner).await;
    let secrets = owner.secrets().await;
    let before = owner.belongings().await;
    let mut leaks = Vec::new();
    for route in route_list() {
        let ask = rows.iter().find(|ask| (ask.method, ask.route) == (route.method, route.path)).unwrap();
        for caller in CALLERS {
            let answer = asked(&owner.stack, ask, keys.key(caller, &route)).await;
            leaks.extend(judged(&route, ask, caller, &answer, &secrets));
        }
        let after = owner.belongings().await;
        if after != before {
            leaks.push(format!("{} {} changed {}", route.method, route.path, before.difference(&after)));
        }
    }
    println!(
        "{} routes × {} = {} requests, {} leaks",
        rows.len(),
        CALLERS.len(),
        rows.len() * CALLERS.len(),
        leaks.len()
    );
    assert!(leaks.is_empty(), "{leaks:#?}");

    // What was asked was no nonsense, and what was looked for is there: the owner gets answers, and sees it in them.
    let mut seen = String::new();
    for ask in &rows {
        let answer = asked(&owner.stack, ask, Some(&owner.stack.key)).await;
        assert_eq!(answer.status, ask.owner, "{} {}: {}", ask.method, ask.path, answer.body);
        seen += &answer.body.to_string();
    }
    let unseen: Vec<_> = secrets.iter().filter(|secret| !seen.contains(*secret)).collect();
    // The file, its reference and the two keys are shown once, and that was before.
    assert_eq!(unseen.len(), 4, "{unseen:?}");
    assert!(owner.belongings().await != before, "the owner changed something, and it is noticed");
}

/// The rows are the routes, each once.
fn assert_complete(routes: &[RouteInfo], rows: &[Ask]) {
    let mut routes: Vec<_> = routes.iter().map(|route| (route.method, route.path)).collect();
    let mut rows: Vec<_> = rows.iter().map(|ask| (ask.method, ask.route)).collect();
    routes.sort_unstable();
    rows.sort_unstable();
    assert_eq!(
        rows, routes,
        "tests/suite/isolation/rows.rs has a row for each route of functions/api/src/router.rs"
    );
}

/// The keys of the callers.
struct Keys {
    revoked: String,
    expired: String,
    other: String,
    /// For the scopes of each row, a key of the owner's tenant that has every other one but `admin`.
    narrow: Vec<(&'static [Scope], String)>,
}

impl Keys {
    async fn of(owner: &Owner) -> Self {
        let store = owner.stack.runner.store();
        let revoked = store.create_key(&owner.tenant, "revoked").await.unwrap();
        assert!(store.authenticate(&revoked.text).await.unwrap().is_some());
        assert!(store.delete_key(&owner.tenant, revoked.record.id).await.unwrap());
        let over = KeyTerms { expires_at: Some(store.host().now()), ..KeyTerms::default() };
        let expired = store.create_key_with(&owner.tenant, "expired", &over).await.unwrap();
        let other = store.create_key(&owner.other, "theirs").await.unwrap();
        let mut narrow: Vec<(&[Scope], String)> = Vec::new();
        for RouteInfo { scopes: wanted, .. } in route_list() {
            let scopes = [Scope::Run, Scope::Read, Scope::Deploy].into_iter();
            let scopes = scopes.filter(|scope| !wanted.contains(scope)).collect();
            let terms = KeyTerms { scopes, ..KeyTerms::default() };
            if narrow.iter().all(|(known, _)| *known != wanted) {
                let key = store.create_key_with(&owner.tenant, "narrow", &terms).await.unwrap();
                narrow.push((wanted, key.text));
            }
        }
        Self { revoked: revoked.text, expired: expired.text, other: other.text, narrow }
    }

    fn key(&self, caller: Caller, route: &RouteInfo) -> Option<&str> {
        match caller {
            Caller::NoKey => None,
            Caller::MalformedKey => Some("sk-malformed"),
            Caller::RevokedKey => Some(&self.revoked),
            Caller::ExpiredKey => Some(&self.expired),
            Caller::OtherTenant => Some(&self.other),
            Caller::WrongScope => {
                self.narrow.iter().find(|(scopes, _)| *scopes == route.scopes).map(|(_, key)| key.as_str())
            }
        }
    }
}

/// Sends what a row says, with a key.
pub async fn asked(stack: &Stack, ask: &Ask, key: Option<&str>) -> Answer {
    let method: Method = ask.method.parse().unwrap();
    let request = stack.request(method, &ask.path);
    let request = match key {
        Some(key) => request.header("x-api-key", key),
        None => request,
    };
    send(match &ask.body {
        Body::None => request,
        Body::Json(body) => request.json(body),
        Body::File(name, text) => form(request, name, text.as_bytes()),
    })
    .await
}

/// What is wrong with an answer.
fn judged(route: &RouteInfo, ask: &Ask, caller: Caller, answer: &Answer, secrets: &[String]) -> Vec<String> {
    let said = format!("{} {} {caller:?}: {} {}", route.method, route.path, answer.status, answer.body);
    let expected = match caller {
        _ if route.scopes.is_empty() => ask.owner,
        Caller::OtherTenant => ask.other,
        _ => 403,
    };
    let mut wrong = Vec::new();
    if answer.status != expected {
        wrong.push(format!("expected {expected}: {said}"));
    }
    if caller == Caller::WrongScope
        && let Some(scope) = route.scopes.first()
        && !answer.detail().contains(&format!("'{scope}'"))
    {
        wrong.push(format!("the missing scope is not named: {said}"));
    }
    // What the caller says itself it may be told again.
    let asked = format!("{} {:?}", ask.path, ask.body);
    let answered = format!("{} {:?}", answer.body, answer.headers);
    let revealed = secrets.iter().filter(|secret| answered.contains(*secret) && !asked.contains(*secret));
    wrong.extend(revealed.map(|secret| format!("reveals {secret}: {said}")));
    wrong
}
