//! Guides, devices and answers of ifixit.com as Markdown, over its interface of version 2.0.

use millrace_engine::{Context, Document, ErrorKind, RunError};
use serde_json::{Value as Json, json};

use super::sites::{all, document, first, inner_text, recorded};
use super::tree;
use crate::protocol::service::Service;

const SITE: &str = "https://www.ifixit.com";

/// Guides of a device that are loaded at most.
const MAX_GUIDES: usize = 50;

/// What an address of the site stands for.
#[derive(Debug, PartialEq, Eq)]
enum Page<'a> {
    Guide(&'a str),
    Device(&'a str),
    Answers,
}

fn page_of(url: &str) -> Option<Page<'_>> {
    let mut parts = url.strip_prefix(SITE)?.split('/').filter(|part| !part.is_empty());
    match (parts.next()?, parts.next()?, parts.next()) {
        ("Guide" | "Teardown", _, Some(id)) => Some(Page::Guide(id)),
        ("Device", device, _) => Some(Page::Device(device)),
        ("Answers", _, Some(_)) => Some(Page::Answers),
        _ => None,
    }
}

/// The documents of an address: one, or for a device also one for each of its guides, 50 at most.
pub(crate) async fn load(cx: &Context, service: &Service, url: &str) -> Result<Vec<Document>, RunError> {
    let foreign = || {
        let message = "an address must begin with https://www.ifixit.com and lead to a Device, a Guide, a \
                       Teardown or Answers";
        RunError::new(ErrorKind::Flow, message)
    };
    match page_of(url).ok_or_else(foreign)? {
        Page::Guide(id) => guide(cx, service, url, id).await,
        Page::Answers => {
            let unfit = || service.fault("the page has no question");
            recorded(cx, service, url, |page| answers(url, page).ok_or_else(unfit)).await
        }
        Page::Device(name) => {
            let address = format!("{SITE}/api/2.0/wikis/CATEGORY/{name}");
            let mut found = recorded(cx, service, &address, |text| device(service, url, text)).await?;
            // The links travel with the record, and no further.
            let guides = found.first_mut().and_then(|device| device.metadata.remove("guides"));
            let guides: Vec<String> =
                guides.and_then(|guides| serde_json::from_value(guides).ok()).unwrap_or_default();
            for guide_url in guides {
                if let Some(Page::Guide(id)) = page_of(&guide_url) {
                    found.extend(guide(cx, service, &guide_url, id).await?);
                }
            }
            Ok(found)
        }
    }
}

async fn guide(cx: &Context, service: &Service, url: &str, id: &str) -> Result<Vec<Document>, RunError> {
    let address = format!("{SITE}/api/2.0/guides/{id}");
    recorded(cx, service, &address, |text| {
        let guide = parsed(service, text)?;
        Ok(vec![document(guide_text(&guide), json!({"source": url, "title": guide["title"]}))])
    })
    .await
}

fn parsed(service: &Service, text: &str) -> Result<Json, RunError> {
    let page: Option<Json> = serde_json::from_str(text).ok();
    page.filter(|page| page["title"].is_string())
        .ok_or_else(|| service.fault("the answer is no page of the site"))
}

fn text_in<'a>(page: &'a Json, field: &str) -> &'a str {
    page[field].as_str().unwrap_or_default()
}

fn entries<'a>(page: &'a Json, field: &str) -> impl Iterator<Item = &'a Json> {
    page[field].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn guide_text(guide: &Json) -> String {
    let mut parts =
        vec![format!("# {}", text_in(guide, "title")), text_in(guide, "introduction_raw").to_owned()];
    for (heading, field) in [("Tools", "tools"), ("Parts", "parts")] {
        parts.push(format!("\n\n###{heading} Required:"));
        let before = parts.len();
        parts.extend(entries(guide, field).map(|thing| format!("\n - {}", text_in(thing, "text"))));
        if parts.len() == before {
            parts.push("\n - None".to_owned());
        }
    }
    for step in entries(guide, "steps") {
        let title = match text_in(step, "title") {
            "" => format!("Step {}", step["orderby"]),
            title => title.to_owned(),
        };
        parts.push(format!("\n\n## {title}"));
        parts.extend(entries(step, "lines").map(|line| text_in(line, "text_raw").to_owned()));
    }
    parts.push(text_in(guide, "conclusion_raw").to_owned());
    parts.join("\n")
}

fn device(service: &Service, url: &str, text: &str) -> Result<Vec<Document>, RunError> {
    let device = parsed(service, text)?;
    let parts = ["title", "description", "contents_raw"];
    let parts: Vec<&str> = parts.into_iter().filter_map(|field| device[field].as_str()).collect();
    let guides: Vec<&str> =
        entries(&device, "guides").filter_map(|guide| guide["url"].as_str()).take(MAX_GUIDES).collect();
    let metadata = json!({"source": url, "title": device["title"], "guides": guides});
    Ok(vec![document(parts.join("\n").trim().to_owned(), metadata)])
}

fn answers(url: &str, page: &str) -> Option<Vec<Document>> {
    let page = tree::parse(page);
    let root = page.root_element();
    let title = inner_text(first(root, "h1.post-title")?, "");
    let question = inner_text(first(root, ".post-content .post-text")?, "");
    let mut parts = vec![format!("# {title}"), question.trim().to_owned()];
    if let Some(header) = first(root, "div.post-answers-header") {
        parts.push(format!("\n## {}", inner_text(header, "").trim()));
    }
    for answer in all(root, ".js-answers-list .post.post-answer") {
        let kind = if answer.attr("itemprop").is_some_and(|kinds| kinds.contains("acceptedAnswer")) {
            "Accepted"
        } else if answer.value().classes().any(|class| class == "post-helpful") {
            "Most Helpful"
        } else {
            "Other"
        };
        parts.push(format!("\n### {kind} Answer"));
        let texts = all(answer, ".post-content .post-text").into_iter();
        parts.extend(texts.map(|text| inner_text(text, "").trim().to_owned()));
        parts.push("\n".to_owned());
    }
    Some(vec![document(parts.join("\n").trim().to_owned(), json!({"source": url, "title": title}))])
}
