//! Where projects come from: several indexes, folders, pages of links.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use location::Route;

/// First index that has the name wins; 404 and 403 mean "not here", trouble does not.
#[test]
fn indexes_are_asked_in_order() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/private/a/" | "/public/b/" | "/public/a/" => {
            Answer::html("<a href='/f/a-1.0.tar.gz'>x</a><a href='/f/b-1.0.tar.gz'>x</a>")
        }
        "/private/b/" => Answer::status(403),
        "/private/c/" => Answer::status(500),
        _ => Answer::status(404),
    });
    let mut settings = settings(&server.url("/private/"), None);
    let public = IndexUrl::parse(&server.url("/public/"), "from a test").unwrap();
    settings.location.indexes.push(public);
    let index = Index::open(settings).unwrap();
    let asked = |name: &str| index.releases(&name.parse().unwrap());
    let Ok(ReleasesAnswer::Found(project)) = asked("a") else {
        panic!()
    };
    assert!(project.index.ends_with("/private/"));
    let Ok(ReleasesAnswer::Found(project)) = asked("b") else {
        panic!()
    };
    assert!(project.index.ends_with("/public/"));
    assert!(asked("c").is_err());
    assert!(matches!(asked("d"), Ok(ReleasesAnswer::NotFound)));
    let lines = server.lines();
    assert!(
        !lines
            .iter()
            .any(|line| line == "GET /public/a/" || line == "GET /public/c/")
    );
    assert!(codes(&index).contains(&"IDX008"));
}

#[test]
fn a_folder_is_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("simple/a");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("index.html"),
        "<a href='a-1.0-py3-none-any.whl'>x</a>",
    )
    .unwrap();
    fs::write(folder.join("a-1.0-py3-none-any.whl"), wheel(100_000)).unwrap();
    let url = url::Url::from_directory_path(dir.path().join("simple")).unwrap();
    let index = Index::open(IndexSettings {
        offline: true,
        ..settings(url.as_str(), None)
    })
    .unwrap();
    assert_eq!(requirements(&index), ["numpy>=1"]);
    let other = index.releases(&"b".parse().unwrap());
    assert!(matches!(other, Ok(ReleasesAnswer::NotFound)));
}

fn versions(index: &Index, name: &str) -> Option<Vec<String>> {
    match index.releases(&name.parse().unwrap()).unwrap() {
        ReleasesAnswer::Found(project) => {
            let releases = project.releases().iter();
            Some(
                releases
                    .map(|release| release.version.to_string())
                    .collect(),
            )
        }
        ReleasesAnswer::NotFound => None,
        other @ ReleasesAnswer::Offline => panic!("{other:?}"),
    }
}

/// A folder without pages is listed, names with odd characters included.
#[test]
fn a_folder_of_files_is_a_page_of_links() {
    let dir = tempfile::tempdir().unwrap();
    let whole = wheel(10);
    for name in [
        "a-1.0-py3-none-any.whl",
        "a-2.0+cu121.2-py3-none-any.whl",
        "notes & more's.txt",
        "b_c-1.0.tar.gz",
    ] {
        fs::write(dir.path().join(name), &whole).unwrap();
    }
    fs::create_dir(dir.path().join("a-3.0-py3-none-any.whl")).unwrap();
    let server = page_then("", |_| Answer::status(404));
    let mut settings = settings(&server.url("/simple/"), None);
    let links = IndexUrl::parse_links(dir.path().to_str().unwrap(), "from --find-links");
    settings.location.links = vec![links.unwrap()];
    let index = Index::open(settings).unwrap();
    // the index has `a` as well and is not asked about it
    assert_eq!(
        versions(&index, "a"),
        Some(vec!["1.0".to_owned(), "2.0+cu121.2".to_owned()])
    );
    assert_eq!(versions(&index, "b-c"), Some(vec!["1.0".to_owned()]));
    assert_eq!(versions(&index, "c"), None);
    assert_eq!(server.lines(), ["GET /simple/c/"]);
    let project = found(&index);
    let file = project.file(&project.releases()[0], 0).unwrap();
    assert_eq!(file.sha256.unwrap().to_string(), sha256(&whole));
    let MetadataAnswer::Found(core) = index.metadata(&name(), &file).unwrap() else {
        panic!()
    };
    assert_eq!(core.requires_dist.len(), 1);
}

