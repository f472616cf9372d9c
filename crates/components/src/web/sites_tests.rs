//! Pages as documents, against a scripted web.

use http::header::{CONTENT_TYPE, LOCATION};
use millrace_engine::{ErrorKind, Inputs, RunError, Value};
use millrace_outbound::Answer;
use serde_json::{Value as Json, json};

use crate::stand_in::Stand;

/// The documents that a loader makes of the addresses, on a web of these pages.
async fn load(node: &str, inputs: Json, pages: &[(&str, &str)]) -> Result<Json, RunError> {
    let pages: Vec<(String, String)> =
        pages.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let stand = Stand::new(move |hop| match pages.iter().find(|(url, _)| *url == hop.url.as_str()) {
        Some((_, page)) => Answer::new(200, page.clone()),
        None => Answer::new(404, "<title>gone</title>"),
    });
    let fields = inputs.as_object().unwrap().clone();
    let inputs: Inputs = fields.into_iter().map(|(name, value)| (name, Value::Json(value))).collect();
    let outputs = crate::registry().get(node).unwrap().run(inputs, &stand.cx()).await?;
    Ok(outputs.get("documents").unwrap().to_json())
}

fn one(text: &str, metadata: Json) -> Json {
    json!([{"page_content": text, "metadata": metadata, "type": "Document"}])
}

#[tokio::test]
async fn each_site_says_what_its_loader_looks_for() {
    let lyrics = "<title>S lyrics</title><div class=a>x</div><div>1</div><div>2</div><div>la <b>la</b></div>";
    let book = "<nav>n</nav><main><h1>T</h1><p>a</p><script>s</script> <p>b</p></main>";
    let answers = "<h1 class=post-title>Q</h1><div class=post-content><div class=post-text> q </div></div>\
        <div class=post-answers-header>1 Answer</div><div class=js-answers-list>\
        <div class='post post-answer' itemprop=acceptedAnswer><div class=post-content><p class=post-text>yes</p></div></div>\
        <div class='post post-answer'><div class=post-content><p class=post-text>no</p></div></div></div>";
    let cases = [
        (
            "WebBaseLoader",
            "https://a.example/",
            "<html lang=en><title>T</title><meta name=description content=d><body>\n<p>x</p></body>",
            one(
                "T\nx",
                json!({"source": "https://a.example/", "title": "T", "description": "d", "language": "en"}),
            ),
        ),
        (
            "WebBaseLoader",
            "https://a.example/w",
            "[\"pirate\"]",
            one("[\"pirate\"]", json!({"source": "https://a.example/w"})),
        ),
        (
            "AZLyricsLoader",
            "https://a.example/",
            lyrics,
            one("S lyricsla la", json!({"source": "https://a.example/"})),
        ),
        (
            "CollegeConfidentialLoader",
            "https://a.example/",
            "<main class='skin-handler'>C<br>D</main>",
            one("CD", json!({"source": "https://a.example/"})),
        ),
        (
            "GutenbergLoader",
            "https://www.gutenberg.org/1.txt",
            "a\nb\n",
            one("a\n\n\nb\n", json!({"source": "https://www.gutenberg.org/1.txt"})),
        ),
        (
            "IMSDbLoader",
            "https://a.example/",
            "<table><tr><td class=scrtext><pre>INT.\n  X</pre></table>",
            one("INT.\n  X", json!({"source": "https://a.example/"})),
        ),
        (
            "HNLoader",
            "https://a.example/news",
            "<table><tr class='athing submission'><td><span class=rank>1.</span><td><span class=titleline>\
             <a href='https://x'>T</a> (x)</span></table>",
            one(
                "T (x)",
                json!({"source": "https://a.example/news", "title": "T (x)", "link": "https://x", "ranking": "1."}),
            ),
        ),
        (
            "HNLoader",
            "https://a.example/item?id=1",
            "<table><tr id=pagespace title=S><tr class='athing comtr'><td> so </table>",
            one("so", json!({"source": "https://a.example/item?id=1", "title": "S"})),
        ),
        (
            "IFixitLoader",
            "https://www.ifixit.com/Answers/View/1/q",
            answers,
            one(
                "# Q\nq\n\n## 1 Answer\n\n### Accepted Answer\nyes\n\n\n\n### Other Answer\nno",
                json!({"source": "https://www.ifixit.com/Answers/View/1/q", "title": "Q"}),
            ),
        ),
    ];
    for (node, url, page, expected) in cases {
        let found = load(node, json!({"web_path": url}), &[(url, page)]).await.unwrap();
        assert_eq!(found, expected, "{node}");
    }
    let found =
        load("GitbookLoader", json!({"web_page": "https://a.example/"}), &[("https://a.example/", book)])
            .await;
    assert_eq!(found.unwrap(), one("T\na\n \nb", json!({"source": "https://a.example/", "title": "T"})));
}

