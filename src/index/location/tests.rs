use std::collections::BTreeMap;

use super::*;

/// A machine made of values.
#[derive(Default)]
struct World {
    env: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, &'static str>,
    pip_default: Option<&'static str>,
    os: Option<&'static str>,
    keyring: BTreeMap<(&'static str, &'static str), &'static str>,
}

impl World {
    fn env<const N: usize>(mut self, values: [(&'static str, &'static str); N]) -> Self {
        self.env.extend(values);
        self
    }

    fn files<const N: usize>(mut self, values: [(&'static str, &'static str); N]) -> Self {
        self.files.extend(values);
        self
    }

    fn discover(&self, flags: &LocationFlags) -> Result<Location, LocationError> {
        let place = Place {
            env: &|name| self.env.get(name).map(|value| (*value).to_owned()),
            read: &|path| {
                let path = path.to_str()?.replace('\\', "/");
                Some(self.files.get(path.as_str())?.as_bytes().to_vec())
            },
            home: Some("/home/me".into()),
            os: self.os.unwrap_or("linux"),
            scanned_root: "/home/me/tree".into(),
            ask_pip: &|| {
                Some(DefaultIndex {
                    url: self.pip_default?.to_owned(),
                    origin: "that pip uses by default".to_owned(),
                })
            },
            ask_keyring: &|service, user| {
                let found = self.keyring.get(&(service, user));
                found.map(|password| (*password).to_owned())
            },
        };
        discover(flags, &place)
    }

    fn indexes(&self) -> Vec<String> {
        let location = self.discover(&LocationFlags::default()).unwrap();
        shown(&location)
    }
}

fn shown(location: &Location) -> Vec<String> {
    let show = |index: &IndexUrl| format!("{index} {}", index.origin);
    location.indexes.iter().map(show).collect()
}

fn flags(index_url: &str) -> LocationFlags {
    LocationFlags {
        index_url: Some(index_url.to_owned()),
        ..LocationFlags::default()
    }
}

const PIP_CONF: &str = "/home/me/.config/pip/pip.conf";

/// Each source loses to the one before it.
#[test]
fn main_index_by_rank() {
    let mut world = World {
        pip_default: Some("https://default.test/simple"),
        ..World::default()
    }
    .env([
        ("PINSMITH_INDEX_URL", "https://a.test/simple"),
        ("PIP_INDEX_URL", "https://b.test/simple"),
        ("UV_DEFAULT_INDEX", "corp=https://c.test/simple"),
        ("PIP_CONFIG_FILE", "/opt/pip.conf"),
    ])
    .files([
        (
            "/opt/pip.conf",
            "[global]\nindex-url = https://d.test/simple",
        ),
        (PIP_CONF, "[global]\nindex_url: https://e.test/simple"),
        (
            "/home/me/.pip/pip.conf",
            "[global]\nindex-url = https://f.test/simple",
        ),
        (
            "/etc/pip.conf",
            "[global]\nindex-url = https://g.test/simple",
        ),
        (
            "/home/me/.config/uv/uv.toml",
            "[[index]]\nurl='https://h.test/simple'\ndefault=true",
        ),
    ]);
    let found = world.discover(&flags("https://flag.test/simple")).unwrap();
    assert_eq!(
        shown(&found),
        ["https://flag.test/simple/ from --index-url"]
    );
    for (expected, removed) in [
        (
            "https://a.test/simple/ from PINSMITH_INDEX_URL",
            "PINSMITH_INDEX_URL",
        ),
        ("https://b.test/simple/ from PIP_INDEX_URL", "PIP_INDEX_URL"),
        (
            "https://c.test/simple/ from UV_DEFAULT_INDEX",
            "UV_DEFAULT_INDEX",
        ),
        (
            "https://d.test/simple/ from PIP_CONFIG_FILE",
            "/opt/pip.conf",
        ),
        (
            "https://e.test/simple/ from the user's pip configuration",
            PIP_CONF,
        ),
        (
            "https://f.test/simple/ from the user's pip configuration",
            "/home/me/.pip/pip.conf",
        ),
        (
            "https://g.test/simple/ from the global pip configuration",
            "/etc/pip.conf",
        ),
        (
            "https://h.test/simple/ from the user's uv.toml",
            "/home/me/.config/uv/uv.toml",
        ),
    ] {
        assert_eq!(world.indexes(), [expected]);
        world.env.remove(removed);
        world.files.remove(removed);
    }
    let project = LocationFlags {
        trusted_project: Some("https://project.test/simple".to_owned()),
        ..LocationFlags::default()
    };
    let found = world.discover(&project).unwrap();
    assert_eq!(
        shown(&found),
        ["https://project.test/simple/ from [tool.pinsmith] of this project"]
    );
    assert_eq!(
        world.indexes(),
        ["https://default.test/simple/ that pip uses by default"]
    );
}