#[test]
fn a_page_of_links_is_read_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| match (asked.path.as_str(), asked.before) {
        ("/wheels.html", 0) => Answer::html(
            "<a href='f/a-1.0-py3-none-any.whl#sha256=00'>x</a><a href='f/b-2.0.tar.gz'>y</a>",
        )
        .header("etag", "\"v1\""),
        ("/wheels.html", _) => Answer::status(304),
        _ => Answer::status(404),
    });
    let mut settings = settings(&server.url("/simple/"), Some(dir.path()));
    let links = IndexUrl::parse_links(&server.url("/wheels.html"), "from --find-links");
    settings.location.links = vec![links.unwrap()];
    let offline = IndexSettings {
        offline: true,
        ..settings.clone()
    };
    let unknown = Index::open(offline.clone()).unwrap();
    assert!(matches!(
        unknown.releases(&name()),
        Ok(ReleasesAnswer::Offline)
    ));
    for refresh in [Refresh::Nothing, Refresh::Nothing, Refresh::Everything] {
        let index = Index::open(IndexSettings {
            refresh,
            ..settings.clone()
        })
        .unwrap();
        assert_eq!(versions(&index, "a"), Some(vec!["1.0".to_owned()]));
        assert_eq!(versions(&index, "b"), Some(vec!["2.0".to_owned()]));
    }
    let index = Index::open(offline).unwrap();
    assert_eq!(versions(&index, "a"), Some(vec!["1.0".to_owned()]));
    assert_eq!(server.lines(), ["GET /wheels.html"; 2]);
}

#[test]
fn a_page_of_links_that_is_none_is_an_error() {
    for (answer, expected) in [
        (Answer::status(404), "answers with status 404"),
        (Answer::html("<title>Sign in</title>"), "its title: Sign in"),
        (Answer::Reset, "cannot be asked"),
    ] {
        let server = Server::start(move |_| answer.clone());
        let mut settings = settings(&server.url("/simple/"), None);
        let links = IndexUrl::parse_links(&server.url("/w.html"), "from --find-links");
        settings.location.links = vec![links.unwrap()];
        let error = Index::open(settings)
            .unwrap()
            .releases(&name())
            .unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert!(error.message.contains("from --find-links") && error.help.is_some());
    }
}

/// Neither a newer release on the public index nor a hole in the private one matters.
#[test]
fn a_routed_name_is_never_taken_from_another_index() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/corp/corp-a/" => Answer::html("<a href='/f/corp_a-1.0.tar.gz'>x</a>"),
        path if path.starts_with("/public/") => Answer::html(
            "<a href='/f/corp_a-9.0.tar.gz'></a><a href='/f/corp_b-9.0.tar.gz'></a>\
             <a href='/f/other-9.0.tar.gz'></a>",
        ),
        _ => Answer::status(404),
    });
    let mut settings = settings(&server.url("/public/"), None);
    settings.location.routes = vec![Route {
        packages: vec!["corp-*".parse().unwrap()],
        index: IndexUrl::parse(&server.url("/corp/"), "from a test").unwrap(),
    }];
    let index = Index::open(settings).unwrap();
    assert_eq!(versions(&index, "corp-a"), Some(vec!["1.0".to_owned()]));
    assert_eq!(versions(&index, "corp-b"), None);
    assert_eq!(versions(&index, "other"), Some(vec!["9.0".to_owned()]));
    assert_eq!(
        server.lines(),
        [
            "GET /corp/corp-a/",
            "GET /corp/corp-b/",
            "GET /public/other/"
        ]
    );
}

