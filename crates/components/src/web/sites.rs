//! Pages as documents: the whole page, or what one site has to say. Rules of LangChain 0.1's web loaders.

use std::time::Duration;

use millrace_engine::{Context, Document, Effect, ErrorKind, RunError, Usage, Value};
use millrace_outbound::{Request, Retry};
use scraper::{ElementRef, Node, Selector};
use serde_json::{Map, Value as Json, json};

use super::{fetch, html, ifixit, tree};
use crate::protocol::service::Service;

/// Addresses that one node loads at most.
const MAX_PAGES: usize = 50;

/// What one page may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How a page becomes documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// All its text.
    Page,
    /// The third `div` without a class: the words of a song.
    AzLyrics,
    /// The `main` of a college's page.
    CollegeConfidential,
    /// The `main` of a book's page.
    Gitbook,
    /// A plain text, its lines apart.
    Gutenberg,
    /// The stories of a list, or the comments of a story.
    HackerNews,
    /// A guide, a device or an answer, over the site's own interface.
    Ifixit,
    /// A film script.
    Imsdb,
}

impl Site {
    /// The loader of this name, as the URL loader's field has it.
    pub fn of(loader: &str) -> Option<Self> {
        Some(match loader {
            "WebBaseLoader" => Self::Page,
            "AZLyricsLoader" => Self::AzLyrics,
            "CollegeConfidentialLoader" => Self::CollegeConfidential,
            "GitbookLoader" => Self::Gitbook,
            "GutenbergLoader" => Self::Gutenberg,
            "HNLoader" => Self::HackerNews,
            "IFixitLoader" => Self::Ifixit,
            "IMSDbLoader" => Self::Imsdb,
            _ => return None,
        })
    }

    fn read(self, url: &str, page: &str) -> Option<Vec<Document>> {
        match self {
            Self::Page | Self::Ifixit => Some(vec![whole(url, page)]),
            Self::AzLyrics => az_lyrics(url, page),
            Self::CollegeConfidential => part(url, page, "main.skin-handler"),
            Self::Gitbook => gitbook(url, page),
            Self::Gutenberg => {
                let lines: Vec<&str> = page.split_inclusive('\n').collect();
                Some(vec![document(lines.join("\n\n"), json!({"source": url}))])
            }
            Self::HackerNews => hacker_news(url, page),
            Self::Imsdb => part(url, page, "td.scrtext"),
        }
    }
}

/// Loads pages one after the other for a node of this type. `metadata` is added to each document's own.
///
/// # Errors
/// [`ErrorKind::Flow`] for an address that may not be called or does not belong to the site, else what befell
/// the request. A page of any status is a page.
pub(crate) async fn load(
    cx: &Context,
    node: &str,
    site: Site,
    urls: &[String],
    metadata: Option<Map<String, Json>>,
) -> Result<Value, RunError> {
    if urls.len() > MAX_PAGES {
        let message = format!("{} addresses are given; at most {MAX_PAGES} are loaded", urls.len());
        return Err(RunError::new(ErrorKind::Flow, message));
    }
    let service = Service::new(cx, node, "HTTP");
    let mut added = metadata.unwrap_or_default();
    added.retain(|name, _| !name.is_empty());
    let mut all = Vec::new();
    for url in urls.iter().map(|url| url.trim()) {
        let documents = match site {
            Site::Ifixit => ifixit::load(cx, &service, url).await?,
            _ => page(cx, &service, site, url).await?,
        };
        all.extend(documents.into_iter().map(|mut document| {
            document.metadata.extend(added.clone());
            Value::Document(document)
        }));
    }
    Ok(Value::List(all))
}

/// One page, recorded as its documents.
async fn page(cx: &Context, service: &Service, site: Site, url: &str) -> Result<Vec<Document>, RunError> {
    if site == Site::Gutenberg && !(url.starts_with("https://www.gutenberg.org") && url.ends_with(".txt")) {
        let message = "a book's address must begin with https://www.gutenberg.org and end with .txt";
        return Err(RunError::new(ErrorKind::Flow, message));
    }
    recorded(cx, service, url, |page| {
        site.read(url, page).ok_or_else(|| service.fault("the page does not have what its loader looks for"))
    })
    .await
}