#[test]
fn without_any_index_the_error_names_three_ways() {
    let error = World::default()
        .discover(&LocationFlags::default())
        .unwrap_err();
    assert_eq!(error, LocationError::NoIndex);
    for way in ["--index-url", "PIP_INDEX_URL", "pip's configuration file"] {
        assert!(error.help().contains(way), "{way}");
    }
}

/// A file below the scanned tree, or one that comes along in a `.venv`, is not the user's.
#[test]
fn the_scanned_tree_does_not_choose() {
    let conf = "[global]\nindex-url = https://evil.test/simple\ncert = /evil.pem";
    let world = World::default()
        .env([
            ("VIRTUAL_ENV", "/home/me/tree/.venv"),
            ("PIP_CONFIG_FILE", "/home/me/tree/pip.conf"),
            ("XDG_CONFIG_HOME", "/home/me/tree/config"),
            ("XDG_CONFIG_DIRS", "config:/home/me/tree/etc"),
            ("NETRC", "/home/me/tree/netrc"),
        ])
        .files([
            ("/home/me/tree/.venv/pip.conf", conf),
            ("/home/me/tree/pip.conf", conf),
            ("/home/me/tree/config/pip/pip.conf", conf),
            ("/home/me/tree/etc/pip/pip.conf", conf),
            ("config/pip/pip.conf", conf),
            ("pip.conf", conf),
            (
                "/home/me/tree/netrc",
                "machine index.test login x password y",
            ),
            ("/srv/.venv/pip.conf", conf),
        ]);
    assert_eq!(
        world.discover(&LocationFlags::default()),
        Err(LocationError::NoIndex)
    );
    let elsewhere = World::default()
        .env([("VIRTUAL_ENV", "/srv/.venv")])
        .files([("/srv/.venv/pip.conf", conf)]);
    assert!(elsewhere.discover(&LocationFlags::default()).is_err());
    let found = world.discover(&flags("https://index.test/simple")).unwrap();
    assert_eq!(found.certificate, None);
    assert_eq!(found.indexes[0].credentials, None);
}

#[test]
fn reads_pips_other_settings() {
    let conf = "[global]\ncert = /etc/ca.pem\nproxy = http://me:pw@proxy.test:3128\n\
        client_cert = /me.pem\nextra-index-url =\n    https://a.test/simple\n    https://b.test/simple\n\
        find-links = /wheels\ntrusted-host = a.test\n[install]\nindex-url = https://index.test/x%20y/#frag\n";
    let world = World::default()
        .env([(
            "PIP_EXTRA_INDEX_URL",
            "https://b.test/simple/ https://c.test/simple",
        )])
        .files([(PIP_CONF, conf), ("/etc/pip.conf", "[broken\n")]);
    let found = world.discover(&LocationFlags::default()).unwrap();
    assert_eq!(found.certificate, Some("/etc/ca.pem".into()));
    assert_eq!(found.client_certificate, Some("/me.pem".into()));
    assert_eq!(
        found.proxy,
        Proxy::Url(Secret("http://me:pw@proxy.test:3128".into()))
    );
    assert_eq!(
        shown(&found),
        [
            "https://b.test/simple/ from PIP_EXTRA_INDEX_URL",
            "https://c.test/simple/ from PIP_EXTRA_INDEX_URL",
            "https://a.test/simple/ from the user's pip configuration",
            "https://index.test/x%20y/ from the user's pip configuration",
        ]
    );
    let codes: Vec<&str> = found.notes.iter().map(|note| note.code.0).collect();
    assert_eq!(codes, ["IDX003", "IDX004", "IDX005"]);
    assert!(!format!("{found:?}").contains("pw"), "{found:?}");
}

