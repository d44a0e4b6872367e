//! `sign_s3 check-clients`: reads a file of clients as nginx does, and says what one of them may do, and which grant says so.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use s3::{ClientsFile, Decision, KeyRoot, ListedClient, Operation};
use sigv4::Timestamp;

use crate::args::CheckClients;
use crate::{Failure, Outcome};

/// Secrets that stand elsewhere are not looked for: they are the business of the machine that nginx runs on.
pub(crate) fn run(args: &CheckClients) -> Result<Outcome, Failure> {
    let name = args.file.display();
    let text = std::fs::read(&args.file).map_err(|error| format!("{name}: {error}"))?;
    let file = ClientsFile::parse(&text).map_err(|error| format!("{name}: {error}"))?;
    let now = crate::now(args.date)?;
    let Some(key) = &args.client else {
        let text = file.clients().map(|client| describe(&client, now)).collect();
        return Ok(Outcome { text, valid: true });
    };
    let client = file.clients().find(|client| client.access_key == key.as_str());
    let client = client.ok_or_else(|| format!("{name} has no client \"{key}\""))?;
    let (operation, place) = match args.can.as_slice() {
        [] => return Ok(Outcome { text: describe(&client, now), valid: true }),
        [operation, place @ ..] => (operation, place),
    };
    let operation = Operation::of_name(operation)
        .ok_or_else(|| format!("S3 has no operation \"{operation}\"; names are like GetObject"))?;
    let bucket = place.first().map_or("", String::as_str);
    let key = place.get(1).map_or("", String::as_str);
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (allowed, why) = if let Some(reason) = shut(&client, now) {
        (false, reason)
    } else if !client.grants.admits(args.from) {
        (false, "its key is not for use from there; see --from".into())
    } else if client.grants.root().is_some() && !KeyRoot::serves(operation) {
        (false, "it is about more than what is below the client's root".into())
    } else {
        let (bucket, key) = (encode(bucket), encode(key));
        let decision =
            client.grants.decide(operation, bucket.as_bytes(), key.as_bytes(), args.from);
        (decision.is_allowed(), reason(&client, decision))
    };
    let verdict = if allowed { "allowed" } else { "refused" };
    let place = format!("{bucket}/{key}");
    let text = format!("{verdict}: {operation} {}: {why}\n", place.trim_end_matches('/'));
    Ok(Outcome { text, valid: allowed })
}

/// Why a key is as good as unknown now.
fn shut(client: &ListedClient<'_>, now: Timestamp) -> Option<String> {
    if !client.enabled {
        return Some("the key is not enabled".into());
    }
    client.expires.filter(|end| *end < now.unix()).map(|_| "the key has expired".into())
}

/// Which grant decides.
fn reason(client: &ListedClient<'_>, decision: Decision) -> String {
    let grant = |by: usize| match client.grants.list().and_then(|grants| grants.get(by)) {
        Some(grant) => format!("grants[{by}]: {grant}"),
        None => format!("grants[{by}]"),
    };
    match decision {
        Decision::Allowed { by: Some(by) } | Decision::Denied { by } => grant(by),
        Decision::Allowed { by: None } => "no grants limit it".into(),
        _ => "no grant covers it".into(),
    }
}

/// A client and its grants, in lines.
fn describe(client: &ListedClient<'_>, now: Timestamp) -> String {
    let mut text = format!("{}:", client.access_key);
    // Writing to a String does not fail.
    if let Some(reason) = shut(client, now) {
        let _ = write!(text, " {reason};");
    }
    if let Some(end) = client.expires.and_then(Timestamp::from_unix) {
        let _ = write!(text, " until {end};");
    }
    if !client.grants.networks().is_empty() {
        let networks: Vec<_> = client.grants.networks().iter().map(ToString::to_string).collect();
        let _ = write!(text, " from {};", networks.join(", "));
    }
    if let Some(root) = client.grants.root() {
        let _ = write!(text, " below {};", root.as_str());
    }
    match client.grants.list() {
        None => text.push_str(" anything anywhere\n"),
        Some([]) => text.push_str(" nothing\n"),
        Some(grants) => {
            let _ = writeln!(text, " {} grants", grants.len());
            for (number, grant) in grants.iter().enumerate() {
                let _ = writeln!(text, "    grants[{number}]: {grant}");
            }
        }
    }
    text
}
