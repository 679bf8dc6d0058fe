//! What a person gets who asks for something that cannot be: one clear error, an exit code that is not 0, and nothing half-written.

use std::path::Path;
use std::process::{Command, Output};

/// A checkout with just enough in it to be recognised.
struct Checkout(tempfile::TempDir);

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("kernel-config")).unwrap();
        std::fs::create_dir_all(folder.path().join("image/profiles")).unwrap();
        let checkout = Self(folder);
        for file in ["image/profiles/core.toml", "image/packages.toml", "image/packages.lock"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
            std::fs::copy(from, checkout.0.path().join(file)).unwrap();
        }
        checkout
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.path().join(file), text).unwrap();
    }

    fn weft(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft-image"));
        command.args(arguments).current_dir(self.0.path());
        command.env("WEFT_CACHE", self.0.path().join("cache")).output().unwrap()
    }

    /// The error of a build that must fail before it begins.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.weft(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(!self.0.path().join("build").exists(), "something was written to build/");
        assert!(!self.0.path().join("cache/tmp").exists(), "something was written to the cache");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn a_wrong_profile_lists_the_right_ones() {
    let error = Checkout::new().refused(&["build", "--profile", "kisok"]);
    assert_eq!(error, "error: there is no profile kisok; known profiles: core\n");
}

#[test]
fn an_unknown_key_is_named_with_file_and_line() {
    let checkout = Checkout::new();
    checkout.write("image/profiles/odd.toml", "description = \"odd\"\nprogramms = []\n");
    let error = checkout.refused(&["build", "--profile", "odd"]);
    assert!(error.contains("image/profiles/odd.toml") && error.contains("line 2"), "{error}");
    assert!(error.contains("programms"), "{error}");
}

/// A profile with an app, and the app's manifest.
fn with_app(manifest: &str) -> Checkout {
    let checkout = Checkout::new();
    checkout.write(
        "image/profiles/one.toml",
        "description = \"one\"\ninherits = \"core\"\napps = [\"org.weft.one\"]\n",
    );
    std::fs::create_dir_all(checkout.0.path().join("apps/org.weft.one")).unwrap();
    checkout.write("apps/org.weft.one/wapp.toml", manifest);
    checkout
}

#[test]
fn a_broken_manifest_is_named_with_its_field() {
    let error = with_app("[package]\nid = \"one\"\n").refused(&["build", "--profile", "one"]);
    assert!(error.contains("apps/org.weft.one/wapp.toml"), "{error}");
}

#[test]
fn an_app_without_its_page_is_told_which() {
    let manifest = "[package]\nid = \"org.weft.one\"\nname = \"One\"\nversion = \"1.0.0\"\n\n[runtime]\nmodule = \"app.wasm\"\n\n\
                    [ui]\nentry = \"ui/index.html\"\n";
    let error = with_app(manifest).refused(&["build", "--profile", "one"]);
    assert!(error.contains("ui.entry names ui/index.html"), "{error}");
}

#[test]
fn an_app_that_is_not_there_is_named() {
    let checkout = with_app("");
    std::fs::remove_file(checkout.0.path().join("apps/org.weft.one/wapp.toml")).unwrap();
    let error = checkout.refused(&["build", "--profile", "one"]);
    assert!(error.contains("the profile names the app org.weft.one"), "{error}");
}

#[test]
fn a_broken_lock_names_the_command_that_mends_it() {
    let checkout = Checkout::new();
    checkout.write("image/packages.lock", "suite = 3\n");
    let error = checkout.refused(&["build", "--profile", "core"]);
    assert!(error.contains("image/packages.lock") && error.contains("cargo weft lock update"), "{error}");
}

#[test]
fn outside_a_checkout_nothing_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_weft-image"))
        .arg("build")
        .current_dir(folder.path())
        .env("WEFT_CACHE", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("no WEFT OS checkout at"), "{error}");
}
