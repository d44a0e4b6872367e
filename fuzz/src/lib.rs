//! What the fuzz targets share: a second, slow reading of each rule, and keys.

pub mod frames;
pub mod signer;

use sigv4::{Credential, Keyring, Secret};

/// The access key that the seeds of the corpus are signed with, and its secret.
pub const CLIENT: (&str, &str) =
    ("CLIENTKEY1EXAMPLE00", "cLiEnT+Secret/Key=0123456789abcdefEXAMPLE");

/// The clock of the seeds.
pub const NOW: &str = "20260315T120000Z";

/// The client's key, and those of the vectors that AWS publishes.
pub fn keyring() -> Keyring<()> {
    let mut keyring = Keyring::default();
    let published = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    for (access_key, secret) in [CLIENT, published] {
        keyring.insert(Credential::new(access_key, Secret::new(secret), ())).unwrap();
    }
    keyring
}

/// The bytes that percent-escapes stand for; `+` is a blank. None where an escape is broken.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits =
                    [*rest.next()?, *rest.next()?].map(|digit| char::from(digit).to_digit(16));
                let [high, low] = digits;
                u8::try_from(high? * 16 + low?).unwrap()
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    Some(bytes)
}

/// The one spelling of these bytes; `/` stays where it is wanted.
pub fn encode(bytes: &[u8], keeps_slash: bool) -> Vec<u8> {
    let plain =
        |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b) || keeps_slash && b == b'/';
    let one = |&b: &u8| if plain(b) { vec![b] } else { format!("%{b:02X}").into_bytes() };
    bytes.iter().flat_map(one).collect()
}
