//! Models and files are pinned through the binary, against a hub in this process.

use crate::support::case::{Case, Step};
use crate::support::index::{Form, serve};
use crate::support::server::{Answer, Server};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn models_are_pinned_and_stay_pinned() {
    let index = serve(Form::Json);
    let hub = Server::start(|asked| match asked.path.as_str() {
        "/api/models/openai/clip/revision/main?blobs=true" => Answer::ok(
            "application/json",
            format!(
                r#"{{"sha":"{COMMIT}","siblings":[{{"rfilename":"model.bin","size":7,"blobId":"x","lfs":{{"sha256":"{}","size":700}}}}]}}"#,
                "ab".repeat(32)
            ),
        ),
        _ => Answer::status(401),
    });
    let code = "import six\n\
                six.AutoModel.from_pretrained('openai/clip')\n\
                six.AutoModel.from_pretrained('private/one')\n";
    let files = [("requirements.txt", "six\n"), ("train.py", code)];
    let place = Case::of_files(&files).place();
    let lock = |flags: &str, hub: &str| {
        let step = Step::of(
            &format!("lock {{target}} --no-lookup {flags}"),
            &index.url("/simple/"),
        );
        let mut command = place.command(&step);
        command.env_remove("PINSMITH_NO_ARTIFACTS");
        command
            .env("HF_ENDPOINT", hub)
            .env("HF_TOKEN", "hf_hunter2");
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        let spec = std::fs::read_to_string(place.path("tree/pinsmith.env.toml")).unwrap();
        assert!(!told.contains("hunter2") && !spec.contains("hunter2"));
        (told, spec)
    };
    let url = hub.url("");
    let (told, spec) = lock("-v", &url);
    assert!(told.contains("does not show `private/one`"), "{told}");
    assert!(told.contains(&format!("locked at {COMMIT}")), "{told}");
    let block = format!(
        "status = \"pinned\"\ncommit = \"{COMMIT}\"\nfiles = [\n    {{ path = \"model.bin\", size = 700, sha256 = \"{}\" }},\n]\n",
        "ab".repeat(32)
    );
    assert!(spec.contains(&block), "{spec}");
    assert_eq!(spec.matches("status = \"floating\"").count(), 1, "{spec}");
    let asked = hub.asked().len();
    // what is pinned is not asked again, nor lost without a network
    assert_eq!(lock("", &url).1, spec);
    assert_eq!(hub.asked().len(), asked + 1);
    assert_eq!(lock("--offline", &url).1, spec);
    assert_eq!(lock("--no-artifacts", &url).1, spec);
    assert_eq!(hub.asked().len(), asked + 1);
    // not even where all is renewed and the hub is silent
    assert_eq!(lock("--upgrade --no-artifacts", &url).1, spec);
    let silent = Server::start(|_| Answer::status(503));
    assert_eq!(lock("--upgrade", &silent.url("")).1, spec);
    let check = place.run(&Step::of("check", "json"));
    assert!(
        check.status.success(),
        "{}",
        String::from_utf8_lossy(&check.stderr)
    );
}
