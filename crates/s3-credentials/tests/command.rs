//! The command as it is run, against servers of this test that play those of AWS.

#[path = "command/server.rs"]
mod server;

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// Never to be logged.
const HUSH: &str = "HUSH/secret+of=the/test";

struct Machine {
    home: tempfile::TempDir,
    environment: HashMap<&'static str, String>,
}

impl Machine {
    /// One with nothing but what `environment` says.
    fn new(environment: &[(&'static str, String)]) -> Self {
        let mut all = HashMap::from([("AWS_EC2_METADATA_DISABLED", "true".to_owned())]);
        all.extend(environment.iter().cloned());
        Self { home: tempfile::tempdir().unwrap(), environment: all }
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("b.json")
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_s3_credentials"))
            .args(arguments)
            .arg(self.file())
            .env_clear()
            .envs([("HOME", self.home.path()), ("PATH", Path::new("/usr/bin:/bin"))])
            .envs(&self.environment)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs until it ends; no secret is shown.
    fn once(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let child = self.start(&[&["--once"], arguments].concat());
        log_of(child.wait_with_output().unwrap())
    }

    fn document(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }
}

fn log_of(output: Output) -> (Option<i32>, String) {
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains(HUSH) && !log.contains("secret+of"), "{log}");
    assert_eq!(output.stdout, b"");
    (output.status.code(), log)
}

/// So many seconds from now, as AWS writes it.
fn end(seconds: u64) -> String {
    let time = SystemTime::now() + Duration::from_secs(seconds);
    let format = time::format_description::well_known::Rfc3339;
    let unix = time.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let time = time::OffsetDateTime::from_unix_timestamp(unix.try_into().unwrap()).unwrap();
    time.format(&format).unwrap()
}

fn check(document: &Value, key: &str, end: &str) {
    let expected = json!({
        "Version": 1, "AccessKeyId": key, "SecretAccessKey": HUSH, "SessionToken": HUSH, "Expiration": end
    });
    assert_eq!(*document, expected);
}

/// IMDSv2: a token by PUT, and nothing without it.
fn imds(key: &'static str, end: String) -> Server {
    Server::start(move |request| {
        let has_token = request.header("x-aws-ec2-metadata-token") == Some("THE-TOKEN");
        match (request.line(), has_token) {
            (line, _) if line.starts_with("PUT /latest/api/token ") => {
                Answer::text("THE-TOKEN").with("x-aws-ec2-metadata-token-ttl-seconds", "21600")
            }
            (_, false) => Answer::status(401),
            (line, _)
                if line.contains("/security-credentials-extended/ ")
                    || line.contains("/security-credentials-extended ") =>
            {
                Answer::status(404)
            }
            (line, _) if line.contains("/security-credentials/ ") => Answer::text("the-role"),
            (line, _) if line.contains("/security-credentials/the-role ") => Answer::json(&json!({
                "Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC",
                "AccessKeyId": key, "SecretAccessKey": HUSH, "Token": HUSH, "Expiration": end,
            })),
            _ => Answer::status(404),
        }
    })
}

/// STS: what a query names is checked by `is_right`.
fn sts(
    action: &'static str,
    key: &'static str,
    end: String,
    is_right: impl Fn(&str) -> bool + Send + 'static,
) -> Server {
    Server::start(move |request| {
        if !request.body().contains(&format!("Action={action}&")) || !is_right(request.text()) {
            return Answer::status(403);
        }
        assumed(action, key, &end)
    })
}

/// What STS says where a role may be assumed.
fn assumed(action: &str, key: &str, end: &str) -> Answer {
    Answer::text(&format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser>\
             <AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser><Credentials>\
             <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{HUSH}</SecretAccessKey><SessionToken>{HUSH}</SessionToken>\
             <Expiration>{end}</Expiration></Credentials></{action}Result></{action}Response>"
    ))
}

#[test]
fn the_machine() {
    let end = end(6 * 3600);
    let server = imds("ASIAMACHINE", end.clone());
    let machine = Machine::new(&[
        ("AWS_EC2_METADATA_DISABLED", "false".into()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url("")),
    ]);
    let (code, log) = machine.once(&[]);
    assert_eq!(code, Some(0), "{log}");
    check(&machine.document(), "ASIAMACHINE", &end);
    assert!(
        log.contains(&format!("access key ASIAMACHINE, good until {end}; asks again in 3600 s")),
        "{log}"
    );
    assert_eq!(std::fs::metadata(machine.file()).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn the_container() {
    let end = end(3600);
    let answer = json!({"AccessKeyId": "ASIACONTAINER", "SecretAccessKey": HUSH, "Token": HUSH, "Expiration": end});
    let server = Server::start(move |request| match request.header("authorization") {
        Some("Bearer of-the-pod") => Answer::json(&answer),
        _ => Answer::status(401),
    });
    let mut machine =
        Machine::new(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/v1/credentials"))]);
    let token = machine.write("token", "Bearer of-the-pod");
    machine.environment.insert("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
    let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap().name;
    let (code, log) = machine.once(&["--group", &group]);
    assert_eq!(code, Some(0), "{log}");
    check(&machine.document(), "ASIACONTAINER", &end);
    assert_eq!(std::fs::metadata(machine.file()).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn a_web_identity() {
    let end = end(3600);
    let server = sts("AssumeRoleWithWebIdentity", "ASIAWEB", end.clone(), |text| {
        text.contains("WebIdentityToken=of-the-account")
            && text.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr")
    });
    let mut machine = Machine::new(&[
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r".into()),
        ("AWS_REGION", "eu-west-1".into()),
        ("AWS_ENDPOINT_URL_STS", server.url("")),
    ]);
    let token = machine.write("token", "of-the-account");
    machine.environment.insert("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    let (code, log) = machine.once(&[]);
    assert_eq!(code, Some(0), "{log}");
    check(&machine.document(), "ASIAWEB", &end);
}

#[test]
fn a_role() {
    let end = end(900);
    let server = sts("AssumeRole", "ASIAROLE", end.clone(), |text| {
        text.contains("ExternalId=the-id")
            && text.contains("RoleSessionName=s3_credentials")
            && text.contains("Credential=AKIDSOURCE/")
    });
    let machine = Machine::new(&[
        ("AWS_ACCESS_KEY_ID", "AKIDSOURCE".into()),
        ("AWS_SECRET_ACCESS_KEY", HUSH.into()),
        ("AWS_ENDPOINT_URL_STS", server.url("")),
    ]);
    let role = ["--role-arn", "arn:aws:iam::1:role/r", "--region", "eu-west-1"];
    let (code, log) = machine.once(&[&role[..], &["--external-id", "the-id"]].concat());
    assert_eq!(code, Some(0), "{log}");
    check(&machine.document(), "ASIAROLE", &end);
    let (code, log) = machine.once(&[&role[..], &["--external-id", "another"]].concat());
    assert_eq!(code, Some(1), "{log}");
    check(&machine.document(), "ASIAROLE", &end);
}

/// A role that may be assumed by another role only, which a key may assume.
#[test]
fn a_profile_whose_source_is_a_profile() {
    let end = end(3600);
    let until = end.clone();
    let server = Server::start(move |request| {
        let asks = |who: &str, role: &str| {
            let is_for = request
                .text()
                .contains(&format!("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2F{role}&"));
            is_for && request.text().contains(&format!("Credential={who}/"))
        };
        let token = request.header("x-amz-security-token");
        if asks("AKIDSOURCE", "middle") && token.is_none() {
            assumed("AssumeRole", "ASIAMIDDLE", &until)
        } else if asks("ASIAMIDDLE", "top") && token == Some(HUSH) {
            assumed("AssumeRole", "ASIATOP", &until)
        } else {
            Answer::status(403)
        }
    });
    let machine = Machine::new(&[("AWS_ENDPOINT_URL_STS", server.url(""))]);
    machine.write(
        ".aws/config",
        "[profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = source\n\
         [profile top]\nrole_arn = arn:aws:iam::1:role/top\nrole_session_name = proxy\nsource_profile = middle\nregion = eu-west-1\n",
    );
    machine.write(
        ".aws/credentials",
        &format!("[source]\naws_access_key_id = AKIDSOURCE\naws_secret_access_key = {HUSH}\n"),
    );
    let (code, log) = machine.once(&["--profile", "top"]);
    assert_eq!(code, Some(0), "{log}");
    check(&machine.document(), "ASIATOP", &end);
    assert_eq!(server.count(), 2, "each role once");
}

/// The portal of IAM Identity Center, and the token that `aws sso login` has left.
#[test]
fn a_single_sign_on() {
    let end_of_key = end(3600);
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
    let server = Server::start(move |request| {
        let line = request.line();
        let is_right = line.starts_with("GET /federation/credentials?")
            && line.contains("role_name=Proxy")
            && line.contains("account_id=123456789012");
        match request.header("x-amz-sso_bearer_token") {
            Some("THE-LOGIN") if is_right => Answer::json(&json!({"roleCredentials": {
                "accessKeyId": "ASIASSO", "secretAccessKey": HUSH, "sessionToken": HUSH, "expiration": unix * 1000,
            }})),
            _ => Answer::status(401),
        }
    });
    let machine = Machine::new(&[("AWS_ENDPOINT_URL_SSO", server.url(""))]);
    machine.write(
        ".aws/config",
        "[profile s3]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = Proxy\nregion = eu-west-1\n\
         [sso-session company]\nsso_region = eu-west-1\nsso_start_url = https://company.example.com/start\n",
    );
    // Named by the SHA-1 of the session's name, as AWS's tools have it.
    let token = ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";
    let login = |end: &str| json!({"startUrl": "https://company.example.com/start", "region": "eu-west-1", "accessToken": "THE-LOGIN", "expiresAt": end});
    machine.write(token, &login(&end(3600)).to_string());
    let (code, log) = machine.once(&["--profile", "s3"]);
    assert_eq!(code, Some(0), "{log}");
    check(&machine.document(), "ASIASSO", &end_of_key);
    // Who has to log in again is told so, and the key stays.
    machine.write(token, &login("2026-01-01T00:00:00Z").to_string());
    let (code, log) = machine.once(&["--profile", "s3"]);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("expired") || log.contains("refresh"), "{log}");
    check(&machine.document(), "ASIASSO", &end_of_key);
}

#[test]
fn a_profile_with_a_program() {
    let end = end(3600);
    let machine = Machine::new(&[]);
    let answer = json!({"Version": 1, "AccessKeyId": "ASIAPROGRAM", "SecretAccessKey": HUSH, "SessionToken": HUSH, "Expiration": end});
    let answer = machine.write("answer", &answer.to_string());
    machine.write(".aws/config", &format!("[profile s3]\ncredential_process = cat {answer}\n"));
    let (code, log) = machine.once(&["--profile", "s3"]);
    assert_eq!(code, Some(0), "{log}");
    check(&machine.document(), "ASIAPROGRAM", &end);
    // What is no answer is not shown, whatever stands in it, and the file stays.
    machine.write(
        "answer",
        &format!("{{\"Version\": 1, \"SecretAccessKey\": \"{HUSH}\", \"AccessKeyId\": \"{HUSH}"),
    );
    let (code, log) = machine.once(&["--profile", "s3"]);
    assert_eq!(code, Some(1), "{log}");
    check(&machine.document(), "ASIAPROGRAM", &end);
}

#[test]
fn nothing_to_be_had() {
    let machine = Machine::new(&[]);
    let (code, log) = machine.once(&[]);
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("no credentials (attempt 1): ") && log.contains("the file is as it was"),
        "{log}"
    );
    assert!(!machine.file().exists());
    let (code, log) = machine.once(&["--group", "no-such-group"]);
    assert!(code == Some(2) && log.contains("there is no group"), "{log}");
    std::fs::set_permissions(machine.home.path(), Permissions::from_mode(0o700)).unwrap();
}

/// Waits until something is so.
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn it_renews_and_obeys_signals() {
    // A new key with each request, which lives for three seconds.
    let server = Server::start_counting(|_, number| {
        Answer::json(&json!({
            "AccessKeyId": format!("ASIA{number}"), "SecretAccessKey": HUSH, "Token": HUSH, "Expiration": end(3)
        }))
    });
    let machine = Machine::new(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/"))]);
    let child = machine.start(&[]);
    wait_for("the third key", || server.count() >= 3);
    wait_for("it is written", || machine.document()["AccessKeyId"] != "ASIA0");
    server.fail(true);
    let failed = server.count();
    wait_for("it goes on asking", || server.count() > failed + 1);
    let kept = machine.document()["AccessKeyId"].clone();
    server.fail(false);
    wait_for("and gets one", || machine.document()["AccessKeyId"] != kept);
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    kill(pid, Signal::SIGHUP).unwrap();
    let asked = server.count();
    wait_for("SIGHUP asks", || server.count() > asked);
    kill(pid, Signal::SIGTERM).unwrap();
    let (code, log) = log_of(child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{log}");
    assert!(log.ends_with("s3_credentials: SIGTERM: ends; the file stays\n"), "{log}");
    assert!(
        log.contains("SIGHUP: asking anew") && log.contains("no credentials (attempt 1)"),
        "{log}"
    );
    assert!(machine.file().exists());
    let names: Vec<_> = std::fs::read_dir(machine.home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["b.json"], "nothing is left beside it");
}
