//! The shape of `clients.json`, as types that cannot hold anything else.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sigv4::{Secret, Timestamp};

use super::grant_entry::{GrantEntry, NetworkList};
use super::json::{Expected, JsonObject, present};
use super::{ClientsError, SecretReference};
use crate::key_root::NotAKeyRoot;
use crate::{Grants, KeyRoot, Network};

/// One client, checked.
#[derive(Debug, Deserialize)]
#[serde(try_from = "JsonObject<RawClient>")]
pub(super) struct Client {
    pub(super) access_key: String,
    pub(super) secret: SecretMember,
    pub(super) second_secret: Option<SecretMember>,
    pub(super) token: Option<SecretMember>,
    pub(super) enabled: bool,
    /// Seconds since 1970.
    pub(super) expires: Option<i64>,
    /// Networks that it has to call from; any if there are none.
    pub(super) from: Vec<Network>,
    pub(super) grants: Option<Vec<crate::Grant>>,
    /// What all of its keys begin with at the origins.
    pub(super) root: Option<KeyRoot>,
}

impl Client {
    /// What it may do, from where, and below which root.
    pub(super) fn grants(&self) -> Grants {
        let grants = self.grants.clone().map_or_else(Grants::unrestricted, Grants::limited);
        grants.only_from(self.from.clone()).below(self.root.clone())
    }
}

/// A secret, or where it is.
#[derive(Debug)]
pub(super) enum SecretMember {
    Elsewhere(SecretReference),
    Text(Secret),
}

/// Parses a whole file.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Client>, ClientsError> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let JsonObject(file): JsonObject<File> =
        serde_path_to_error::deserialize(&mut json).map_err(ClientsError::of_json)?;
    json.end().map_err(|error| ClientsError::Format {
        line: error.line(),
        column: error.column(),
        member: String::new(),
        reason: "expected nothing after the object".into(),
    })?;
    Ok(file.clients.0)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    clients: ClientList,
}

impl Expected for File {
    const TEXT: &'static str = "an object with \"clients\"";
}

impl Expected for RawClient {
    const TEXT: &'static str = "an object with \"access_key\" and \"secret_key\"";
}

/// The list of clients, no access key twice.
struct ClientList(Vec<Client>);

impl<'de> Deserialize<'de> for ClientList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = ClientList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of clients")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ClientList, A::Error> {
                let mut seen = HashSet::new();
                let mut clients = Vec::new();
                while let Some(client) = list.next_element::<Client>()? {
                    if !seen.insert(client.access_key.clone()) {
                        let key = &client.access_key;
                        return Err(A::Error::custom(format_args!(
                            "access key \"{key}\" is repeated"
                        )));
                    }
                    clients.push(client);
                }
                Ok(ClientList(clients))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    access_key: AccessKey,
    #[serde(default, rename = "comment")]
    _comment: String,
    #[serde(default, deserialize_with = "present")]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    expires: Option<Expiry>,
    #[serde(default, deserialize_with = "present")]
    from: Option<NetworkList>,
    #[serde(default, deserialize_with = "present")]
    grants: Option<Vec<GrantEntry>>,
    #[serde(default, deserialize_with = "present")]
    root: Option<Root>,
    #[serde(default, deserialize_with = "present")]
    secret_key: Option<SecretMember>,
    #[serde(default, deserialize_with = "present")]
    secret_keys: Option<Vec<SecretMember>>,
    #[serde(default, deserialize_with = "present")]
    session_token: Option<SecretMember>,
}

impl TryFrom<JsonObject<RawClient>> for Client {
    type Error = &'static str;

    fn try_from(JsonObject(raw): JsonObject<RawClient>) -> Result<Self, &'static str> {
        let (secret, second_secret) = match (raw.secret_key, raw.secret_keys) {
            (Some(secret), None) => (secret, None),
            (None, Some(secrets)) => {
                let mut secrets = secrets.into_iter();
                match (secrets.next(), secrets.next(), secrets.next()) {
                    (Some(secret), second, None) => (secret, second),
                    _ => return Err("\"secret_keys\" must have one or two elements"),
                }
            }
            (None, None) => return Err("missing member `secret_key`"),
            (Some(_), Some(_)) => {
                return Err("\"secret_key\" and \"secret_keys\" exclude each other");
            }
        };
        Ok(Self {
            access_key: raw.access_key.0,
            secret,
            second_secret,
            token: raw.session_token,
            enabled: raw.enabled.unwrap_or(true),
            expires: raw.expires.map(|expiry| expiry.0),
            from: raw.from.map(|networks| networks.0).unwrap_or_default(),
            grants: raw.grants.map(|grants| grants.into_iter().map(|grant| grant.0).collect()),
            root: raw.root.map(|root| root.0),
        })
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct AccessKey(String);

impl TryFrom<String> for AccessKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if !sigv4::is_usable_id(text.as_bytes()) {
            return Err("must be 1 to 128 visible ASCII characters without slash or comma");
        }
        Ok(Self(text))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Expiry(i64);

impl TryFrom<String> for Expiry {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let rfc3339 = text.parse::<jiff::Timestamp>().ok();
        let instant = rfc3339.map(jiff::Timestamp::as_second).or_else(|| {
            // As AWS's dates in headers are.
            Some(Timestamp::parse_iso_basic(text.as_bytes())?.unix())
        });
        instant.map(Self).ok_or("must be a time like \"2026-12-31T23:59:59Z\"")
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Root(KeyRoot);

impl TryFrom<String> for Root {
    type Error = NotAKeyRoot;

    fn try_from(text: String) -> Result<Self, NotAKeyRoot> {
        KeyRoot::new(&text).map(Self)
    }
}

/// A string is the secret; an object says where it is.
impl<'de> Deserialize<'de> for SecretMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Member;

        impl<'de> Visitor<'de> for Member {
            type Value = SecretMember;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, {\"env\": \"NAME\"} or {\"file\": \"PATH\"}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SecretMember, E> {
                if text.is_empty() {
                    return Err(E::custom("must not be empty"));
                }
                Ok(SecretMember::Text(Secret::new(text.as_bytes())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretMember, A::Error> {
                let place = SecretPlace::deserialize(MapAccessDeserializer::new(map))?;
                match (place.env, place.file) {
                    (Some(name), None) => Ok(SecretMember::Elsewhere(SecretReference::Env(name))),
                    (None, Some(path)) => Ok(SecretMember::Elsewhere(SecretReference::File(path))),
                    _ => Err(A::Error::custom("must have either \"env\" or \"file\"")),
                }
            }
        }

        deserializer.deserialize_any(Member)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretPlace {
    #[serde(default, deserialize_with = "present")]
    env: Option<String>,
    #[serde(default, deserialize_with = "present")]
    file: Option<String>,
}