/// A request for a text, and what is read from it, as one effect.
pub(crate) async fn recorded(
    cx: &Context,
    service: &Service,
    url: &str,
    read: impl FnOnce(&str) -> Result<Vec<Document>, RunError>,
) -> Result<Vec<Document>, RunError> {
    let perform = || async {
        let request = Request::get(url)
            .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .and_then(|request| request.header("accept-language", "en-US,en;q=0.5"))
            .map_err(|error| service.failed(&error))?;
        let answer = fetch::send(cx, request.retry(Retry::attempts(3)), TIMEOUT).await?;
        let response = answer.map_err(|error| service.failed(&error))?;
        let text = fetch::text_of(&response)
            .map_err(|found| service.fault(&format!("the page is no text: it is {found}")))?;
        Ok((read(&text)?, Usage::default()))
    };
    let effect = Effect { kind: "page", request: json!({"url": url}) };
    cx.scope(cx.vertex_id()).effect(effect, perform).await
}

/// A document; `metadata` is an object.
pub(crate) fn document(page_content: String, metadata: Json) -> Document {
    let metadata = metadata.as_object().cloned().unwrap_or_default();
    Document { page_content, metadata }
}

fn whole(url: &str, page: &str) -> Document {
    let page = html::text(page);
    let about = [("title", page.title), ("description", page.description), ("language", page.language)];
    let mut document = document(page.text, json!({"source": url}));
    let about = about.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Json::from(value?))));
    document.metadata.extend(about);
    document
}

/// The first element of this selector as a document.
fn part(url: &str, page: &str, selector: &str) -> Option<Vec<Document>> {
    let page = tree::parse(page);
    let text = first(page.root_element(), selector)?;
    Some(vec![document(inner_text(text, ""), json!({"source": url}))])
}

fn az_lyrics(url: &str, page: &str) -> Option<Vec<Document>> {
    let page = tree::parse(page);
    let title = inner_text(first(page.root_element(), "title")?, "");
    let plain = |div: &ElementRef<'_>| div.value().classes().next().is_none();
    let words = all(page.root_element(), "div").into_iter().filter(plain).nth(2)?;
    Some(vec![document(title + &inner_text(words, ""), json!({"source": url}))])
}

/// A page without a `main` is no document, as with an empty page of a book.
fn gitbook(url: &str, page: &str) -> Option<Vec<Document>> {
    let page = tree::parse(page);
    let Some(main) = first(page.root_element(), "main") else { return Some(Vec::new()) };
    let title = first(main, "h1").map(|title| inner_text(title, "")).unwrap_or_default();
    let text = inner_text(main, "\n").trim().to_owned();
    Some(vec![document(text, json!({"source": url, "title": title}))])
}

fn hacker_news(url: &str, page: &str) -> Option<Vec<Document>> {
    let page = tree::parse(page);
    let root = page.root_element();
    if url.contains("item") {
        let title = first(root, "tr#pagespace")?.attr("title").map(str::to_owned);
        let comment = |row: ElementRef<'_>| {
            document(inner_text(row, "").trim().to_owned(), json!({"source": url, "title": title}))
        };
        return Some(all(root, "tr.athing.comtr").into_iter().map(comment).collect());
    }
    let story = |row: ElementRef<'_>| {
        let line = first(row, "span.titleline")?;
        let title = inner_text(line, "").trim().to_owned();
        let link = first(line, "a")?.attr("href").unwrap_or_default();
        let ranking = first(row, "span.rank").map(|rank| inner_text(rank, "")).unwrap_or_default();
        let metadata = json!({"source": url, "title": title, "link": link, "ranking": ranking});
        Some(document(title, metadata))
    };
    Some(all(root, "tr.athing:not(.comtr)").into_iter().filter_map(story).collect())
}

/// The first element of this selector below another.
pub(crate) fn first<'a>(within: ElementRef<'a>, selector: &str) -> Option<ElementRef<'a>> {
    let selector = Selector::parse(selector).ok()?;
    within.select(&selector).next()
}

/// The elements of this selector below another.
pub(crate) fn all<'a>(within: ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    Selector::parse(selector).map(|selector| within.select(&selector).collect()).unwrap_or_default()
}

/// The text below an element, its pieces joined; without that of scripts and styles.
pub(crate) fn inner_text(element: ElementRef<'_>, separator: &str) -> String {
    let pieces = element.descendants().filter_map(|node| {
        let hidden = node.parent().and_then(ElementRef::wrap);
        let hidden = hidden.is_some_and(|parent| matches!(parent.value().name(), "script" | "style"));
        match node.value() {
            Node::Text(text) if !hidden => Some(html::condensed(text)),
            _ => None,
        }
    });
    pieces.collect::<Vec<&str>>().join(separator)
}
