//! Ctrl-C in the middle: nothing half-written, nothing left over, no panic.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::case::{Case, Step};
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
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let ended = output.status.signal() == Some(2) || output.status.code() == Some(130);
    assert!(ended, "{}", output.status);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(place.snapshot(), before);
}
