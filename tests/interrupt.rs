//! Ctrl-C in the middle: nothing half-written, nothing left over, no panic.
#![cfg(unix)]

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::case::{Case, Place, Step};
use crate::support::index::{Form, serve_with};
use crate::support::server::{Answer, Server};

#[test]
fn an_interrupted_lock_leaves_everything_as_it_was() {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let server = Server::start(move |_| {
        seen.store(true, Ordering::Relaxed);
        // longer than the test: the index never answers
        std::thread::sleep(Duration::from_mins(5));
        Answer::status(404)
    });
    let old = "# made by pinsmith; do not edit\nsix==1.0\n";
    let place = Case::of_files(&[("a.py", "import six\n"), ("requirements.txt", old)]).place();
    let step = Step::of("lock {target}", &server.url("/simple/"));
    let before = place.snapshot();
    let mut child = start(&place, &step);
    wait_for(&mut child, || asked.load(Ordering::Relaxed));
    // a job in the background ignores Ctrl-C, and its children inherit that
    let (name, signal) = if ignores_interrupts() {
        ("TERM", 15)
    } else {
        ("INT", 2)
    };
    let output = signalled(child, name);
    assert_eq!(output.status.signal(), Some(signal), "{}", output.status);
    assert_eq!(place.snapshot(), before);
}

/// Starts a step with the programs of this machine and a folder of its own for temporary files.
fn start(place: &Place, step: &Step) -> Child {
    let mut command = place.command(step);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    std::fs::create_dir_all(place.path("home/tmp")).unwrap();
    command.env("TMPDIR", place.path("home/tmp"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits until it holds, while the child runs.
fn wait_for(child: &mut Child, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        if child.try_wait().unwrap().is_some() {
            let mut stderr = String::new();
            let _ = child.stderr.take().unwrap().read_to_string(&mut stderr);
            panic!("it ended by itself: {stderr}");
        }
        let limit = Duration::from_mins(1);
        assert!(started.elapsed() < limit, "it never comes to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal and waits for the end.
fn signalled(child: Child, signal: &str) -> Output {
    let kill = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    output
}

/// Processes whose command line names a folder; none where the system does not tell.
fn running_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|one| std::fs::read(one.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    let folder = folder.to_str().unwrap();
    lines.filter(|line| line.contains(folder)).collect()
}

/// `sync` and `verify`, while pip waits for a wheel and while a module is imported, which leaves nothing but an environment to complete.
#[test]
fn an_interrupted_installation_says_what_is_left_and_can_be_completed() {
    let hangs = Arc::new(AtomicBool::new(true));
    let (hanging, asked) = (Arc::clone(&hangs), Arc::new(AtomicBool::new(false)));
    let seen = Arc::clone(&asked);
    let server = serve_with(Form::Json, move |request, answer| {
        let agent = request.headers.get("user-agent");
        let by_pip = agent.is_some_and(|agent| agent.starts_with("pip/"));
        if by_pip && request.path.starts_with("/files/") && hanging.load(Ordering::Relaxed) {
            seen.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_mins(5));
        }
        answer
    });
    let index = server.url("/simple/");
    let place = Case::of_files(&[
        ("a.py", "import hanger\n"),
        ("requirements.txt", "hanger\n"),
    ])
    .place();
    let lock = start(&place, &Step::of("lock {tree}", &index)).wait_with_output();
    assert!(lock.unwrap().status.success());
    let before = place.snapshot();
    let temporary = place.path("home/tmp");
    let entries = || std::fs::read_dir(&temporary).unwrap().flatten();
    let imports = || entries().any(|one| one.path().join("orders.json").exists());
    let incomplete = "[SYNC008]: interrupted; the environment may be incomplete";
    let removed = "[SYNC008]: interrupted; the temporary environment is removed";
    for (run, installs, signal, sentence, help) in [
        ("sync", true, "INT", incomplete, "sync` again"),
        ("verify", true, "TERM", removed, "verify` again"),
        (
            "verify --timeout 300",
            false,
            "INT",
            removed,
            "verify` again",
        ),
    ] {
        hangs.store(installs, Ordering::Relaxed);
        asked.store(false, Ordering::Relaxed);
        let mut child = start(&place, &Step::of(&format!("{run} --installer pip"), &index));
        wait_for(&mut child, || {
            if installs {
                asked.load(Ordering::Relaxed)
            } else {
                imports()
            }
        });
        let output = signalled(child, signal);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{run}: {stderr}");
        assert!(stderr.contains(sentence), "{run}: {stderr}");
        assert!(stderr.contains(help), "{run}: {stderr}");
        assert_eq!(entries().count(), 0, "{run} leaves something over");
        assert_eq!(running_in(&place.path("")), Vec::<String>::new(), "{run}");
        let mut now = place.snapshot();
        now.retain(|name, _| !name.starts_with("tree/.venv/"));
        assert_eq!(now, before, "{run}");
    }
    hangs.store(false, Ordering::Relaxed);
    let again = start(&place, &Step::of("sync --installer pip", &index)).wait_with_output();
    let again = again.unwrap();
    let stderr = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success(), "{stderr}");
    assert!(stderr.contains("updated"), "{stderr}");
}

/// Whether this process was started with SIGINT ignored; false where the system does not tell.
fn ignores_interrupts() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << 1) != 0)
}

