//! The text that `explain` prints.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};
use sigv4::{Error, Explanation, Mechanism, RequestParts, Secret, SignatureError, Timestamp};

use crate::secret_source::has_white_space_at_end;

/// What requests without a body that is looked at have in the place of its hash: nothing, nothing signed, the hash of nothing.
const BODILESS: [&[u8]; 3] =
    [b"", b"UNSIGNED-PAYLOAD", b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"];

/// Labelled lines; values of several lines are indented below their label.
#[derive(Default)]
pub(super) struct Report {
    text: String,
    /// A signature was computed, and is not the one that was sent.
    mismatch: bool,
}

impl Report {
    /// What was received.
    pub(super) fn request(&mut self, request: &RequestParts<'_>, now: Timestamp) {
        let path = path(request.target);
        self.line("method", printable(request.method));
        self.line("path", printable(path));
        self.line("now", now);
    }

    /// What has to be signed.
    pub(super) fn steps(&mut self, explanation: &Explanation) {
        let Explanation { access_key, scope, signed_headers, .. } = explanation;
        self.line(
            "mechanism",
            match explanation.mechanism {
                Mechanism::Header => "Signature V4 in the Authorization header",
                Mechanism::Presigned => "Signature V4 in the query (presigned)",
                Mechanism::V2Header => "Signature V2 in the Authorization header",
                Mechanism::V2Presigned => "Signature V2 in the query (presigned)",
            },
        );
        self.line("access key", printable(access_key));
        if !explanation.is_v2() {
            self.line("scope", printable(scope));
            self.line("signed headers", printable(signed_headers));
            self.block("canonical request", &explanation.canonical_request);
            self.line("its SHA-256", hex::encode(Sha256::digest(&explanation.canonical_request)));
        }
        self.block("string to sign", &explanation.string_to_sign);
    }

    /// The signature as sent, and as it has to be.
    pub(super) fn signatures(&mut self, explanation: &Explanation, secret: Option<&Secret>) {
        self.line("signature sent", printable(&explanation.signature));
        let Some(secret) = secret else { return };
        let computed = explanation.signature_under(secret);
        self.line("signature computed", printable(&computed));
        self.mismatch = computed != explanation.signature;
    }

    /// What a server says; whether it is a yes.
    pub(super) fn verdict(&mut self, verdict: &Result<(), Error>, has_secret: bool) -> bool {
        match verdict {
            Ok(()) => self.line("result", "valid"),
            Err(Error::Signature(SignatureError::Mismatch { .. })) if !has_secret => {
                self.line("result", "no fault found; the signature was not checked, see --secret");
                return true;
            }
            Err(error) => {
                self.line("result", format_args!("refused: {error}"));
                if self.mismatch
                    && !matches!(error, Error::Signature(SignatureError::Mismatch { .. }))
                {
                    self.line("result", "refused: signature does not match");
                }
            }
        }
        verdict.is_ok()
    }

    /// What often goes with a refusal, as far as it applies. `key` is the access key id that should have signed.
    pub(super) fn hints(
        &mut self,
        explanation: &Explanation,
        request: &RequestParts<'_>,
        secret: Option<&Secret>,
        key: Option<&str>,
    ) {
        let own = printable(&explanation.access_key);
        if let Some(key) = key.filter(|key| key.as_bytes() != explanation.access_key) {
            self.line(
                "hint",
                format_args!("the request is signed by key \"{own}\", not \"{key}\""),
            );
        }
        let is_sent =
            |name: &&[u8]| request.headers.iter().any(|h| h.name.eq_ignore_ascii_case(name));
        let names = explanation.signed_headers.split(|&b| b == b';');
        for name in names.filter(|name| !name.is_empty() && !is_sent(name)) {
            let name = printable(name);
            self.line("hint", format_args!("signed header \"{name}\" is not in the request"));
        }
        let path = path(request.target);
        let names = request.headers.iter().map(|header| header.name);
        let payload = explanation.canonical_request.rsplit(|&b| b == b'\n').next();
        let region = explanation.scope.split(|&b| b == b'/').nth(1);
        let hints = [
            (path.contains(&b'+'), "\"+\" in the path stands for a blank; a plus is sent as %2B"),
            (
                secret.is_some_and(has_white_space_at_end),
                "the secret begins or ends with white space",
            ),
            (
                names.chain([request.target]).any(has_token),
                "the session token is taken as sent; whether it is that of the key is not checked",
            ),
            (
                payload.is_some_and(|payload| !BODILESS.contains(&payload)),
                "the body has to fit x-amz-content-sha256; it is not looked at here",
            ),
            (
                explanation.is_v2(),
                "Signature V2 is refused by servers that do not allow it explicitly",
            ),
            (region == Some(b""), "the region is empty; servers that know their region refuse it"),
        ];
        for (_, hint) in hints.into_iter().filter(|(applies, _)| *applies) {
            self.line("hint", hint);
        }
        if self.mismatch {
            self.form(explanation);
        }
    }

    /// The form of a signature that does not match.
    fn form(&mut self, explanation: &Explanation) {
        let sent = &explanation.signature;
        if explanation.is_v2() {
            if sent.contains(&b' ') {
                self.line("hint", "\"+\" in the signature has to be sent as %2B in a URL");
            }
        } else if sent.len() != 64 {
            let length = sent.len();
            self.line("hint", format_args!("the signature has {length} characters instead of 64"));
        } else if sent.iter().any(u8::is_ascii_uppercase) {
            self.line("hint", "the signature has to be in lower case");
        }
    }

    /// Whether a signature was computed and is not the one that was sent.
    pub(super) fn is_mismatch(&self) -> bool {
        self.mismatch
    }

    /// What was signed instead, as far as it was found.
    pub(super) fn differences(&mut self, fitting: &[String]) {
        for what in fitting {
            self.line("difference", format_args!("the signature fits {what}"));
        }
        if fitting.is_empty() {
            self.line(
                "difference",
                "none that is known: the secret is another one, or what was signed has changed",
            );
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, label: &str, value: impl fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{label}: {value}");
    }

    fn block(&mut self, label: &str, value: &[u8]) {
        let _ = writeln!(self.text, "{label}:");
        for line in value.split(|&b| b == b'\n') {
            let indent = if line.is_empty() { "" } else { "    " };
            let _ = writeln!(self.text, "{indent}{}", printable(line));
        }
    }
}

fn path(target: &[u8]) -> &[u8] {
    target.split(|&b| b == b'?').next().unwrap_or_default()
}

/// Text as it is, so that it can be compared with what the client has, but for what a terminal would not show or would obey.
fn printable(text: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(text) else { return text.escape_ascii().to_string() };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Whether this is the name of a session token, or a target that has one.
fn has_token(text: &[u8]) -> bool {
    let names: [&[u8]; 2] = [b"x-amz-security-token", b"x-amz-s3session-token"];
    names.iter().any(|name| text.windows(name.len()).any(|w| w.eq_ignore_ascii_case(name)))
}
