//! Shows what has to be signed for a request, and where its signature differs.
//!
//! The verdict is that of `sigv4::verify`, and what a signature fits that does not match is found by
//! `sigv4::MismatchedRequest`. Here is how a request is read, and what is said of it.

mod received;
mod report;

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use sigv4::{
    Credential, Error, Explanation, Header, HeaderError, Keyring, MismatchedRequest, Policy,
    RequestParts, Secret, TargetBuffers, Timestamp, TokenError,
};

use crate::args::Explain;
use crate::explain::received::Received;
use crate::explain::report::Report;
use crate::{Failure, Outcome, now};

/// Longest request head that is read, in bytes.
const MAX_HEAD: u64 = 1 << 20;

/// Explains the request that is named by the arguments.
pub(crate) fn run(args: &Explain) -> Result<Outcome, Failure> {
    let now = now(args.date)?;
    let mut received = receive(args)?;
    if let Some(host) = &args.host {
        received.replace_host(host);
    }
    let secret = args.secret.as_ref().map(|secret| secret.read()).transpose()?;

    let domains = args.domains.iter().map(|domain| domain.as_bytes().to_vec()).collect();
    let policy = Policy { signature_v2: true, max_object: None, domains, ..Policy::default() };
    let headers = received.headers();
    let request = received.request(&headers);
    let explained = steps(&request, &policy);

    let mut report = Report::default();
    report.request(&request, now);
    if let Ok(explanation) = &explained {
        report.steps(explanation);
        report.signatures(explanation, secret.as_ref());
    }
    let verdict = match &explained {
        Ok(explanation) => {
            let regions = args.region.iter().map(|region| region.as_bytes().to_vec()).collect();
            let policy = Policy { regions, ..policy };
            let key = args.key.as_deref().map_or(explanation.access_key.as_slice(), str::as_bytes);
            let headers = received.headers_with_length();
            verify(&received.request(&headers), key, secret.as_ref(), &policy, now)
        }
        Err(error) => Err(error.clone()),
    };
    let valid = report.verdict(&verdict, secret.is_some());
    if let Ok(explanation) = &explained {
        report.hints(explanation, &request, secret.as_ref(), args.key.as_deref());
        if let Some(secret) = &secret {
            let region = args.region.as_deref().map(str::as_bytes);
            if report.is_mismatch() {
                let other_hosts: Vec<_> = received.other_hosts.iter().map(Vec::as_slice).collect();
                let mismatched = MismatchedRequest {
                    explanation,
                    target: &received.target,
                    other_hosts: &other_hosts,
                    region,
                };
                report.differences(&mismatched.causes(secret));
            }
        }
    }
    Ok(Outcome { text: report.into_text(), valid })
}

fn receive(args: &Explain) -> Result<Received, Failure> {
    let input = args.input.as_deref().unwrap_or(Path::new("-"));
    let url = input.to_str().filter(|text| text.contains("://"));
    if let Some(url) = url {
        return Received::from_url(url, args.method.as_deref().unwrap_or("GET"), &args.headers);
    }
    if args.method.is_some() || !args.headers.is_empty() {
        return Err("--method and --header belong to a URL; a request has its own".to_owned());
    }
    let mut text = Vec::new();
    let read = if input == Path::new("-") {
        if args.secret.as_ref().is_some_and(|secret| secret.is_standard_input()) {
            return Err("request and secret cannot both be standard input".to_owned());
        }
        if std::io::stdin().is_terminal() {
            eprintln!("sign_s3: the head of a request, then an empty line and Ctrl-D:");
        }
        std::io::stdin().lock().take(MAX_HEAD).read_to_end(&mut text)
    } else {
        std::fs::File::open(input).and_then(|file| file.take(MAX_HEAD).read_to_end(&mut text))
    };
    read.map_err(|error| format!("cannot read \"{}\": {error}", input.display()))?;
    Received::parse(&text)
}

/// The steps of the signature. Unsigned headers that have to be signed are an error of the verdict only: the steps are those
/// of the request without them, which is what was signed.
fn steps(request: &RequestParts<'_>, policy: &Policy) -> Result<Explanation, Error> {
    let mut buffers = TargetBuffers::default();
    match sigv4::explain(request, policy, &mut buffers) {
        Err(Error::Header(HeaderError::NotSigned { names })) => {
            let is_signed = |header: &&Header<'_>| {
                !names.iter().any(|name| header.name.eq_ignore_ascii_case(name))
            };
            let signed: Vec<_> = request.headers.iter().filter(is_signed).copied().collect();
            sigv4::explain(&RequestParts { headers: &signed, ..*request }, policy, &mut buffers)
        }
        other => other,
    }
}

/// What a server says that knows this key. The session token is taken as sent: nothing is known about it here.
fn verify(
    request: &RequestParts<'_>,
    key: &[u8],
    secret: Option<&Secret>,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), Error> {
    let secret = || secret.cloned().unwrap_or_else(|| Secret::new(*b"nobody"));
    let verify = |credential: Credential<()>| {
        let mut keyring = Keyring::default();
        // The first one in a keyring cannot be there already.
        let _ = keyring.insert(credential);
        sigv4::verify(request, &keyring, policy, now, &mut TargetBuffers::default()).map(|_| ())
    };
    match verify(Credential::new(key, secret(), ())) {
        Err(Error::Token(TokenError::Invalid { token })) => {
            verify(Credential::new(key, secret(), ()).with_token(Secret::new(token), None))
        }
        other => other,
    }
}
