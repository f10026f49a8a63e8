use std::fmt::Write as _;

use super::*;

fn parse_as(
    name: &str,
    bytes: &[u8],
    content_type: Option<&str>,
    url: &str,
) -> Result<Project, PageError> {
    parse_project(
        bytes,
        content_type,
        &url.parse().unwrap(),
        &name.parse().unwrap(),
        "https://index.test/simple/".into(),
    )
    .map(|page| page.project)
}

fn fixture(name: &str, file: &str) -> Project {
    let path = format!("{}/fixtures/index/{file}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let content_type = if file.ends_with("json") {
        "application/vnd.pypi.simple.v1+json"
    } else {
        "text/html; charset=utf-8"
    };
    let url = format!("https://index.test/simple/{name}/");
    parse_as(name, &bytes, Some(content_type), &url).unwrap()
}

/// One line a file, everything that the page said.
fn table(project: &Project) -> String {
    let mut out = String::new();
    for release in project.releases() {
        for file in project.files(release) {
            let python = file.requires_python.as_ref().map(ToString::to_string);
            let yanked = file.yanked.as_ref().map(|yanked| yanked.reason.as_str());
            let digest = file.sha256.map(|digest| digest.to_string()[..4].to_owned());
            let hint = match file.core_metadata {
                CoreMetadataHint::Unknown => "?".to_owned(),
                CoreMetadataHint::Absent => "absent".to_owned(),
                CoreMetadataHint::Available => "available".to_owned(),
                CoreMetadataHint::Hashed(digest) => digest.to_string()[..4].to_owned(),
            };
            writeln!(
                out,
                "{} | {} | {} | python {} | yanked {} | {} | size {} | sha256 {} | metadata {hint}",
                release.version,
                file.filename,
                file.url,
                python.as_deref().unwrap_or("-"),
                yanked.unwrap_or("-"),
                file.uploaded
                    .map_or("-".to_owned(), |time| time.to_string()),
                file.size.map_or("-".to_owned(), |size| size.to_string()),
                digest.as_deref().unwrap_or("-"),
            )
            .unwrap();
        }
    }
    out
}

fn first_url(project: &Project) -> String {
    project.file(&project.releases()[0], 0).unwrap().url
}

#[test]
fn html_page_with_every_quirk() {
    insta::assert_snapshot!(table(&fixture("zope-interface", "quirks.html")));
}

/// Versions in every spelling, old formats, names with a dash and a digit (T9, T10, T41, T42).
#[test]
fn file_names_of_every_age_are_read_or_passed_over() {
    for (project, filename, version) in [
        ("a", "a-v1.4.tar.gz", Some("1.4")),
        ("a", "a-1.0-1.tar.gz", Some("1.0.post1")),
        ("a", "a-1.01.0-py3-none-any.whl", Some("1.1.0")),
        ("pytz", "pytz-2005r.tar.bz2", None),
        ("pytz", "pytz-2005r.tar.gz", Some("2005.post0")),
        ("pytz", "pytz-2004d.tar.gz", None),
        ("boto", "boto-0.8d.tar.gz", None),
        ("foo-2", "foo-2-1.0.tar.gz", Some("1.0")),
        ("foo", "foo-2-1.0.tar.gz", None),
        ("foo-2", "foo_2-1.0-py3-none-any.whl", Some("1.0")),
        ("a", "a-1.0.zip", Some("1.0")),
        ("a", "a-1.0-py2.7.egg", None),
        ("a", "a-1.0.win32-py2.7.exe", None),
        ("a", "a-1.0.win32-py2.7.msi", None),
        ("a", "a-1.0-1.noarch.rpm", None),
        ("a", "a-1.0.linux-x86_64.tar.gz", None),
        ("a", "a-1.0.tar.xz", None),
    ] {
        let page = format!("<a href=/f/{filename}>x</a>");
        let url = "https://index.test/simple/a/";
        let project = parse_as(project, page.as_bytes(), None, url).unwrap();
        let found = project.releases().first();
        let read = found.map(|release| release.version.to_string());
        assert_eq!(read.as_deref(), version, "{filename}");
        if let Some(release) = found {
            assert_eq!(project.file(release, 0).unwrap().filename, filename);
        }
    }
    let page = b"<a href=a-1.4-py3-none-any.whl>x</a><a href=a-v1.4.0.tar.gz>x</a>";
    let project = parse_as("a", page, None, "https://index.test/simple/a/").unwrap();
    assert_eq!(
        project.releases().len(),
        1,
        "1.4 and v1.4.0 are one release"
    );
}

