//! The program as it is called: exit codes, sentences, JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const ID: &str = "org.example.clock";
const PAGE: &str = "<p>hello";

/// A person with a home, a key and a package.
struct Person {
    home: TempDir,
}

impl Person {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft-pack"));
        command.args(arguments).current_dir(self.home.path()).env_clear();
        command.env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The output of a command that must succeed.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        serde_json::from_slice(&self.run(&arguments).stdout).expect("one JSON object on standard output")
    }

    /// A command that must fail so, with one line on standard error.
    fn bad(&self, arguments: &[&str], code: i32, sentence: &str) {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(sentence), "{arguments:?}: {error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        assert!(error.starts_with("weft-pack: "), "{error}");
    }

    fn package(&self, name: &str, version: &str, capabilities: &str) -> String {
        let folder = self.path(name);
        fs::create_dir_all(folder.join("ui")).unwrap();
        let manifest = format!(
            "[package]\nid = \"{ID}\"\nname = \"Clock\"\nversion = \"{version}\"\ncapabilities = [{capabilities}]\n\
             [runtime]\nmodule = \"app.wasm\"\n[ui]\nentry = \"ui/index.html\"\n"
        );
        fs::write(folder.join("wapp.toml"), manifest).unwrap();
        let component = "(component (import \"weft:app/notify@0.2.0\" (instance (export \"ready\" (func)))))";
        fs::write(folder.join("app.wasm"), wat::parse_str(component).unwrap()).unwrap();
        fs::write(folder.join("ui/index.html"), PAGE).unwrap();
        name.to_owned()
    }

    fn trust(&self, public: &str) {
        let keys = self.path(".config/weft/trusted-keys");
        fs::create_dir_all(&keys).unwrap();
        fs::copy(self.path(public), keys.join(Path::new(public).file_name().unwrap())).unwrap();
    }
}

#[test]
fn from_a_key_to_an_installed_app() {
    let person = Person::new();
    let package = person.package("clock", "1.0.0", "");
    person.good(&["generate-key", "keys"]);
    assert!(person.good(&["check", &package]).contains("is a good package: 3 files"));
    person.good(&["sign", &package, "--key", "keys/weft-sign.key"]);
    assert!(person.good(&["verify", &package, "--key", "keys/weft-sign.pub"]).contains("is signed by"));
    person.bad(&["verify", &package], 1, "is of no trusted publisher");
    person.bad(&["install", &package], 1, "is of no trusted publisher");
    person.trust("keys/weft-sign.pub");
    person.good(&["verify", &package]);
    person.good(&["bundle", &package]);
    let archive = format!("{ID}.app.tar.zst");
    assert!(person.good(&["info", &archive]).contains("of the trusted publisher"));
    assert!(person.good(&["install", &archive]).contains("installed org.example.clock 1.0.0"));
    assert!(person.path(".local/share/weft/apps").join(ID).join("ui/index.html").exists());
    assert!(person.good(&["install", &archive]).contains("already installed"));
    let list = person.json(&["list"]);
    assert_eq!(list["apps"][0]["id"], ID);
    assert_eq!(list["apps"][0]["launchable"], true);
    person.good(&["audit"]);
    person.good(&["uninstall", ID]);
    person.bad(&["uninstall", ID], 5, "is not installed");
    assert!(person.good(&["list"]).contains("no app is installed"));
}

#[test]
fn keys_are_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let person = Person::new();
    person.good(&["generate-key"]);
    let secret = person.path("weft-sign.key");
    let text = fs::read_to_string(&secret).unwrap();
    assert_eq!((text.trim().len(), text.len()), (64, 65));
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    person.bad(&["generate-key"], 1, "exists already");
    assert_eq!(fs::read_to_string(&secret).unwrap(), text);
}