/// PEP 792; what is said once is kept with the page, and only for names that count.
#[test]
fn the_status_of_a_project_is_kept_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        let status = match asked.path.as_str() {
            "/simple/a/" => "archived",
            "/simple/b/" => "quarantined",
            "/simple/c/" => "deprecated",
            _ => "active",
        };
        Answer::ok(
            "application/vnd.pypi.simple.v1+json",
            format!(r#"{{"files":[],"project-status":{{"status":"{status}","reason":"r"}}}}"#),
        )
    });
    let names: Vec<PackageName> = ["a", "b", "c", "d"]
        .map(|name| name.parse().unwrap())
        .into();
    for _ in 0..2 {
        let index = Index::open(settings(&server.url("/simple/"), Some(dir.path()))).unwrap();
        for name in &names {
            index.releases(name).unwrap();
        }
        let said = index.status_diagnostics(&names);
        let said: Vec<_> = said.iter().map(|one| (one.code.0, one.severity)).collect();
        let (note, warning) = (
            crate::diagnostic::Severity::Info,
            crate::diagnostic::Severity::Warning,
        );
        let expected: BTreeSet<_> =
            [("IDX014", note), ("IDX014", warning), ("IDX015", warning)].into();
        assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), expected);
        assert!(index.status_diagnostics(&names[3..]).is_empty());
    }
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn one_project_is_refreshed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|_| {
        Answer::html("<a href='/f/a-1.0.tar.gz'></a><a href='/f/b-1.0.tar.gz'></a>")
    });
    let mut settings = settings(&server.url("/simple/"), Some(dir.path()));
    for refresh in [Refresh::Nothing, Refresh::Only([name()].into())] {
        settings.refresh = refresh;
        let index = Index::open(settings.clone()).unwrap();
        assert!(versions(&index, "a").is_some() && versions(&index, "b").is_some());
    }
    assert_eq!(
        server.lines(),
        ["GET /simple/a/", "GET /simple/b/", "GET /simple/a/"]
    );
}

/// A builder that never runs anything.
#[derive(Debug)]
struct Fake(
    Result<&'static str, &'static str>,
    std::sync::atomic::AtomicUsize,
);

impl MetadataBuilder for Fake {
    fn environment(&self) -> String {
        "python 3.11.2".to_owned()
    }

    fn build(&self, sdist: &Path) -> Result<Vec<u8>, String> {
        self.1.fetch_add(1, Ordering::Relaxed);
        assert_eq!(sdist.file_name().unwrap(), "a-1.0.tar.gz");
        assert!(sdist.metadata().unwrap().len() > 0);
        self.0.map(Into::into).map_err(Into::into)
    }
}

/// Built once, kept for that Python, marked; without permission the guess stays.
#[test]
fn sdists_are_built_only_with_permission() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| match asked.path.as_str() {
        "/simple/a/" => Answer::html("<a href='/f/a-1.0.tar.gz'>x</a>"),
        "/f/a-1.0.tar.gz" => Answer::ok("application/gzip", files::sdist("numpy>=1\n")),
        _ => Answer::status(404),
    });
    let settings = settings(&server.url("/simple/"), Some(dir.path()));
    let built =
        "Metadata-Version: 2.1\nName: a\nVersion: 1.0\nRequires-Dist: b\nRequires-Dist: c\n";
    let other = "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n";
    let read = |answer, offline| {
        let builder = Arc::new(Fake(answer, 0.into()));
        let index = Index::open(IndexSettings {
            builder: Some(builder.clone()),
            offline,
            ..settings.clone()
        })
        .unwrap();
        let answer = index.metadata(&name(), &only_file(&index)).unwrap();
        let codes = codes(&index);
        (
            answer,
            builder.1.load(Ordering::Relaxed),
            codes.contains(&"IDX016"),
        )
    };
    let (answer, built_times, said) = read(Err("it needs a compiler"), false);
    assert!(
        matches!(&answer, MetadataAnswer::Unavailable(why) if why.contains("compiler")),
        "{answer:?}"
    );
    assert_eq!((built_times, said), (1, false));
    let (answer, _, _) = read(Ok(other), false);
    assert!(
        matches!(&answer, MetadataAnswer::Unavailable(why) if why.contains("evil")),
        "{answer:?}"
    );
    let (answer, built_times, _) = read(Ok(built), true);
    assert!(matches!(&answer, MetadataAnswer::Found(core) if core.trust == Trust::Guessed));
    assert_eq!(built_times, 0);
    for expected in [(1, true), (0, false)] {
        let (answer, built_times, said) = read(Ok(built), false);
        let MetadataAnswer::Found(core) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!((core.requires_dist.len(), core.trust), (2, Trust::Built));
        assert_eq!((built_times, said), expected);
    }
    let plain = Index::open(settings).unwrap();
    let answer = plain.metadata(&name(), &only_file(&plain)).unwrap();
    assert!(matches!(answer, MetadataAnswer::Found(core) if core.trust == Trust::Guessed));
}