#[test]
fn json_page_with_every_spelling() {
    insta::assert_snapshot!(table(&fixture("zope-interface", "spellings.json")));
}

#[test]
fn format_is_sniffed_when_the_content_type_lies() {
    let html = b"\n<!DOCTYPE html><a href=a-1.0.tar.gz>a</a>";
    let json = br#" {"meta":{"api-version":"1.9"},"files":[{"filename":"a-1.0.tar.gz","url":"a-1.0.tar.gz"}]}"#;
    let url = "https://index.test/simple/a/";
    for (bytes, stated) in [
        (html.as_slice(), Some("application/json")),
        (html, None),
        (json, Some("text/html")),
        (json, Some("application/octet-stream")),
    ] {
        let project = parse_as("a", bytes, stated, url).unwrap();
        assert_eq!(
            first_url(&project),
            "https://index.test/simple/a/a-1.0.tar.gz"
        );
    }
}

/// Each minor version of the JSON API says what the ones before it say and more; a page may also say more than
/// its version has, and an unknown one is read as far as it is known.
#[test]
fn every_minor_version_is_read() {
    let file = |more: &str| {
        format!(
            r#"{{"filename":"a-1.0.tar.gz","url":"a-1.0.tar.gz","hashes":{{"sha256":"x"}}{more}}}"#
        )
    };
    let of_1_1 = r#","size":7,"upload-time":"2024-05-06T07:08:09Z""#;
    let of_1_3 = format!(r#"{of_1_1},"core-metadata":true,"provenance":"https://files.test/p""#);
    for (version, top, more, says) in [
        ("1.0", "", String::new(), (None, false, false)),
        (
            "1.1",
            r#""versions":["1.0"],"#,
            of_1_1.to_owned(),
            (Some(7), true, false),
        ),
        (
            "1.2",
            r#""alternate-locations":["https://index.test/other/a/"],"#,
            of_1_1.to_owned(),
            (Some(7), true, false),
        ),
        ("1.3", "", of_1_3.clone(), (Some(7), true, true)),
        (
            "1.4",
            r#""project-status":{"status":"archived"},"#,
            of_1_3.clone(),
            (Some(7), true, true),
        ),
        (
            "1.99",
            r#""future":[{}],"#,
            of_1_3.clone(),
            (Some(7), true, true),
        ),
    ] {
        let meta = r#""tracks":["https://index.test/b/a/"],"_last-serial":3"#;
        let page = format!(
            r#"{{"meta":{{"api-version":"{version}",{meta}}},"name":"a",{top}"files":[{}]}}"#,
            file(&more)
        );
        let url = "https://index.test/simple/a/".parse().unwrap();
        let json = Some("application/vnd.pypi.simple.v1+json");
        let read = parse_project(
            page.as_bytes(),
            json,
            &url,
            &"a".parse().unwrap(),
            "i".into(),
        );
        let read = read.unwrap();
        let release = &read.project.releases()[0];
        let found = read.project.file(release, 0).unwrap();
        let has_metadata = found.core_metadata == CoreMetadataHint::Available;
        assert_eq!(
            (found.size, found.uploaded.is_some(), has_metadata),
            says,
            "{version}"
        );
        assert_eq!(read.status.is_some(), version == "1.4");
    }
}

#[test]
fn what_is_no_project_page_says_so() {
    let url = "https://index.test/simple/a/";
    let error = |bytes: &[u8], stated| parse_as("a", bytes, stated, url).unwrap_err().to_string();
    assert_eq!(
        error(
            b"<html><title>Sign\n in</title><a href=/login>x</a>",
            Some("text/html")
        ),
        "the answer is an HTML page that lists no files (its title: Sign in)"
    );
    assert_eq!(
        error(
            br#"{"meta":{"api-version":"2.0"},"files":[]}"#,
            Some("application/json")
        ),
        "the index speaks version 2.0 of the simple API, only 1.x is known"
    );
    assert_eq!(
        error(
            b"<meta content='2.1' name='pypi:repository-version'><a href=a-1.0.tar.gz>x</a>",
            Some("text/html")
        ),
        "the index speaks version 2.1 of the simple API, only 1.x is known"
    );
    assert_eq!(
        error(b"{}", Some("application/vnd.pypi.simple.v2+json")),
        "the index speaks version 2 of the simple API, only 1.x is known"
    );
    assert_eq!(
        error(b"hello", Some("text/plain")),
        "the answer is neither HTML nor JSON but text/plain"
    );
    assert!(error(b"{\"files\":", None).starts_with("the answer is no project page in JSON"));
}

#[test]
fn an_empty_project_page_is_a_page() {
    let page = b"<html><head><title>Links for a</title></head><body></body></html>";
    let project = parse_as("a", page, None, "https://index.test/simple/a/").unwrap();
    assert!(project.releases().is_empty());
}

/// A page may not reach into the file system, nor hand out credentials.
#[test]
fn addresses_are_http_or_belong_to_a_local_page() {
    let page = b"<a href='file:///etc/a-1.0.tar.gz'>x</a><a href='javascript:a-2.0.tar.gz'>x</a>\
        <a href='https://user:secret@files.test/a-3.0.tar.gz'>x</a>\
        <a href='https://files.test/x%2F..%2Fa-4.0.tar.gz'>x</a>\
        <a href='http://files.test/a-5.0.tar.gz'>x</a>";
    let project = parse_as("a", page, None, "https://index.test/simple/a/").unwrap();
    let urls: Vec<String> = project
        .releases()
        .iter()
        .map(|release| project.file(release, 0).unwrap().url)
        .collect();
    assert_eq!(urls, ["https://files.test/a-3.0.tar.gz"]);
    let local = parse_as("a", page, None, "file:///srv/simple/a/index.html").unwrap();
    assert_eq!(first_url(&local), "file:///etc/a-1.0.tar.gz");
}

/// T50: a page of 15,000 files is read in one pass.
#[test]
fn reads_huge_pages() {
    let mut page = String::from("<h1>Links for a</h1>");
    for number in 0..15_000 {
        writeln!(page, "<a href=\"a-{number}.tar.gz\">a</a><br/>").unwrap();
    }
    let project = parse_as("a", page.as_bytes(), None, "https://index.test/simple/a/").unwrap();
    assert_eq!(project.releases().len(), 15_000);
}

proptest::proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>, text in "[<>{}\\[\\]\"'a-z:/.=# &;0-9-]{0,200}") {
        let url = "https://index.test/simple/a/";
        drop(parse_as("a", &bytes, None, url));
        drop(parse_as("a", format!("<a href=\"{text}\" {text}>").as_bytes(), None, url));
        drop(parse_as("a", format!("{{\"files\":[{{{text}").as_bytes(), None, url));
    }

    /// The two formats say the same about the same file.
    #[test]
    fn html_and_json_agree(version in "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}", size: u64, yanked: bool) {
        let url = "https://index.test/simple/a/";
        let mark = if yanked { "data-yanked" } else { "" };
        let html = format!("<a href=a-{version}.tar.gz data-size={size} {mark}>x</a>");
        let json = format!(
            r#"{{"files":[{{"filename":"a-{version}.tar.gz","url":"a-{version}.tar.gz","size":{size},"yanked":{yanked}}}]}}"#
        );
        proptest::prop_assert_eq!(
            parse_as("a", html.as_bytes(), None, url),
            parse_as("a", json.as_bytes(), None, url)
        );
    }
}