#[tokio::test]
async fn a_device_comes_with_its_guides() {
    let device = r#"{"title": "D", "description": "d", "contents_raw": "c",
        "guides": [{"url": "https://www.ifixit.com/Guide/G/7"}, {"url": "https://elsewhere.example/Guide/G/8"}]}"#;
    let guide = r#"{"title": "G", "introduction_raw": "i", "tools": [{"text": "t"}], "parts": [],
        "steps": [{"title": "", "orderby": 1, "lines": [{"text_raw": "l"}]}], "conclusion_raw": "end"}"#;
    let pages = [
        ("https://www.ifixit.com/api/2.0/wikis/CATEGORY/D", device),
        ("https://www.ifixit.com/api/2.0/guides/7", guide),
    ];
    let found =
        load("IFixitLoader", json!({"web_path": "https://www.ifixit.com/Device/D"}), &pages).await.unwrap();
    let guide =
        "# G\ni\n\n\n###Tools Required:\n\n - t\n\n\n###Parts Required:\n\n - None\n\n\n## Step 1\nl\nend";
    let expected = json!([
        {"page_content": "D\nd\nc", "type": "Document",
         "metadata": {"source": "https://www.ifixit.com/Device/D", "title": "D"}},
        {"page_content": guide, "type": "Document",
         "metadata": {"source": "https://www.ifixit.com/Guide/G/7", "title": "G"}},
    ]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn metadata_is_added_and_several_addresses_are_read_in_order() {
    let pages = [("https://a.example/1", "one"), ("https://a.example/2", "two")];
    let inputs = json!({
        "web_path": ["https://a.example/1", " https://a.example/2 ", "https://a.example/3"],
        "metadata": [{"": ""}, {"topic": "x"}],
    });
    let found = load("WebBaseLoader", inputs, &pages).await.unwrap();
    let texts: Vec<&str> =
        found.as_array().unwrap().iter().map(|d| d["page_content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["one", "two", "gone"]);
    assert_eq!(found[1]["metadata"], json!({"source": "https://a.example/2", "topic": "x"}));
    let inputs = json!({"web_path": "https://a.example/1", "loader": "HNLoader"});
    assert_eq!(load("UrlLoader", inputs, &pages).await.unwrap(), json!([]));
}

#[tokio::test]
async fn what_cannot_be_loaded_is_an_error_of_its_own() {
    let cases = [
        (
            "UrlLoader",
            json!({"web_path": "https://a.example", "loader": "CSVLoader"}),
            ErrorKind::Flow,
            "CSVLoader",
        ),
        ("WebBaseLoader", json!({"web_path": "http://10.0.0.1/"}), ErrorKind::Flow, "private network"),
        (
            "WebBaseLoader",
            json!({"web_path": vec!["https://a.example"; 51]}),
            ErrorKind::Flow,
            "51 addresses",
        ),
        ("WebBaseLoader", json!({}), ErrorKind::Flow, "field 'web_path'"),
        ("GutenbergLoader", json!({"web_path": "https://a.example/1.txt"}), ErrorKind::Flow, "gutenberg.org"),
        (
            "IFixitLoader",
            json!({"web_path": "https://www.ifixit.com/News"}),
            ErrorKind::Flow,
            "Device, a Guide",
        ),
        (
            "IFixitLoader",
            json!({"web_path": "https://www.ifixit.com/Guide/G/1"}),
            ErrorKind::Upstream,
            "no page of the site",
        ),
        (
            "IMSDbLoader",
            json!({"web_path": "https://a.example"}),
            ErrorKind::Upstream,
            "what its loader looks for",
        ),
    ];
    for (node, inputs, kind, expected) in cases {
        let error = load(node, inputs, &[]).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_page_that_is_none_is_named() {
    let stand = Stand::new(|hop| match hop.url.path() {
        "/round" => {
            let mut answer = Answer::new(302, "");
            answer.headers.insert(LOCATION, "/round".parse().unwrap());
            answer
        }
        "/large" => Answer { length: Some(100 << 20), ..Answer::new(200, "") },
        "/pdf" => Answer::new(200, "%PDF-1.7"),
        _ => {
            let mut answer = Answer::new(200, "x");
            answer.headers.insert(CONTENT_TYPE, "image/png".parse().unwrap());
            answer
        }
    });
    let cases = [
        ("/round", "a.example redirects more than 5 times"),
        ("/large", "the answer of a.example is too large: more than 8388608 bytes"),
        ("/pdf", "the page is no text: it is of no known kind, 8 bytes"),
        ("/image", "the page is no text: it is image/png, 1 bytes"),
    ];
    for (path, expected) in cases {
        let inputs = vec![("web_path".to_owned(), Value::text(format!("https://a.example{path}")))];
        let error =
            crate::registry().get("WebBaseLoader").unwrap().run(inputs, &stand.cx()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream);
        assert_eq!(error.message, format!("WebBaseLoader (example): {expected}"));
    }
}
