//! Forms with files.

use bytes::Bytes;
use futures::stream;
use http::StatusCode;
use multer::Multipart;

use crate::error::ApiError;
use crate::limits;

/// Whether a content type is a form of parts.
pub(crate) fn is_form(content_type: &str) -> bool {
    multer::parse_boundary(content_type).is_ok()
}

/// A part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// What the form calls it.
    pub(crate) name: String,
    /// What the client calls the file that it is; none for a plain field.
    pub(crate) file_name: Option<String>,
    /// What is in it.
    pub(crate) bytes: Bytes,
}

/// The parts of a form, in order. The body has been read, so that its size is bounded already.
pub(crate) async fn parts(content_type: &str, bytes: Bytes) -> Result<Vec<Part>, ApiError> {
    let boundary = multer::parse_boundary(content_type).map_err(unreadable)?;
    let body = stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
    let mut form = Multipart::new(body, boundary);
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        if parts.len() == limits::PARTS {
            let detail = format!("The form has more than {} parts, which is the limit", limits::PARTS);
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        parts.push(Part { name, file_name, bytes: part.bytes().await.map_err(unreadable)? });
    }
    Ok(parts)
}

/// The reader's own sentence names fields of the form.
fn unreadable(_: multer::Error) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "There was an error parsing the body").because("it is no form")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=b";

    #[tokio::test]
    async fn parts_come_by_name() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.json\"\r\n\r\n{}\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nü\r\n--b--\r\n";
        let parts = parts(TYPE, Bytes::from(body)).await.unwrap();
        let expected = [("file", Some("a.json"), "{}"), ("note", None, "ü")].map(|(name, file, text)| Part {
            name: name.to_owned(),
            file_name: file.map(str::to_owned),
            bytes: Bytes::from(text),
        });
        assert_eq!(parts, expected);
    }

    #[tokio::test]
    async fn parts_are_counted() {
        for (count, status) in [(100, None), (101, Some(413))] {
            let part = "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nx\r\n";
            let form = Bytes::from(format!("{}--b--\r\n", part.repeat(count)));
            let read = parts(TYPE, form).await;
            assert_eq!(read.as_ref().err().map(|error| error.parts().0), status, "{count}");
        }
    }

    #[tokio::test]
    async fn a_broken_form_is_a_bad_request() {
        for body in ["", "no form", "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncut"] {
            let error = parts(TYPE, Bytes::from(body)).await.unwrap_err();
            assert_eq!(error.parts().0, 400, "{body}");
        }
        assert!(!is_form("application/json"));
        assert!(!is_form("multipart/form-data"));
    }
}
