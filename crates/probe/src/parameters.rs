//! The parameters of `s3_probe`.

use std::fmt;

/// How an upstream's origins are probed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProbeParameters {
    /// From one question to the next, in milliseconds.
    pub interval: u64,
    /// How long an answer may take, connection and TLS included, in milliseconds.
    pub timeout: u64,
    /// So many failures in a row take an origin out.
    pub fall: u8,
    /// So many successes in a row bring it back.
    pub rise: u8,
    /// The target of the GET, path and query.
    pub uri: String,
    /// What becomes of requests while every origin of the upstream is down.
    pub all_down: AllDown,
}

/// What becomes of requests that no origin could answer, by what the probes say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AllDown {
    /// They are sent as if all were up: the probes may be wrong.
    #[default]
    Try,
    /// They are answered with a 503 at once, so that whoever has other proxies can ask those.
    Refuse,
}

impl Default for ProbeParameters {
    fn default() -> Self {
        Self {
            interval: 500,
            timeout: 500,
            fall: 2,
            rise: 2,
            uri: "/".to_owned(),
            all_down: AllDown::default(),
        }
    }
}

/// A parameter that cannot be; displayed in nginx's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WrongParameter(String);

impl std::error::Error for WrongParameter {}

impl fmt::Display for WrongParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shorter times than a few ticks of the caller's timer cannot be told apart.
const TIMES: std::ops::RangeInclusive<u64> = 100..=3_600_000;
/// More questions than this are never open at once.
const COUNTS: std::ops::RangeInclusive<u8> = 1..=10;

impl ProbeParameters {
    /// Takes `interval=`, `timeout=`, `fall=`, `rise=`, `uri=` or `all_down=`; `milliseconds` reads a time as the configuration writes it.
    ///
    /// # Errors
    ///
    /// Names the parameter, and what it may be.
    pub fn set(
        &mut self,
        word: &str,
        milliseconds: impl Fn(&str) -> Option<u64>,
    ) -> Result<(), WrongParameter> {
        let wrong = |why: &str| {
            WrongParameter(format!("invalid parameter \"{word}\" of \"s3_probe\"{why}"))
        };
        let time = |value: &str| {
            let time = milliseconds(value).filter(|time| TIMES.contains(time));
            time.ok_or_else(|| wrong(": it must be from 100ms to 1h"))
        };
        let count = |value: &str| {
            let count = value.parse().ok().filter(|count| COUNTS.contains(count));
            count.ok_or_else(|| wrong(": it must be from 1 to 10"))
        };
        match word.split_once('=') {
            Some(("interval", value)) => self.interval = time(value)?,
            Some(("timeout", value)) => self.timeout = time(value)?,
            Some(("fall", value)) => self.fall = count(value)?,
            Some(("rise", value)) => self.rise = count(value)?,
            Some(("uri", value)) => {
                let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
                if !value.starts_with('/') || !value.bytes().all(is_plain) {
                    return Err(wrong(": a path that begins with \"/\", with a query if need be"));
                }
                self.uri = value.to_owned();
            }
            Some(("all_down", "try")) => self.all_down = AllDown::Try,
            Some(("all_down", "503")) => self.all_down = AllDown::Refuse,
            Some(("all_down", _)) => return Err(wrong(": it must be \"try\" or \"503\"")),
            _ => return Err(wrong("")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(word: &str) -> Result<ProbeParameters, String> {
        let mut parameters = ProbeParameters::default();
        let read = |text: &str| text.strip_suffix("ms").and_then(|number| number.parse().ok());
        parameters.set(word, read).map(|()| parameters).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn each_is_taken() {
        assert_eq!(set("interval=700ms").unwrap().interval, 700);
        assert_eq!(set("timeout=100ms").unwrap().timeout, 100);
        assert_eq!(set("fall=1").unwrap().fall, 1);
        assert_eq!(set("rise=10").unwrap().rise, 10);
        assert_eq!(set("uri=/bucket?max-keys=1").unwrap().uri, "/bucket?max-keys=1");
        assert_eq!(set("all_down=503").unwrap().all_down, AllDown::Refuse);
        assert_eq!(set("all_down=try").unwrap().all_down, AllDown::Try);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for word in [
            "interval=",
            "interval=0ms",
            "timeout=x",
            "timeout=3600001ms",
            "fall=0",
            "rise=11",
            "uri=",
            "uri=bucket",
            "uri=/a b",
            "uri=/ä",
            "uri=/#x",
            "all_down=",
            "all_down=502",
            "on",
            "off=1",
            "",
        ] {
            let fault = set(word).unwrap_err();
            assert!(fault.contains(&format!("invalid parameter \"{word}\"")), "{fault}");
        }
    }
}
