//! Ctrl-C in the middle: nothing half-written, nothing left over, no panic.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::case::{Case, Place, Step};
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
    let mut child = place
        .command(&step)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !asked.load(Ordering::Relaxed) {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(started.elapsed() < Duration::from_mins(1), "it never asks");
        std::thread::sleep(Duration::from_millis(10));
    }
    // a job in the background ignores Ctrl-C, and its children inherit that
    let (name, signal) = if ignores_interrupts() {
        ("-TERM", 15)
    } else {
        ("-INT", 2)
    };
    let kill = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(signal), "{}", output.status);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(place.snapshot(), before);
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
fn limited(place: &Place, step: &str, blocks: u32, ignored: bool) -> std::process::Output {
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
