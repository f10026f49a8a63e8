//! Credentials of a netrc file, as ftp(1) describes it.

use super::{Credentials, Secret};

/// The entry for `host`; the `default` entry is left out, since it would send a password to
/// whatever index happens to be configured.
pub(super) fn credentials(text: &str, host: &str) -> Option<Credentials> {
    let mut words = words(text).into_iter();
    let mut here = false;
    let mut user = None;
    let mut password = None;
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" => {
                if here && user.is_some() {
                    break;
                }
                here = word == "machine" && words.next() == Some(host);
                (user, password) = (None, None);
            }
            "login" => user = words.next(),
            "password" => password = words.next(),
            "account" => drop(words.next()),
            _ => {}
        }
    }
    let secret = |text: &str| Secret(text.to_owned());
    here.then_some(())?;
    Some(Credentials {
        user: user.map(secret)?,
        password: password.map(secret),
    })
}

/// Words without comments and macro bodies; a macro ends at the first blank line.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        if line.trim().is_empty() {
            in_macro = false;
        }
        let line = line.trim_start();
        in_macro |= line.starts_with("macdef");
        if !in_macro && !line.starts_with('#') {
            words.extend(line.split_whitespace());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(String, Option<String>)> {
        let found = credentials(text, "index.test")?;
        Some((found.user.0, found.password.map(|secret| secret.0)))
    }

    #[test]
    fn finds_the_machine_and_nothing_else() {
        let text = "# comment login x\nmachine other.test login a password b\n\
            macdef init\nmachine index.test login evil\n\n\
            machine index.test\n  login me\n  account z\n  password s3cret\n\
            machine index.test login late password late\ndefault login d password d\n";
        assert_eq!(found(text), Some(("me".into(), Some("s3cret".into()))));
        assert_eq!(found("default login d password d"), None);
        assert_eq!(found("machine index.test password p"), None);
        assert_eq!(found("machine"), None);
    }
}
