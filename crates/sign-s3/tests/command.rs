//! The command as people run it: the vectors and cases of the protocol reference, and what it says about itself.

#[path = "command/check_clients.rs"]
mod check_clients;
#[path = "command/explain.rs"]
mod explain;
#[path = "command/presign.rs"]
mod presign;
#[path = "command/server.rs"]
mod server;
#[path = "command/support.rs"]
mod support;

use crate::support::sign_s3;

#[test]
fn its_version_is_printed() {
    let expected = concat!("sign_s3 ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(sign_s3(&["-V"], "", b"").stdout, expected);
    assert_eq!(sign_s3(&["--version"], "", b"").stdout, expected);
    // With a value it is the signature's.
    let wrong = sign_s3(&["--version", "3"], "", b"");
    assert_eq!(wrong.stdout, "");
    assert!(wrong.stderr.contains("invalid value '3'"), "{}", wrong.stderr);
}

#[test]
fn the_manual_page_has_every_option() {
    let page = include_str!("../sign_s3.1");
    let (presigning, rest) = page.split_once(".Sh EXPLAINING").unwrap();
    let (explaining, checking) = rest.split_once(".Sh CHECKING CLIENTS").unwrap();
    for (arguments, section) in [
        ([].as_slice(), presigning),
        (["explain"].as_slice(), explaining),
        (["check-clients"].as_slice(), checking),
    ] {
        let help = sign_s3(&[arguments, &["--help"]].concat(), "", b"").stdout;
        let options = help.lines().filter_map(|line| line.trim_start().split_once("--"));
        let names: Vec<_> = options
            .filter(|(before, _)| before.is_empty() || before.starts_with('-'))
            .filter_map(|(_, name)| name.split([' ', ',']).next())
            .filter(|name| *name != "help")
            .collect();
        assert!(names.len() > 3, "{help}");
        for name in names {
            // "-" is doubled by the macro Fl.
            let item = section.lines().any(|line| {
                line.starts_with(".It Fl ")
                    && line.split(' ').any(|word| word == format!("-{name}"))
            });
            assert!(item, "--{name}");
        }
    }
}