#[test]
fn no_index_and_dev_null() {
    let world = World::default().env([
        ("PIP_NO_INDEX", "true"),
        ("PIP_INDEX_URL", "https://a.test"),
    ]);
    let found = world.discover(&LocationFlags::default()).unwrap();
    assert!(found.no_index && found.indexes.is_empty());
    assert_eq!(found.notes[0].code.0, "IDX002");

    let world = World::default()
        .env([("PIP_CONFIG_FILE", "/dev/null")])
        .files([(PIP_CONF, "[global]\nindex-url = https://a.test")]);
    assert!(world.discover(&LocationFlags::default()).is_err());
}

#[test]
fn credentials_come_from_the_address_or_netrc_and_are_never_shown() {
    let world = World::default().files([(
        "/home/me/.netrc",
        "machine index.test login me password s3cret",
    )]);
    let found = world.discover(&flags("https://index.test/simple")).unwrap();
    assert!(found.indexes[0].credentials.is_some());
    assert!(!format!("{found:?}").contains("s3cret"));
    let found = world
        .discover(&flags("https://u%40x:p%2Fw@index.test/simple?token=abc"))
        .unwrap();
    let credentials = found.indexes[0].credentials.as_ref().unwrap();
    assert_eq!(credentials.user.0, "u@x");
    assert_eq!(credentials.password.as_ref().unwrap().0, "p/w");
    assert_eq!(found.indexes[0].to_string(), "https://index.test/simple/");
    let error = world.discover(&flags("https://u:s3cret@")).unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
    assert!(world.discover(&flags("ftp://index.test")).is_err());
}

#[test]
fn uvs_file_gives_default_and_extra_indexes() {
    let toml = "[[index]]\nurl='https://a.test/simple'\nexplicit=true\nname='a'\n\
        [[index]]\nurl='https://b.test/simple'\n[pip]\nindex-url='https://c.test/simple'\nstrict=true";
    let world = World {
        os: Some("macos"),
        ..World::default()
    }
    .files([("/home/me/.config/uv/uv.toml", toml)]);
    assert_eq!(
        world.indexes(),
        [
            "https://b.test/simple/ from the user's uv.toml",
            "https://c.test/simple/ from the user's uv.toml"
        ]
    );
}

/// A link in the user's home that leads into the tree is not followed for configuration.
#[test]
#[cfg(unix)]
fn links_into_the_tree_are_not_followed() {
    let tree = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let root = tree.path().canonicalize().unwrap();
    std::fs::write(root.join("pip.conf"), "x").unwrap();
    std::fs::write(home.path().join("own.conf"), "y").unwrap();
    let link = home.path().join("pip.conf");
    std::os::unix::fs::symlink(root.join("pip.conf"), &link).unwrap();
    assert_eq!(read_outside(&root, &link), None);
    assert_eq!(read_outside(&root, &root.join("pip.conf")), None);
    let own = home.path().join("own.conf");
    assert_eq!(read_outside(&root, &own), Some(b"y".to_vec()));
}

const USER_CONFIG: &str = "/home/me/.config/pinsmith/config.toml";

#[test]
fn packages_go_to_the_index_that_is_named_for_them() {
    let world = World::default()
        .env([("PIP_INDEX_URL", "https://public.test/simple")])
        .files([(
            USER_CONFIG,
            "[[index]]\nurl = 'https://corp.test/simple'\npackages = ['corp-*', 'Our.Model']\n",
        )]);
    let mut flags = LocationFlags {
        index_for: vec!["corp-gpu=https://gpu.test/simple".to_owned()],
        ..LocationFlags::default()
    };
    let location = world.discover(&flags).unwrap();
    for (name, index) in [
        ("corp-gpu", "https://gpu.test/simple/"),
        ("corp-vision", "https://corp.test/simple/"),
        ("our-model", "https://corp.test/simple/"),
        ("our-models", "https://public.test/simple/"),
        ("corp", "https://public.test/simple/"),
    ] {
        let (_, asked) = location.places_of(&name.parse().unwrap());
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].to_string(), index, "{name}");
    }
    for wrong in ["corp", "co*rp=https://a.test", "=https://a.test", "corp=a"] {
        flags.index_for = vec![wrong.to_owned()];
        let error = world.discover(&flags).unwrap_err();
        assert!(
            error.to_string().contains("--index-for"),
            "{wrong}: {error}"
        );
    }
}

