//! The grants of a client in `clients.json`.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json::{Expected, JsonObject, present};
use crate::grants::{Actions, GrantError, NotANetwork};
use crate::{Grant, Network};

/// One of the list.
#[derive(Deserialize)]
#[serde(try_from = "JsonObject<RawGrant>")]
pub(super) struct GrantEntry(pub(super) Grant);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    #[serde(default, deserialize_with = "present")]
    allow: Option<Vec<ActionWord>>,
    buckets: Vec<String>,
    #[serde(default, rename = "comment")]
    _comment: String,
    #[serde(default, deserialize_with = "present")]
    deny: Option<Vec<ActionWord>>,
    #[serde(default, deserialize_with = "present")]
    from: Option<NetworkList>,
    #[serde(default, deserialize_with = "present")]
    prefix: Option<Prefixes>,
}

impl Expected for RawGrant {
    const TEXT: &'static str = "an object with \"buckets\" and \"allow\" or \"deny\"";
}

/// One or several.
struct Prefixes(Vec<String>);

impl<'de> Deserialize<'de> for Prefixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Prefixes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Prefixes, E> {
                Ok(Prefixes(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Prefixes, A::Error> {
                let mut prefixes = Vec::new();
                while let Some(prefix) = list.next_element()? {
                    prefixes.push(prefix);
                }
                if prefixes.is_empty() {
                    return Err(A::Error::custom("must not be empty"));
                }
                Ok(Prefixes(prefixes))
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
}

/// A verb, or the name of an operation.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ActionWord(Actions);

impl TryFrom<String> for ActionWord {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, &'static str> {
        let actions = Actions::of_word(&word);
        actions.map(Self).ok_or(
            "must be \"admin\", \"all\", \"delete\", \"list\", \"read\", \"write\" or the name of an operation, such as \"GetObject\"",
        )
    }
}

impl TryFrom<JsonObject<RawGrant>> for GrantEntry {
    type Error = &'static str;

    fn try_from(JsonObject(raw): JsonObject<RawGrant>) -> Result<Self, &'static str> {
        let (words, denies) = match (raw.allow, raw.deny) {
            (Some(words), None) => (words, false),
            (None, Some(words)) => (words, true),
            (None, None) => return Err("missing member `allow` or `deny`"),
            (Some(_), Some(_)) => {
                return Err("\"allow\" and \"deny\" exclude each other; they are two grants");
            }
        };
        let actions: Vec<Actions> = words.into_iter().map(|word| word.0).collect();
        let mut prefixes = raw.prefix.map(|prefixes| prefixes.0).unwrap_or_default().into_iter();
        let first = prefixes.next().unwrap_or_default();
        let grant = Grant::new(&raw.buckets, first.as_bytes(), &actions);
        let grant = grant.map_err(|error| match error {
            GrantError::Bucket => {
                "\"buckets\" must be names without slash, in which \"*\" may be the last character only"
            }
            GrantError::NoActions if denies => "\"deny\" must not be empty",
            GrantError::NoActions => "\"allow\" must not be empty",
            GrantError::NoBuckets => "\"buckets\" must not be empty",
        })?;
        let grant = prefixes.fold(grant, |grant, prefix| grant.and_prefix(prefix.as_bytes()));
        let grant = grant.only_from(raw.from.map(|networks| networks.0).unwrap_or_default());
        Ok(Self(if denies { grant.denying() } else { grant }))
    }
}

/// Networks. An empty list would mean all or none, so it is an error.
#[derive(Deserialize)]
#[serde(try_from = "Vec<NetworkMember>")]
pub(super) struct NetworkList(pub(super) Vec<Network>);

impl TryFrom<Vec<NetworkMember>> for NetworkList {
    type Error = &'static str;

    fn try_from(members: Vec<NetworkMember>) -> Result<Self, &'static str> {
        if members.is_empty() {
            return Err("must not be empty");
        }
        Ok(Self(members.into_iter().map(|member| member.0).collect()))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct NetworkMember(Network);

impl TryFrom<String> for NetworkMember {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse().map(Self)
    }
}
