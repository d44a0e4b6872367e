//! A request as it was received, from what people have of it: a URL, or the text of its head.

use sigv4::{Header, RequestParts, header};

use crate::Failure;
use crate::endpoint::UrlEndpoint;
use crate::header_line::{HeaderLine, is_token};

/// A request head, and other hosts that it may have been signed for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the length of a body may be known by other means than headers: a URL has none, HTTP/2 needs none.
    length_elsewhere: bool,
    /// What else the host was called on the way.
    pub(crate) other_hosts: Vec<Vec<u8>>,
}

impl Received {
    /// A URL, used with this method and these headers.
    ///
    /// # Errors
    ///
    /// What is no http or https URL.
    pub(crate) fn from_url(url: &str, method: &str, lines: &[HeaderLine]) -> Result<Self, Failure> {
        let (scheme, rest) = url.split_once("://").ok_or("not a URL")?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let endpoint = UrlEndpoint::parse(&format!("{scheme}://{authority}"))
            .map_err(|error| format!("invalid URL: {error}"))?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        if target.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err("invalid URL: blank or control byte".to_owned());
        }
        let line = |line: &HeaderLine| (line.name.clone().into(), line.value.clone().into());
        let mut headers: Vec<_> = lines.iter().map(line).collect();
        if !lines.iter().any(|line| line.is(header::HOST)) {
            headers.insert(0, (header::HOST.into(), endpoint.host().into()));
        }
        Ok(Self {
            method: method.into(),
            target: format!("{slash}{target}").into(),
            headers,
            length_elsewhere: true,
            other_hosts: vec![endpoint.host().into(), authority.into()],
        })
    }

    /// The text of a request head: as sent, with any line ends, or as `curl -v` shows it, where what was sent stands behind
    /// `> `. Ends with an empty line or with the text.
    ///
    /// # Errors
    ///
    /// What is no request head, with the number of the line.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let lines =
            text.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let is_curl = lines.clone().any(|line| line.starts_with(b"> ") && is_request_line(line));
        let sent = |(number, line)| Some((number, if is_curl { curl_line(line)? } else { line }));
        let mut lines = lines.enumerate().filter_map(sent).skip_while(|(_, line)| line.is_empty());

        let (number, line) = lines.next().ok_or("the request is empty")?;
        let no_request = || format!("line {}: not a request line", number.saturating_add(1));
        let (method, target) = request_line(line).ok_or_else(no_request)?;
        let mut headers = Vec::new();
        for (number, line) in lines.take_while(|(_, line)| !line.is_empty()) {
            let no_header = || format!("line {}: not a header", number.saturating_add(1));
            let colon = line.iter().position(|&b| b == b':').ok_or_else(no_header)?;
            let (name, value) = line.split_at(colon);
            if !is_token(name) {
                return Err(no_header());
            }
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            headers.push((name.to_vec(), value.to_vec()));
        }
        let is_forwarded =
            |(name, _): &&(Vec<u8>, _)| name.eq_ignore_ascii_case(b"x-forwarded-host");
        let other_hosts = headers.iter().filter(is_forwarded).map(|(_, value)| value.clone());
        let mut received = Self {
            method: method.to_vec(),
            target: target.to_vec(),
            length_elsewhere: !line.trim_ascii_end().ends_with(b"HTTP/1.1"),
            other_hosts: other_hosts.collect(),
            headers,
        };
        received.reduce_target();
        Ok(received)
    }

    /// Makes the absolute-form, which proxies are sent, the origin-form.
    fn reduce_target(&mut self) {
        let scheme = [b"http://".as_slice(), b"https://"]
            .into_iter()
            .find(|scheme| self.target.starts_with(scheme));
        if let Some(rest) = scheme.and_then(|scheme| self.target.strip_prefix(scheme)) {
            let path = rest.iter().position(|b| b"/?".contains(b)).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(path);
            self.other_hosts.push(authority.to_vec());
            let slash: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
            self.target = [slash, path].concat();
        }
    }

    /// Sets the Host header; the one that was there stays a host that may have been signed.
    pub(crate) fn replace_host(&mut self, host: &str) {
        let is_host = |name: &[u8]| name.eq_ignore_ascii_case(header::HOST.as_bytes());
        let hosts = self.headers.iter().filter(|(name, _)| is_host(name));
        self.other_hosts.extend(hosts.map(|(_, value)| value.clone()));
        self.headers.retain(|(name, _)| !is_host(name));
        self.headers.insert(0, (header::HOST.into(), host.into()));
    }

    /// The headers as the protocol wants them; lent to [`request`](Self::request).
    pub(crate) fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| Header { name, value }).collect()
    }

    /// The same with a length, if it may be known elsewhere: uploads without are refused.
    pub(crate) fn headers_with_length(&self) -> Vec<Header<'_>> {
        let mut headers = self.headers();
        let names = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].map(str::as_bytes);
        let is_length = |own: &Header<'_>| names.iter().any(|n| own.name.eq_ignore_ascii_case(n));
        if self.length_elsewhere && !headers.iter().any(is_length) {
            headers.push(Header { name: header::CONTENT_LENGTH.as_bytes(), value: b"0" });
        }
        headers
    }

    /// The request as the protocol wants it.
    pub(crate) fn request<'a>(&'a self, headers: &'a [Header<'a>]) -> RequestParts<'a> {
        RequestParts { method: &self.method, target: &self.target, headers }
    }
}

/// What `curl -v` shows as sent.
fn curl_line(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(b">")?;
    Some(line.strip_prefix(b" ").unwrap_or(line))
}

fn is_request_line(line: &[u8]) -> bool {
    request_line(line.strip_prefix(b"> ").unwrap_or(line)).is_some()
}

fn request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = line.trim_ascii_end().split(|&b| b == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let fits = is_token(method) && !target.is_empty() && version.starts_with(b"HTTP/");
    (fits && words.next().is_none()).then_some((method, target))
}

#[cfg(test)]
mod tests;
