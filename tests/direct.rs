//! Requirements with an address: archives, repositories and folders, from the tree to the lock.

use std::fs;

use crate::support::case::{Case, Place};
use crate::support::git::{self, step};
use crate::support::index::{serve_beside, sha256, tarball, wheel_of};
use crate::support::server::Server;

const INDEX: &str = r#"
[six."1.16.0"]
uploaded = "2021-01-01"
[six."1.17.0"]
uploaded = "2024-12-04"
[user."1.0"]
uploaded = "2024-01-01"
requires = ["lib>=2"]
[stray."1.0"]
uploaded = "2024-01-01"
requires = ["lib @ https://elsewhere.test/lib-1.0.tar.gz"]
"#;

const PROJECT: &str = "[project]\nname = \"lib\"\nversion = \"2.5\"\ndependencies = [\"six<1.17\"]\n\
    [project.optional-dependencies]\nplus = [\"idna\"]\n";
const SETUP_PY: &str = "import sys\nfrom setuptools import setup\n\
    setup(name='lib', version=__import__('lib').__version__, install_requires=open('requirements.txt').read().split())\n\
    open('ran', 'w')\n";

/// What is declared, the pins of a dry run, and what is said; `{files}`, `{git}` and `{commit}` are filled in.
struct Story {
    requirements: &'static str,
    pins: &'static str,
    says: &'static [&'static str],
}

const STORIES: &[Story] = &[
    Story {
        requirements: "lib @ {files}lib-2.0-py3-none-any.whl",
        pins: "lib @ {files}lib-2.0-py3-none-any.whl --hash=sha256:{wheel} | six==1.16.0",
        says: &[],
    },
    Story {
        requirements: "{files}lib-2.0-py3-none-any.whl#sha256={wheel}\nuser",
        pins: "lib @ {files}lib-2.0-py3-none-any.whl --hash=sha256:{wheel} | six==1.16.0 | user==1.0",
        says: &[],
    },
    Story {
        requirements: "lib @ {files}lib-2.0-py3-none-any.whl#sha256=0000000000000000000000000000000000000000000000000000000000000000",
        pins: "lib @ {files}lib-2.0-py3-none-any.whl --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000 | six==1.16.0",
        says: &[],
    },
    Story {
        requirements: "lib @ {files}lib-2.5.tar.gz#sha256=0000000000000000000000000000000000000000000000000000000000000000",
        pins: "",
        says: &[
            "`lib @ ",
            "stays out of the lock: it has sha256 {sdist}, but 0000",
        ],
    },
    Story {
        requirements: "lib @ {files}lib-2.5.tar.gz",
        pins: "lib @ {files}lib-2.5.tar.gz --hash=sha256:{sdist} | six==1.16.0",
        says: &[],
    },
    // an archive of a repository: what its setup.py says is read, not run
    Story {
        requirements: "lib @ {files}main.tar.gz\nuser",
        pins: "lib @ {files}main.tar.gz --hash=sha256:{archive} | six==1.17.0 | user==1.0",
        says: &[],
    },
    Story {
        requirements: "other @ {files}lib-2.0-py3-none-any.whl",
        pins: "",
        says: &["stays out of the lock: "],
    },
    Story {
        requirements: "lib @ {files}nothing-1.0.tar.gz\nuser",
        pins: "user==1.0",
        says: &["its server answers with status 404"],
    },
    Story {
        requirements: "lib @ http://elsewhere.test/lib-1.0.tar.gz",
        pins: "",
        says: &["its address is no https address"],
    },
    Story {
        requirements: "lib @ https://files.test/${SECRET}/lib-1.0.tar.gz",
        pins: "",
        says: &["variables in an address are not expanded"],
    },
    Story {
        requirements: "lib @ hg+https://files.test/lib",
        pins: "",
        says: &["of version control only git is known, not hg"],
    },
    Story {
        requirements: "-e ./libs/pose[gpu]\nlib @ {files}lib-2.0-py3-none-any.whl ; python_version < '3'",
        pins: "idna==3.10 | -e ./libs/pose | six==1.17.0",
        says: &[],
    },
    Story {
        requirements: "file:libs/pose",
        pins: "./libs/pose | six==1.17.0",
        says: &[],
    },
    Story {
        requirements: "./libs/nothing\n../outside\n-e .\n/home/me/x",
        pins: "six==1.17.0",
        says: &[
            "local path `./libs/nothing` is not locked: no project with a name is there",
            "local path `../outside` is not locked: it lies outside of the scanned folder",
            "local path `.` is not locked",
            "local path `/home/me/x` is not locked",
        ],
    },
    Story {
        requirements: "stray",
        pins: "NO",
        says: &["`lib @ https://elsewhere.test/lib-1.0.tar.gz`, an address that only you may name"],
    },
    Story {
        requirements: "stray\nlib @ {files}lib-2.5.tar.gz",
        pins: "lib @ {files}lib-2.5.tar.gz --hash=sha256:{sdist} | six==1.16.0 | stray==1.0",
        says: &[],
    },
    Story {
        requirements: "lib>=3\nlib @ {files}lib-2.5.tar.gz",
        pins: "NO",
        says: &["lib is not >=3: its address gives 2.5"],
    },
];

