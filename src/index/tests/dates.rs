//! Upload times beside the pages.

use super::*;

const JSON: &str = r#"{"info": {}, "releases": {"1.0": [
    {"filename": "a-1.0-py3-none-any.whl", "upload_time_iso_8601": "2024-03-01T12:00:00.250000Z", "size": 7}
]}}"#;

fn with_dates(server: &Server, cache: Option<&Path>) -> Index {
    let settings = settings(&server.url("/simple/"), cache);
    Index::open(IndexSettings {
        upload_times: UploadTimes::Useful,
        ..settings
    })
    .unwrap()
}

fn server(json: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.path.as_str() {
        "/simple/a/" => page(""),
        "/pypi/a/json" => json(),
        _ => Answer::status(404),
    })
}

#[test]
fn missing_dates_are_asked_beside_the_page_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(|| Answer::ok("application/json", JSON));
    for _ in 0..2 {
        let index = with_dates(&server, Some(dir.path()));
        let file = only_file(&index);
        assert_eq!(
            file.uploaded.unwrap().to_string(),
            "2024-03-01T12:00:00.25Z"
        );
        assert_eq!(file.size, Some(7));
        assert!(codes(&index).is_empty());
    }
    assert_eq!(server.lines(), ["GET /simple/a/", "GET /pypi/a/json"]);
}

#[test]
fn dates_are_only_asked_when_they_are_missing_and_wanted() {
    let stated = "data-upload-time='2024-03-01T12:00:00Z'";
    let dated = page_then(stated, |_| Answer::status(404));
    found(&with_dates(&dated, None));
    let dir = tempfile::tempdir().unwrap();
    let undated = server(|| Answer::ok("application/json", JSON));
    let unwanted = Index::open(settings(&undated.url("/simple/"), Some(dir.path()))).unwrap();
    assert_eq!(only_file(&unwanted).uploaded, None);
    assert_eq!(codes(&unwanted), ["IDX009"]);
    assert_eq!((dated.asked().len(), undated.asked().len()), (1, 1));
    // a page that was kept without them gets them later
    let wanted = with_dates(&undated, Some(dir.path()));
    assert!(only_file(&wanted).uploaded.is_some());
    assert_eq!(undated.asked().len(), 2);
}

#[test]
fn unknown_age_is_said_and_not_asked_for_again() {
    for answer in [
        Answer::status(404),
        Answer::ok("application/json", "{}"),
        Answer::ok(
            "application/json",
            r#"{"releases": {"1.0": [{"filename": "b"}]}}"#,
        ),
        Answer::html("<title>Sign in</title>"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = server(move || answer.clone());
        for _ in 0..2 {
            let index = with_dates(&server, Some(dir.path()));
            assert_eq!(only_file(&index).uploaded, None);
            assert_eq!(codes(&index), ["IDX009"]);
        }
        assert_eq!(server.asked().len(), 2);
    }
}