#[test]
fn update_that_asks_for_more_in_words_and_in_json() {
    let person = Person::new();
    let (old, new) = (person.package("old", "1.0.0", ""), person.package("new", "2.0.0", "\"net:fetch\""));
    person.good(&["install", "--dev", &old]);
    person.bad(&["install", "--dev", &new], 4, "to exchange data with any public host over HTTP (net:fetch)");
    let refusal = person.json(&["install", "--dev", &new]);
    assert_eq!(refusal["ok"], false);
    assert_eq!(refusal["error"]["code"], 4);
    assert_eq!(refusal["error"]["added"][0]["capability"], "net:fetch");
    assert!(person.good(&["approve", ID]).contains("may now exchange data"));
    assert!(
        person.good(&["install", "--dev", &new]).contains("updated from 1.0.0 to org.example.clock 2.0.0")
    );
    assert!(person.good(&["rollback", ID]).contains("is back at 1.0.0"));
    assert_eq!(person.json(&["list"])["apps"][0]["version"], "1.0.0");
}

#[test]
fn mistakes_have_one_sentence_and_their_code() {
    let person = Person::new();
    let package = person.package("clock", "1.0.0", "\"fs:rw:everything\"");
    person.bad(
        &["check", &package],
        1,
        "clock/wapp.toml:5:17: package.capabilities: `fs:rw:everything` is not a capability",
    );
    person.bad(&["check", "nowhere"], 1, "nowhere");
    fs::write(person.path("text"), "hello").unwrap();
    person.bad(&["check", "text"], 1, "text is no package");
    person.bad(&["unbundle", "text"], 1, "text is no package");
    person.bad(&["install", "--dev", "text"], 1, "text is no package");
    person.bad(&["sign", &package, "--key", "text"], 1, "text is not a key");
    person.bad(&["rollback", ID], 5, "is not installed");
    person.bad(&["approve", ID], 5, "is not installed");
    person.bad(&["audit", "--image", "text"], 1, "text is neither a disk image");
    assert_eq!(person.run(&["uninstall", "not-an-id"]).status.code(), Some(2));
    assert_eq!(person.run(&["approve", ID, "fs:rw:everything"]).status.code(), Some(2));
    assert_eq!(person.run(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn store_and_keys_of_the_environment_stand_alone() {
    let person = Person::new();
    let package = person.package("clock", "1.0.0", "");
    let store = person.path("elsewhere");
    let output =
        person.command(&["install", "--dev", &package]).env("WEFT_APP_STORE", &store).output().unwrap();
    assert!(output.status.success());
    assert!(store.join(ID).join("wapp.toml").exists());
    assert!(person.good(&["list"]).contains("no app is installed"));
    let output = person.command(&["list"]).env("WEFT_APP_STORE", "relative").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let output = person
        .command(&["install", "--dev", &package])
        .env("WEFT_APP_STORE", "/usr/share/weft/apps")
        .output();
    let error = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(error.contains("is part of the system and cannot be changed"), "{error}");
}

#[test]
fn audit_fails_where_manifest_and_component_disagree() {
    let person = Person::new();
    let package = person.package("clock", "1.0.0", "\"sys:notifications\"");
    assert!(person.good(&["check", &package]).contains("warning: the manifest grants sys:notifications"));
    person.good(&["install", "--dev", &package]);
    let output = person.run(&["audit"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("may show notifications (sys:notifications)"), "{said}");
    assert!(said.contains("DISAGREES: the manifest grants sys:notifications"), "{said}");
    let audit = person.json(&["audit"]);
    assert_eq!((&audit["ok"], &audit["disagreements"]), (&false.into(), &1.into()));
}

#[test]
fn templates_are_packages_but_for_their_component() {
    let person = Person::new();
    for template in ["rust", "js", "python"] {
        let folder = format!("org.example.{template}app");
        person.good(&["new", &folder, "--template", template]);
        person.bad(&["new", &folder], 1, "is there already");
        person.bad(&["check", &folder], 1, "runtime.module names app.wasm, which is not in the package");
        let module = person.path(&folder).join("package/app.wasm");
        let component = "(component (import \"weft:app/notify@0.2.0\" (instance (export \"ready\" (func)))))";
        fs::write(module, wat::parse_str(component).unwrap()).unwrap();
        person.good(&["check", &folder]);
        for entry in walk(&person.path(&folder)) {
            let text = fs::read(&entry).unwrap();
            assert!(!text.windows(2).any(|pair| pair == b"{{"), "{} has a hole", entry.display());
        }
    }
    person.bad(&["new", "org.example.quote", "--name", "a\"b"], 1, "is no name for an app");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let person = Person::new();
    let mut child = person
        .command(&["list", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}