const TARGET_STORIES: &[Story] = &[
    Story {
        requirements: "lib @ {files}lib-2.0-py3-none-any.whl\nuser",
        pins: "lib @ {files}lib-2.0-py3-none-any.whl --hash=sha256:{wheel} | six==1.16.0 | user==1.0",
        says: &[],
    },
    Story {
        requirements: "lib @ {files}lib-2.0-py3-none-any.whl ; sys_platform == 'win32'\n\
            lib @ {files}lib-2.5.tar.gz ; sys_platform != 'win32'",
        pins: "lib @ {files}lib-2.0-py3-none-any.whl ; sys_platform == 'win32' --hash=sha256:{wheel} | \
            lib @ {files}lib-2.5.tar.gz ; sys_platform == 'linux' --hash=sha256:{sdist} | six==1.16.0",
        says: &[],
    },
    Story {
        requirements: "six @ {files}main.tar.gz ; sys_platform == 'nothing'\n-e ./libs/pose ; sys_platform == 'win32'",
        pins: "-e ./libs/pose ; sys_platform == 'win32' | six==1.17.0",
        says: &[],
    },
];

const GIT_STORIES: &[Story] = &[
    Story {
        requirements: "git+{git}@v1#egg=lib",
        pins: "lib @ git+{git}@{commit} | six==1.16.0",
        says: &["`lib` is pinned to {commit}, which is v1 now"],
    },
    Story {
        requirements: "lib[plus] @ git+{git}\nuser",
        pins: "idna==3.10 | lib @ git+{git}@{commit} | six==1.16.0 | user==1.0",
        says: &["which is the default branch now"],
    },
    Story {
        requirements: "lib @ git+{git}@{short}",
        pins: "lib @ git+{git}@{commit} | six==1.16.0",
        says: &[],
    },
    Story {
        requirements: "part @ git+{git}@{commit}#subdirectory=parts/one",
        pins: "lib @ git+{git}@{commit} | part @ git+{git}@{commit}#subdirectory=parts/one | six==1.16.0",
        says: &[],
    },
    Story {
        requirements: "lib @ git+{git}@nowhere",
        pins: "",
        says: &["stays out of the lock: "],
    },
    Story {
        requirements: "lib @ git+{git}@--upload-pack=x",
        pins: "",
        says: &["`--upload-pack=x` is no revision"],
    },
    Story {
        requirements: "lib @ git+file:///nowhere/lib.git",
        pins: "",
        says: &["only https repositories are fetched"],
    },
    Story {
        requirements: "lib @ git+ssh://git@git.test/lib.git",
        pins: "",
        says: &["only https repositories are fetched"],
    },
];

#[test]
fn archives_and_folders_are_locked() {
    let world = World::new();
    for story in STORIES {
        world.check(story, "");
    }
    // one version from two places, and an address on one target only
    for story in TARGET_STORIES {
        world.check(story, "two targets");
    }
}