/// Markers of PEP 792 in both formats; odd ones cost nothing.
#[test]
fn a_project_has_a_status() {
    let html = |meta: &str| format!("{meta}<title>Links for a</title>");
    let json = |status: &str| format!(r#"{{"meta":{{"api-version":"1.4"}},"files":[],{status}}}"#);
    for (page, expected) in [
        (
            html("<meta name='pypi:project-status' content='archived'>"),
            Some((StatusMarker::Archived, None)),
        ),
        (
            html(
                "<meta content='use\nb' name=pypi:project-status-reason>\
                 <meta content=deprecated name=pypi:project-status>",
            ),
            Some((StatusMarker::Deprecated, Some("use b"))),
        ),
        (
            html("<meta name='pypi:project-status' content='active'>"),
            None,
        ),
        (
            html("<meta name='pypi:project-status-reason' content='x'>"),
            None,
        ),
        (
            json(r#""project-status":{"status":"quarantined","reason":"malware"}"#),
            Some((StatusMarker::Quarantined, Some("malware"))),
        ),
        (
            json(r#""project-status":{"status":"archived","reason":7}"#),
            Some((StatusMarker::Archived, None)),
        ),
        (json(r#""project-status":{"status":"active"}"#), None),
        (json(r#""project-status":"archived""#), None),
        (json(r#""project-status":{"status":"frozen"}"#), None),
    ] {
        let url = "https://index.test/simple/a/".parse().unwrap();
        let name = "a".parse().unwrap();
        let read = parse_project(page.as_bytes(), None, &url, &name, "i".into()).unwrap();
        let found = read.status.as_ref();
        let found = found.map(|status| (status.marker, status.reason.as_deref()));
        assert_eq!(found, expected, "{page}");
    }
}
