//! The page: the JSON document for people, as one HTML file that asks for nothing but that document.
//!
//! Nothing of it is made anew for each request. What it shows, its own script puts in as text.

use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("page/page.html");
const SCRIPT: &str = include_str!("page/script.js");
const STYLE: &str = include_str!("page/style.css");

/// The page, and what a browser may do with it.
pub struct StatusPage {
    /// The file.
    pub html: String,
    /// Its Content-Security-Policy: its own style and script, by their hashes, and what it asks this server for.
    pub policy: String,
}

static PAGE: LazyLock<StatusPage> = LazyLock::new(|| StatusPage {
    html: HTML.replace("{{style}}", STYLE).replace("{{script}}", SCRIPT),
    policy: format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT),
    ),
});

impl StatusPage {
    /// The one that there is.
    pub fn get() -> &'static Self {
        &PAGE
    }
}

/// As Content Security Policy, "hash-source", has it.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands between two texts.
    fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        text.split_once(from).unwrap().1.split_once(to).unwrap().0
    }

    #[test]
    fn the_policy_is_of_what_stands_in_the_page() {
        let StatusPage { html, policy } = StatusPage::get();
        let (style, script) =
            (between(html, "<style>", "</style>"), between(html, "<script>", "</script>"));
        assert!(policy.contains(&format!("style-src '{}'", hash(style))));
        assert!(policy.contains(&format!("script-src '{}'", hash(script))));
    }

    #[test]
    fn it_is_whole_and_takes_names_for_text() {
        let html = &StatusPage::get().html;
        assert!(!html.contains("{{"));
        assert_eq!(html.matches("<script").count(), 1);
        for sink in
            ["innerHTML =", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "setHTML"]
        {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
    }
}
