//! What a tenant's tasks used, day by day (UTC).

use axum::response::Response;
use jiff::civil::Date;
use jiff::{Span, Unit};
use millrace_store::{Principal, USAGE_DAYS};
use serde_json::json;

use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;
use crate::validation::{Fault, Fields};

/// Days that one request may ask for.
const DAYS: i32 = 31;

/// `GET /api/v1/usage?from=&to=`
///
/// Both days count, and both are today unless told. Sums are kept for [`USAGE_DAYS`] days; a task counts on the day on
/// which it ended.
pub(crate) async fn read(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let runner = &incoming.app.runner;
    let days = days(incoming.query(), runner.today())?;
    let days = runner.usage_of(&caller.tenant, &days).await?;
    Ok(respond::ok(&json!({"days": days})))
}

fn days(mut query: Fields, today: Date) -> Result<Vec<Date>, Vec<Fault>> {
    let from = day(&mut query, "from", today);
    let to = day(&mut query, "to", today);
    if let (Some(from), Some(to)) = (from, to) {
        let span = from.until((Unit::Day, to)).map_or(i32::MAX, |span| span.get_days());
        if !(0..DAYS).contains(&span) {
            let rule = format!("from and to have to be 1 to {DAYS} days, from the earlier to the later");
            query.push(Fault::rule(query.place("to"), &rule, to.to_string().into()));
        }
    }
    query.finish()?;
    let (from, to) = (from.unwrap_or(today), to.unwrap_or(today));
    Ok(from.series(Span::new().days(1)).take_while(|day| *day <= to).collect())
}

fn day(query: &mut Fields, name: &str, today: Date) -> Option<Date> {
    let Some(text) = query.text(name) else { return Some(today) };
    let kept = || today.checked_sub(Span::new().days(USAGE_DAYS)).unwrap_or(today);
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 && day >= kept() && day <= today => Some(day),
        _ => {
            let rule = format!("{name} has to be a day such as {today}, of the last {USAGE_DAYS} days");
            query.push(Fault::rule(query.place(name), &rule, text.into()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Vec<String>, Value> {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let days = days(Fields::query(&pairs), "2026-03-02".parse().unwrap());
        days.map(|days| days.iter().map(Date::to_string).collect())
            .map_err(|faults| ApiError::from(faults).parts().1.clone())
    }

    #[test]
    fn days_are_named_and_bounded() {
        assert_eq!(asked(&[]).unwrap(), ["2026-03-02"]);
        let days = asked(&[("from", "2026-02-27")]).unwrap();
        assert_eq!(days, ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]);
        assert_eq!(asked(&[("from", "2026-01-31")]).unwrap().len(), 31);
        for (query, place) in [
            (vec![("from", "2026-01-30")], "to"),
            (vec![("to", "2026-03-01")], "to"),
            (vec![("from", "2025-12-29"), ("to", "2025-12-30")], "from"),
            (vec![("to", "2026-03-03")], "to"),
            (vec![("from", "yesterday")], "from"),
            (vec![("from", "20260301")], "from"),
        ] {
            let detail = asked(&query).unwrap_err();
            assert_eq!(detail[0]["loc"], json!(["query", place]), "{query:?}: {detail}");
        }
    }
}
