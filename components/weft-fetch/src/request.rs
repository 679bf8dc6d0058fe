//! A request of the app, checked, as the HTTP client takes it.

use ureq::http::{HeaderName, HeaderValue, Method, Request as HttpRequest};
use url::Url;
use weft_ipc::fetch::{FORBIDDEN_HEADERS, MAX_BODY_LEN, MAX_HEADER_BYTES, MAX_HEADERS, METHODS, Request};

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the method {0:?} is none of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")]
    Method(String),
    #[error("a {0} request has no body")]
    Body(String),
    #[error("the body has more than {MAX_BODY_LEN} bytes")]
    LongBody,
    #[error("there are more than {MAX_HEADERS} headers, or they have more than {MAX_HEADER_BYTES} bytes")]
    ManyHeaders,
    #[error("{0:?} is no name of a header")]
    HeaderName(String),
    #[error("the value of the header {0} has a character that no header may have")]
    HeaderValue(String),
    #[error("the header {0} is set by the system, not by apps")]
    ForbiddenHeader(String),
    #[error("the URL cannot be sent")]
    Url,
}

/// Checks everything but the host, which the rules have decided about.
pub fn build(request: Request, url: &Url) -> Result<HttpRequest<Option<Vec<u8>>>, Refusal> {
    if !METHODS.contains(&&*request.method) {
        return Err(Refusal::Method(request.method.chars().take(20).collect()));
    }
    if request.body.is_some() && matches!(&*request.method, "GET" | "HEAD") {
        return Err(Refusal::Body(request.method));
    }
    if request.body.as_ref().is_some_and(|body| body.len() > MAX_BODY_LEN) {
        return Err(Refusal::LongBody);
    }
    let bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if request.headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(Refusal::ManyHeaders);
    }
    let method =
        Method::from_bytes(request.method.as_bytes()).map_err(|_| Refusal::Method(request.method.clone()))?;
    let mut built = HttpRequest::builder().method(method).uri(url.as_str());
    for (name, value) in &request.headers {
        let (name, value) = header(name, value)?;
        built = built.header(name, value);
    }
    // Servers are told of an empty body where the method has one (RFC 9110, section 8.6).
    let wants_body = matches!(&*request.method, "POST" | "PUT" | "PATCH");
    built.body(request.body.or(wants_body.then(Vec::new))).map_err(|_| Refusal::Url)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Refusal> {
    let shown = || name.chars().take(60).collect::<String>();
    let checked = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Refusal::HeaderName(shown()))?;
    if FORBIDDEN_HEADERS.contains(&checked.as_str()) {
        return Err(Refusal::ForbiddenHeader(checked.as_str().to_owned()));
    }
    // No control characters but tab (RFC 9110, section 5.5): a line break would begin another header, or another request.
    let value = HeaderValue::from_str(value).map_err(|_| Refusal::HeaderValue(shown()))?;
    Ok((checked, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<(), Refusal> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = body.map(<[u8]>::to_vec);
        let request = Request { id: 1, url: String::new(), method: method.to_owned(), headers, body };
        build(request, &Url::parse("http://a.b/").unwrap()).map(drop)
    }

    #[test]
    fn the_seven_methods_are_taken_and_no_other() {
        for method in METHODS {
            assert_eq!(request(method, &[], None), Ok(()));
        }
        for method in ["", "get", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nX: y", "GET "] {
            assert!(matches!(request(method, &[], None), Err(Refusal::Method(_))), "{method}");
        }
        assert!(matches!(request("GET", &[], Some(b"")), Err(Refusal::Body(_))));
        assert_eq!(request("DELETE", &[], Some(b"x")), Ok(()));
        assert_eq!(request("POST", &[], Some(&vec![0; MAX_BODY_LEN + 1])), Err(Refusal::LongBody));
    }

    #[test]
    fn headers_of_the_connection_are_refused_in_any_case() {
        for name in FORBIDDEN_HEADERS {
            for name in [name.to_owned(), name.to_uppercase()] {
                assert!(
                    matches!(request("GET", &[(&name, "x")], None), Err(Refusal::ForbiddenHeader(_))),
                    "{name}"
                );
            }
        }
        assert_eq!(request("GET", &[("accept", "*/*"), ("X-Own", ""), ("x-own", "two")], None), Ok(()));
    }

    #[test]
    fn a_header_cannot_carry_another_one() {
        for value in ["a\r\nHost: evil", "a\nb", "a\rb", "a\0b", "\u{7f}", "a\u{1}"] {
            assert!(
                matches!(request("GET", &[("x", value)], None), Err(Refusal::HeaderValue(_))),
                "{value:?}"
            );
        }
        for name in ["", "a b", "a:", "a\r\nb", "host ", " host", "ü", "content-length\0"] {
            assert!(matches!(request("GET", &[(name, "x")], None), Err(Refusal::HeaderName(_))), "{name:?}");
        }
    }

    #[test]
    fn there_is_an_end_to_headers() {
        let many = vec![("a", "b"); MAX_HEADERS + 1];
        assert_eq!(request("GET", &many, None), Err(Refusal::ManyHeaders));
        assert_eq!(request("GET", &[("a", &"b".repeat(MAX_HEADER_BYTES))], None), Err(Refusal::ManyHeaders));
    }
}