/// Without its routes a private name could be taken from the public index.
#[test]
fn an_unreadable_configuration_of_routes_stops() {
    for text in [
        "[[index]]\nurl = 7\n",
        "[[index]]\nurl='https://a.test'\npackage=['a']\n",
    ] {
        let world = World::default()
            .env([("PIP_INDEX_URL", "https://public.test/simple")])
            .files([(USER_CONFIG, Box::leak(text.to_owned().into_boxed_str()))]);
        let error = world.discover(&LocationFlags::default()).unwrap_err();
        assert!(
            error.to_string().contains("pinsmith/config.toml"),
            "{error}"
        );
    }
}

#[test]
fn links_are_pages_and_folders() {
    let world = World::default().env([("PIP_NO_INDEX", "1")]);
    let flags = LocationFlags {
        find_links: [
            "https://me:x@files.test/wheels.html",
            "/srv/wheels",
            "/srv/wheels",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..LocationFlags::default()
    };
    let location = world.discover(&flags).unwrap();
    let shown: Vec<String> = location.links.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["https://files.test/wheels.html", "file:///srv/wheels"]
    );
    assert!(location.notes.is_empty() && location.indexes.is_empty());
    let relative = LocationFlags {
        find_links: vec!["wheels".to_owned()],
        ..LocationFlags::default()
    };
    assert!(world.discover(&relative).is_err());
}

/// As pip's `subprocess` provider: only when asked for, and only for a user without a password.
#[test]
fn a_keyring_is_asked_when_pip_is_told_to() {
    let mut world = World::default().env([
        ("PIP_INDEX_URL", "https://me@index.test/simple"),
        (
            "PIP_EXTRA_INDEX_URL",
            "https://me@other.test:8443/a https://none.test/ http://me@plain.test/",
        ),
    ]);
    world.keyring = [
        (("https://index.test/simple/", "me"), "one"),
        (("other.test:8443", "me"), "two"),
        (("http://plain.test/", "me"), "three"),
    ]
    .into();
    let passwords = |world: &World| -> Vec<Option<String>> {
        let location = world.discover(&LocationFlags::default()).unwrap();
        let credentials = location.indexes.into_iter().map(|index| index.credentials);
        credentials.map(|found| Some(found?.password?.0)).collect()
    };
    assert_eq!(passwords(&world), [None, None, None, None]);
    for (name, value) in [
        ("PIP_KEYRING_PROVIDER", "subprocess"),
        ("UV_KEYRING_PROVIDER", "subprocess"),
    ] {
        let mut world = World {
            env: world.env.clone(),
            keyring: world.keyring.clone(),
            ..World::default()
        };
        world = world.env([(name, value)]);
        let expected =
            ["two", "", "", "one"].map(|text| (!text.is_empty()).then(|| text.to_owned()));
        assert_eq!(passwords(&world), expected, "{name}");
    }
}

#[test]
fn times_and_retries_are_those_of_pip() {
    for (timeout, expected) in [
        ("0.5", Some(Duration::from_millis(500))),
        ("15", Some(Duration::from_secs(15))),
        ("0", None),
        ("-1", None),
        ("NaN", None),
        ("1e400", None),
        ("soon", None),
    ] {
        let world = World::default().env([
            ("PIP_INDEX_URL", "https://index.test/simple"),
            ("PIP_TIMEOUT", timeout),
            ("PIP_RETRIES", "7"),
        ]);
        let location = world.discover(&LocationFlags::default()).unwrap();
        assert_eq!(
            (location.timeout, location.retries),
            (expected, Some(7)),
            "{timeout}"
        );
    }
}
