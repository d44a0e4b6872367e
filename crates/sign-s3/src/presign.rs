//! Makes a presigned URL.

use sigv4::{
    Credential, Header, Keyring, OriginCredential, Policy, RequestParts, Secret, TargetBuffers,
    Timestamp, header, param, target,
};

use crate::args::{Presign, Version};
use crate::secret_source::has_white_space_at_end;
use crate::{Failure, Outcome, curl, now};

/// Prints the URL that was asked for, or the curl command.
pub(crate) fn run(args: &Presign) -> Result<Outcome, Failure> {
    let token = args.token.as_ref();
    if args.secret.is_standard_input() && token.is_some_and(|token| token.is_standard_input()) {
        return Err("secret and session token cannot both be standard input".to_owned());
    }
    let secret = args.secret.read()?;
    if has_white_space_at_end(&secret) {
        eprintln!("sign_s3: warning: the secret begins or ends with white space");
    }
    let token = token.map(|token| token.read()).transpose()?;
    let url = presign(args, secret, token, now(args.date)?)?;
    let line = if args.curl { curl::command(&args.method, &args.headers, &url) } else { url };
    Ok(Outcome { text: line + "\n", valid: true })
}

fn presign(
    args: &Presign,
    secret: Secret,
    token: Option<Secret>,
    now: Timestamp,
) -> Result<String, Failure> {
    check_headers(args)?;
    let bucket = args.bucket.as_encoded_bytes();
    let endpoint = match (args.virtual_host, args.bucket.to_str()) {
        (true, Some(bucket)) => args.endpoint.with_bucket(bucket)?,
        (true, None) => return Err("the bucket cannot stand in the host name".to_owned()),
        (false, _) => args.endpoint.clone(),
    };
    let target = target(args, bucket)?;
    let host = endpoint.host();
    let mut headers = vec![Header { name: header::HOST.as_bytes(), value: host.as_bytes() }];
    headers.extend(
        args.headers
            .iter()
            .map(|line| Header { name: line.name.as_bytes(), value: line.value.as_bytes() }),
    );
    let request =
        RequestParts { method: args.method.as_bytes(), target: &target, headers: &headers };

    let domains = if args.virtual_host { vec![args.endpoint.name().into()] } else { Vec::new() };
    // How large an object may be is the server's business.
    let policy = Policy { domains, signature_v2: true, max_object: None, ..Policy::default() };
    let key = OriginCredential::new(
        args.key.as_str(),
        secret.clone(),
        token.clone(),
        args.region.as_str(),
        "s3",
    );
    let signed = match args.version {
        Version::V2 => {
            let seconds = i64::try_from(args.expires).ok();
            let expires_at = seconds.and_then(|seconds| now.checked_add(seconds));
            let expires_at = expires_at.ok_or("--expires is out of range")?;
            sigv4::presign_v2(&request, expires_at, &key, &policy)
        }
        Version::V4 => sigv4::presign(&request, args.expires, &key, now),
    };
    let signed = signed.map_err(|error| format!("cannot sign this: {error}"))?;
    let credential = Credential::new(args.key.as_str(), secret, ());
    let credential = match token {
        Some(token) => credential.with_token(token, None),
        None => credential,
    };
    check(&RequestParts { target: &signed, ..request }, credential, &policy, now)?;
    let target = String::from_utf8(signed).map_err(|_| "the URL is not ASCII")?;
    Ok(endpoint.url(&target))
}

/// Refuses headers that belong to the signature itself.
fn check_headers(args: &Presign) -> Result<(), Failure> {
    for line in &args.headers {
        let instead = match () {
            () if line.is(header::HOST) => "ENDPOINT",
            () if line.is(header::X_AMZ_SECURITY_TOKEN) => "--token",
            // The last line of the canonical request comes from the query here.
            () if line.is(header::X_AMZ_CONTENT_SHA256) => "--query X-Amz-Content-Sha256=VALUE",
            () => continue,
        };
        return Err(format!("header \"{}\" is given by {instead}", line.name));
    }
    Ok(())
}

/// The path, strictly encoded, and the query that was asked for.
fn target(args: &Presign, bucket: &[u8]) -> Result<Vec<u8>, Failure> {
    // Encoded as %2F it would be refused by every server; the dots would be resolved by clients.
    if bucket.is_empty() || bucket.contains(&b'/') || matches!(bucket, b"." | b"..") {
        return Err("not a bucket name".to_owned());
    }
    let mut target = Vec::new();
    if !args.virtual_host {
        target.push(b'/');
        target::encode(bucket, &mut target);
    }
    for segment in args.object.as_encoded_bytes().split(|&b| b == b'/') {
        target.push(b'/');
        target::encode(segment, &mut target);
    }
    let own = [param::X_AMZ_SIGNATURE, param::SIGNATURE, param::AWS_ACCESS_KEY_ID];
    let mut separator = b'?';
    for parameter in &args.parameters {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if own.contains(&name) {
            return Err(format!("parameter \"{name}\" is part of the signature"));
        }
        target.push(separator);
        target::encode(name.as_bytes(), &mut target);
        // A sub-resource of Signature V2 is signed without `=` if it is sent without.
        if parameter.contains('=') {
            target.push(b'=');
        }
        target::encode(value.as_bytes(), &mut target);
        separator = b'&';
    }
    Ok(target)
}

/// Verifies what was signed, so that no URL is printed that cannot work.
fn check(
    request: &RequestParts<'_>,
    credential: Credential<()>,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut keyring = Keyring::default();
    keyring.insert(credential).map_err(|error| error.to_string())?;
    let mut headers = request.headers.to_vec();
    let name = header::CONTENT_LENGTH.as_bytes();
    if !headers.iter().any(|header| header.name.eq_ignore_ascii_case(name)) {
        // An upload will have one; it need not be signed.
        headers.push(Header { name, value: b"0" });
    }
    let request = RequestParts { headers: &headers, ..*request };
    sigv4::verify(&request, &keyring, policy, now, &mut TargetBuffers::default())
        .map(|_| ())
        .map_err(|error| format!("no server would accept this: {error}"))
}