#[test]
fn repositories_are_pinned() {
    let world = World::new();
    if world.commit.is_empty() {
        return;
    }
    for story in GIT_STORIES {
        world.check(story, "");
    }
    let without_git = Story {
        requirements: "lib @ git+{git}",
        pins: "",
        says: &["there is no git on this machine to fetch it with"],
    };
    world.check(&without_git, "no git");
}

/// What `explain` says of a lock with addresses.
const EXPLAINED: &[(&str, &[&str])] = &[
    (
        "explain lib",
        &["it is what its address holds: lib @ git+{git}@{commit}"],
    ),
    (
        "explain six",
        &[
            "held back by\n    lib 2.5, which requires six<1.17",
            "if it were 1.17.0\n  you require `part @ ",
            "\n  suppose `six==1.17.0`",
        ],
    ),
];

#[test]
fn the_lock_says_where_things_come_from() {
    let world = World::new();
    if world.commit.is_empty() {
        return;
    }
    let place = world.place(
        "part @ git+{git}@v1#subdirectory=parts/one\n-e ./libs/pose\nuser @ {files}user.tar.gz\n",
    );
    let step = step(&place, "lock {target}", &world.server.url("/simple/"));
    let output = place.command(&step).output().unwrap();
    assert!(output.status.success(), "{}", said(&output.stderr));
    let lock = fs::read_to_string(place.path("tree").join("pylock.toml")).unwrap();
    let read = pinsmith::lock::read(&lock).unwrap();
    assert_eq!(read.diagnostics, []);
    assert_eq!(
        pinsmith::render::pylock(&read.lock),
        lock,
        "it reads back as it was written"
    );
    for part in [
        "[packages.vcs]\ntype = \"git\"\nurl = \"{git}\"\nrequested-revision = \"v1\"\ncommit-id = \"{commit}\"\nsubdirectory = \"parts/one\"",
        "[packages.directory]\npath = \"libs/pose\"\neditable = true",
        "[packages.archive]\nurl = \"{files}user.tar.gz\"\nsize = {size}\nhashes = { sha256 = \"{user}\" }",
    ] {
        let part = world.filled(part, &place);
        assert!(lock.contains(&part), "{part}\n{lock}");
    }
    for (command, says) in EXPLAINED {
        let step = git::step(&place, command, &world.server.url("/simple/"));
        let output = place.command(&step).output().unwrap();
        let stdout = said(&output.stdout);
        for part in *says {
            let part = world.filled(part, &place);
            assert!(stdout.contains(&part), "{command}: {part}\n{stdout}");
        }
    }
    // only the user lets foreign code run
    let sync = git::step(
        &place,
        "sync --venv {tmp}/venv",
        &world.server.url("/simple/"),
    );
    let output = place.command(&sync).output().unwrap();
    let stderr = said(&output.stderr);
    let refused = stderr.contains("which runs its code") || stderr.contains("was not found");
    assert!(refused && !output.status.success(), "{stderr}");
    assert!(!place.path("venv").exists());
}

/// A server with an index and archives, and the repository of the same project.
struct World {
    server: Server,
    wheel: String,
    sdist: String,
    archive: String,
    user: (usize, String),
    commit: String,
}

impl World {
    fn new() -> Self {
        let wheel = wheel_of("lib", "2.0", &["six<1.17"]);
        let info = "Metadata-Version: 2.2\nName: lib\nVersion: 2.5\nRequires-Dist: six<1.17\n";
        let sdist = tarball(
            "lib-2.5",
            &[("PKG-INFO", info), ("pyproject.toml", PROJECT)],
        );
        let archive = tarball(
            "lib-main",
            &[("setup.py", SETUP_PY), ("requirements.txt", "six\n")],
        );
        let setup_cfg = "[metadata]\nname = user\nversion = attr: user.__version__\n";
        let user = tarball("user-main", &[("setup.cfg", setup_cfg)]);
        let folder = tempfile::tempdir().unwrap();
        let commit = git::bare(&folder.path().join("lib.git"), &repository("{git}"));
        let index = format!("{INDEX}\n[idna.\"3.10\"]\nuploaded = \"2024-09-15\"\n");
        Self {
            wheel: sha256(&wheel),
            sdist: sha256(&sdist),
            archive: sha256(&archive),
            user: (user.len(), sha256(&user)),
            commit: commit.unwrap_or_default(),
            server: serve_beside(
                &index,
                vec![
                    ("lib-2.0-py3-none-any.whl".to_owned(), wheel),
                    ("lib-2.5.tar.gz".to_owned(), sdist),
                    ("main.tar.gz".to_owned(), archive),
                    ("user.tar.gz".to_owned(), user),
                ],
            ),
        }
    }