/// A limit on the size of files ends the process in the middle of a write, at a byte that is known
/// beforehand; or, where the signal is ignored, it fails the write as a full disk does.
#[test]
fn a_process_killed_between_bytes_leaves_whole_files() {
    let case = Case::of_files(&[("a.py", "import pandas\nimport sklearn\nimport yaml\n")]);
    let place = case.place();
    let locked = |step: &str| {
        let output = place.run(&Step::of(step, "json"));
        assert!(output.status.success(), "{output:?}");
        place.snapshot()
    };
    // everything anew, or the pins that are there would be kept
    let (newer, older) = ("lock {target} -U", "lock {target} -U --as-of 2026-10-01");
    let after = locked(newer);
    let before = locked(older);
    let names = ["requirements.txt", "pylock.toml", "pinsmith.env.toml"];
    let names = names.map(|name| format!("tree/{name}"));
    assert!(names.iter().all(|name| before[name] != after[name]));
    for ignored in [false, true] {
        let mut ended = 0;
        for blocks in 0..200 {
            let output = limited(&place, newer, blocks, ignored);
            let now = place.snapshot();
            for name in &names {
                assert!(
                    now[name] == before[name] || now[name] == after[name],
                    "{name} is broken"
                );
            }
            if output.status.success() {
                break;
            }
            ended += 1;
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(!stderr.contains("panicked"), "{stderr}");
            if ignored {
                assert!(stderr.contains("WRITE003"), "{stderr}");
                assert!(now == before, "something is left over");
            } else {
                assert!(output.status.signal().is_some(), "{}", output.status);
                // whoever is killed cannot tidy up; what is left has a name of its own
                for name in now.keys().filter(|name| name.ends_with(".pinsmith-tmp")) {
                    std::fs::remove_file(place.path(name)).unwrap();
                }
            }
        }
        assert!(ended > 5, "the limit never struck");
        assert_eq!(
            place.snapshot()["tree/pylock.toml"],
            after["tree/pylock.toml"]
        );
        locked(older);
    }
}

/// Runs a step from the cache with a limit on the size of written files, in blocks of the shell.
fn limited(place: &Place, step: &str, blocks: u32, ignored: bool) -> Output {
    let step = Step::of(&format!("{step} --offline"), "json");
    let command = place.command(&step);
    let ignore = if ignored { "trap '' XFSZ;" } else { "" };
    let script = format!("{ignore} ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", &script]).arg(command.get_program());
    limited.args(command.get_args()).env_clear();
    limited.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    limited.current_dir(command.get_current_dir().unwrap());
    limited.stdin(Stdio::null()).output().unwrap()
}
