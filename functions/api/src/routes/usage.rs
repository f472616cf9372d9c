//! What a tenant's tasks used, day by day (UTC).

use axum::http::StatusCode;
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

/// Of the wrong shape a day is 422; one of the right shape that there can be no sums of is 400.
fn days(mut query: Fields, today: Date) -> Result<Vec<Date>, ApiError> {
    let (from, to) = (day(&mut query, "from"), day(&mut query, "to"));
    query.finish()?;
    let (from, to) = (from.unwrap_or(today), to.unwrap_or(today));
    let kept = today.checked_sub(Span::new().days(USAGE_DAYS)).unwrap_or(today);
    for (name, day) in [("from", from), ("to", to)] {
        if day < kept || day > today {
            return Err(refused(format!(
                "{name} has to be a day from {kept} to {today}: sums are kept for {USAGE_DAYS} days"
            )));
        }
    }
    let span = from.until((Unit::Day, to)).map_or(i32::MAX, |span| span.get_days());
    if !(0..DAYS).contains(&span) {
        return Err(refused(format!(
            "from and to have to be 1 to {DAYS} days, from the earlier to the later"
        )));
    }
    Ok(from.series(Span::new().days(1)).take_while(|day| *day <= to).collect())
}

fn refused(sentence: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, sentence)
}

fn day(query: &mut Fields, name: &str) -> Option<Date> {
    let text = query.text(name)?;
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => Some(day),
        _ => {
            let rule = format!("{name} has to be a day such as 2026-01-31");
            query.push(Fault::rule(query.place(name), &rule, text.into()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Vec<String>, (u16, Value)> {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let days = days(Fields::query(&pairs), "2026-03-02".parse().unwrap());
        days.map(|days| days.iter().map(Date::to_string).collect()).map_err(|error| {
            let (status, detail) = error.parts();
            (status, detail.clone())
        })
    }

    #[test]
    fn days_are_named_and_bounded() {
        assert_eq!(asked(&[]).unwrap(), ["2026-03-02"]);
        let days = asked(&[("from", "2026-02-27")]).unwrap();
        assert_eq!(days, ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]);
        assert_eq!(asked(&[("from", "2026-01-31")]).unwrap().len(), 31);
        assert_eq!(asked(&[("from", "2025-12-30"), ("to", "2025-12-31")]).unwrap().len(), 2);
        for (query, says) in [
            (vec![("from", "2026-01-30")], "from and to have to be 1 to 31 days"),
            (vec![("to", "2026-03-01")], "from and to have to be 1 to 31 days"),
            (
                vec![("from", "2025-12-29"), ("to", "2025-12-30")],
                "from has to be a day from 2025-12-30 to 2026-03-02",
            ),
            (vec![("to", "2026-03-03")], "to has to be a day from 2025-12-30 to 2026-03-02"),
        ] {
            let (status, detail) = asked(&query).unwrap_err();
            assert_eq!(status, 400, "{query:?}");
            assert!(detail.as_str().unwrap().starts_with(says), "{query:?}: {detail}");
        }
        for text in ["yesterday", "20260301", "2026-02-30", ""] {
            let (status, detail) = asked(&[("from", text)]).unwrap_err();
            assert_eq!((status, &detail[0]["loc"]), (422, &json!(["query", "from"])), "{text}: {detail}");
        }
    }
}