    fn place(&self, requirements: &str) -> Place {
        let pose = "from setuptools import setup\nopen('ran', 'w')\n\
            setup(name='pose', install_requires=['six'], extras_require={'gpu': ['idna']})\n";
        let place = Case::of_files(&[("libs/pose/setup.py", pose), ("a.py", "")]).place();
        let tree = place.path("tree");
        // the address of the repository is known only now
        let url = format!("file://{}", tree.join("vendor/lib.git").display());
        git::bare(&tree.join("vendor/lib.git"), &repository(&url));
        fs::write(
            tree.join("requirements.txt"),
            self.filled(requirements, &place),
        )
        .unwrap();
        place
    }

    fn check(&self, story: &Story, how: &str) {
        let place = self.place(story.requirements);
        let lock = match how {
            "two targets" => {
                "lock --python 3.11 --platform linux-x86_64 --platform windows-x86_64 --dry-run -v"
            }
            _ => "lock {target} --dry-run -v",
        };
        let mut step = step(&place, lock, &self.server.url("/simple/"));
        if how == "no git" {
            step = step.with_env("PATH", &place.path("bin").display().to_string());
        }
        let output = place.command(&step).output().unwrap();
        let stderr = said(&output.stderr);
        let stdout = said(&output.stdout).replace(" \\\n    ", " ");
        let pins: Vec<&str> = stdout
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            // hashes of the index's files are not what this is about
            .map(|line| match line.split_once("==") {
                Some((name, _)) if !name.contains(' ') => line.split(' ').next().unwrap_or(line),
                _ => line,
            })
            .collect();
        let expected = self.filled(story.pins, &place);
        let what = self.filled(story.requirements, &place);
        if expected == "NO" {
            assert_eq!(output.status.code(), Some(1), "{what}: {stderr}");
        } else {
            assert!(output.status.success(), "{what}: {stderr}");
            assert_eq!(pins.join(" | "), expected, "{what}: {stderr}");
        }
        for part in story.says {
            let part = self.filled(part, &place);
            assert!(
                stderr.contains(&part),
                "{what}: {part} is missing in\n{stderr}"
            );
        }
        let ran = [place.path("tree/ran"), place.path("tree/libs/pose/ran")];
        assert!(
            !ran.iter().any(|path| path.exists()),
            "{what}: code was run"
        );
    }

    fn filled(&self, text: &str, place: &Place) -> String {
        let repository = place.path("tree").join("vendor/lib.git");
        let url = format!("file://{}", repository.display());
        let head = fs::read_to_string(repository.join("packed-refs")).unwrap_or_default();
        let commit = head
            .lines()
            .find_map(|line| line.strip_suffix(" refs/heads/main"))
            .unwrap_or_default();
        text.replace("{files}", &self.server.url("/extra/"))
            .replace("{git}", &url)
            .replace("{commit}", commit)
            .replace("{short}", commit.get(..8).unwrap_or_default())
            .replace("{wheel}", &self.wheel)
            .replace("{sdist}", &self.sdist)
            .replace("{archive}", &self.archive)
            .replace("{user}", &self.user.1)
            .replace("{size}", &self.user.0.to_string())
    }
}

/// `lib` at the top, and `part`, which needs `lib` from the same repository.
fn repository(url: &str) -> Vec<(&'static str, String)> {
    let part = format!(
        "[project]\nname = \"part\"\nversion = \"0.1\"\ndependencies = [\"lib @ git+{url}\"]\n"
    );
    vec![
        ("pyproject.toml", PROJECT.to_owned()),
        ("parts/one/pyproject.toml", part),
        ("setup.py", SETUP_PY.to_owned()),
        (".gitattributes", "* filter=evil\n".to_owned()),
    ]
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
