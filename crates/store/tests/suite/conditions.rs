//! The database's verdict on each pair of state and event, against the function it is derived from.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use millrace_store::state::{Event, next};
use millrace_store::{Counts, Lease, Requeue, State};
use serde_json::json;

use crate::cloud::{Cloud, TABLE, failed, succeeded, tenant};
use crate::tasks::granted;

fn key(lease: &Lease) -> HashMap<String, AttributeValue> {
    let partition = format!("T#{}#{}", lease.tenant, lease.task);
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(partition)),
        ("sk".to_owned(), AttributeValue::S("META".to_owned())),
    ])
}

/// Forces a stored task into a state, whatever it was.
async fn force(cloud: &Cloud, lease: &Lease, state: State) {
    let update = cloud.dynamodb.update_item().table_name(TABLE).set_key(Some(key(lease)));
    update
        .update_expression("SET #state = :state")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":state", AttributeValue::S(state.as_str().to_owned()))
        .send()
        .await
        .unwrap();
}

async fn stored(cloud: &Cloud, lease: &Lease) -> State {
    let row = cloud.dynamodb.get_item().table_name(TABLE).set_key(Some(key(lease))).send().await.unwrap();
    row.item.unwrap()["state"].as_s().unwrap().parse().unwrap()
}

/// Lets `event` happen, as callers do.
async fn happen(cloud: &Cloud, lease: &Lease, event: Event) {
    let store = &cloud.store;
    let (tenant, task) = (&lease.tenant, lease.task);
    match event {
        Event::Claimed | Event::LeaseExpiredReclaimed => drop(store.claim(tenant, task).await.unwrap()),
        Event::Renewed => drop(store.renew(lease).await.unwrap()),
        Event::Released => {
            let how = Requeue { counts: Counts::Failure, delay: Duration::ZERO };
            store.requeue(lease, how).await.unwrap();
        }
        // It gives up what nobody works on and has no try left.
        Event::GivenUp => {
            cloud.host.advance(store.config().lease);
            let strict = cloud.another(|config| config.max_failures = 0);
            strict.recover_dead_letter(tenant, task).await.unwrap();
        }
        Event::Succeeded => drop(store.finish(lease, &succeeded(json!(1)), None).await.unwrap()),
        Event::Failed => drop(store.finish(lease, &failed("no"), None).await.unwrap()),
        Event::Cancelled => drop(store.cancel(tenant, task).await.unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_accepts_exactly_what_the_function_allows() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    for state in State::ALL {
        for event in Event::ALL {
            let task = cloud.submitted(&acme).await;
            let lease = granted(&cloud.store, &task).await;
            force(&cloud, &lease, state).await;
            // Which kind of claim it is depends on the lease alone.
            if event == Event::LeaseExpiredReclaimed {
                cloud.host.advance(cloud.store.config().lease);
            }
            let claimable = event == Event::LeaseExpiredReclaimed && state == State::Queued;
            let event = if claimable { Event::Claimed } else { event };
            happen(&cloud, &lease, event).await;
            assert_eq!(
                stored(&cloud, &lease).await,
                next(state, event).unwrap_or(state),
                "{state:?} {event:?}"
            );
        }
    }
}
