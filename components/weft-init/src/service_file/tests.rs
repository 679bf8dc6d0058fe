use super::*;
use proptest::prelude::*;

fn refused(text: &str) -> String {
    parse("demo.toml", "demo", text).unwrap_err().to_string()
}

#[test]
fn service_files_of_the_image_are_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rootfs-overlay/usr/lib/weft/services");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        parse(path.to_str().unwrap(), &name, &text).unwrap_or_else(|error| panic!("{error}"));
        seen += 1;
    }
    assert!(seen >= 3, "only {seen} service files");
}

/// On a device without a source of updates, or without automatic ones, it ends at once.
#[test]
fn no_release_is_given_up_because_nothing_looks_for_the_next_one() {
    let text = include_str!("../../../../rootfs-overlay/usr/lib/weft/services/weft-update.toml");
    assert!(!parse("weft-update.toml", "weft-update", text).unwrap().required);
}

#[test]
fn the_readme_shows_a_file_that_parses() {
    let readme = include_str!("../../README.md");
    let snippet = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let service = parse("README.md", "demo", snippet).unwrap();
    assert!(service.delegate && service.sockets.len() == 1);
    for field in
        ["exec", "pids_max", "start_timeout_secs", "oom_score_adj", "state_directory", "runtime_directory"]
    {
        assert!(snippet.contains(field), "{field}");
    }
}

#[test]
fn defaults_are_the_careful_ones() {
    let service = parse("demo.toml", "demo", "exec = ['/usr/bin/demo']").unwrap();
    assert_eq!(service.user, "root");
    assert_eq!(service.restart, RestartPolicy::Always);
    assert_eq!(service.readiness, Readiness::None);
    assert_eq!(service.limits, Limits::default());
    assert!(!service.delegate && service.sockets.is_empty());
}

#[test]
fn every_field_is_read() {
    let text = r#"
exec = ["/usr/bin/demo", "--flag"]
user = "weft-appd"
groups = ["weft-control"]
environment = { WEFT_LOG = "info" }
restart = "on-failure"
readiness = "notify"
after = ["other"]
watchdog_secs = 30
start_timeout_secs = 5
memory_max = "64M"
cpu_max = "150%"
pids_max = 20
delegate = true
runtime_directory = "weft/demo"
state_directory = "demo"
oom_score_adj = -300

[[socket]]
name = "demo"
path = "/run/weft/demo.sock"
mode = 0o660
group = "weft-control"
"#;
    let service = parse("demo.toml", "demo", text).unwrap();
    assert_eq!(
        service.limits,
        Limits { memory_max: Some(64 << 20), cpu_percent: Some(150), pids_max: Some(20) }
    );
    assert_eq!(service.watchdog, Some(Duration::from_secs(30)));
    assert_eq!(service.start_timeout, Duration::from_secs(5));
    let [socket] = service.sockets.as_slice() else { panic!("{:?}", service.sockets) };
    assert_eq!(
        (socket.mode, socket.user.as_str(), socket.group.as_str()),
        (0o660, "weft-appd", "weft-control")
    );
}

#[test]
fn errors_name_file_line_and_column() {
    let unknown = refused("exec = ['/bin/x']\nrestrat = 'always'\n");
    assert!(unknown.starts_with("demo.toml:2:1: ") && unknown.contains("restrat"), "{unknown}");
    let memory = refused("exec = ['/bin/x']\nmemory_max = \"12X\"\n");
    assert!(memory.starts_with("demo.toml:2:14: ") && memory.contains("256M"), "{memory}");
    let missing = refused("user = 'root'\n");
    assert!(missing.contains("exec"), "{missing}");
    let relative = refused("exec = ['demo']\n");
    assert!(relative.starts_with("demo.toml:1:8: ") && relative.contains("absolute"), "{relative}");
    assert!(refused("exec = []").contains("empty"));
    assert!(refused("exec=['/x']\nuser='a'\ncapabilities=['CAP_CHOWN']").contains("root"));
    let capability = refused("exec=['/x']\ncapabilities=['CHOWN']");
    assert!(capability.starts_with("demo.toml:2:14: ") && capability.contains("CAP_CHOWN"), "{capability}");
    assert!(refused("exec=['/x']\nconfine='appd'").contains("root"));
    assert!(refused("exec = ['/x']\nstate_directory = '../x'").contains("plain relative"));
    assert!(refused("exec = ['/x']\nwatchdog_secs = 0").contains("watchdog_secs"));
    let mode = refused("exec=['/x']\n[[socket]]\nname='a'\npath='/run/a'\nmode=0o4755\n");
    assert!(mode.starts_with("demo.toml:5:6: "), "{mode}");
    let path = refused("exec=['/x']\n[[socket]]\nname='a'\npath='/state/a'\nmode=0o600\n");
    assert!(path.contains("/run"), "{path}");
}

#[test]
fn bad_names_are_refused() {
    for name in ["", "Upper", "a/b", "..", "a b"] {
        assert!(parse("f", name, "exec = ['/x']").is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,200}") {
        let _ = parse("any.toml", "any", &text);
    }
}
