//! `weft-pack new`: folders that build as they are.

use crate::cli::Template;
use std::io;
use std::path::{Path, PathBuf};
use weft_manifest::AppId;
use weft_package::disk::Host;
use weft_package::disk::{self, Disk};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} is there already: name another folder with --out", .0.display())]
    Exists(PathBuf),
    #[error(
        "`{0}` is no name for an app: write one line of 1 to 64 characters, without quotes or backslashes"
    )]
    Name(String),
    #[error("cannot create {}", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// A file of a template: its path in the new folder, and its text with `{{…}}` to be replaced.
type File = (&'static str, &'static str);

const COMMON: [File; 6] = [
    ("README.md", include_str!("../templates/common/README.md")),
    ("package/wapp.toml", include_str!("../templates/common/wapp.toml")),
    ("package/ui/index.html", include_str!("../templates/common/index.html")),
    ("package/ui/app.css", include_str!("../templates/common/app.css")),
    ("package/ui/app.js", include_str!("../templates/common/app.js")),
    ("wit/deps/weft-app/package.wit", include_str!("../../../wit/weft-app/package.wit")),
];
const POLL: File = ("wit/deps/wasi-io/poll.wit", include_str!("../../../wit/weft-app/deps/wasi-io/poll.wit"));
const RUN: File = ("wit/deps/wasi-cli/run.wit", include_str!("../templates/common/run.wit"));
const WORLD: File = ("wit/world.wit", include_str!("../templates/common/world.wit"));

const RUST: [File; 5] = [
    ("Cargo.toml", include_str!("../templates/rust/Cargo.toml")),
    ("src/main.rs", include_str!("../templates/rust/main.rs")),
    ("wit/world.wit", include_str!("../templates/rust/world.wit")),
    ("build.sh", include_str!("../templates/rust/build.sh")),
    (".gitignore", "/target\n/package/app.wasm\n"),
];
const JS: [File; 5] = [
    ("app.js", include_str!("../templates/js/app.js")),
    ("build.mjs", include_str!("../templates/js/build.mjs")),
    ("package.json", include_str!("../templates/js/package.json")),
    ("build.sh", include_str!("../templates/js/build.sh")),
    (".gitignore", "/node_modules\n/package/app.wasm\n"),
];
const PYTHON: [File; 4] = [
    ("app.py", include_str!("../templates/python/app.py")),
    ("requirements.txt", include_str!("../templates/python/requirements.txt")),
    ("build.sh", include_str!("../templates/python/build.sh")),
    (".gitignore", "/.venv\n/__pycache__\n/package/app.wasm\n"),
];

/// What a language needs to be said in the common files.
struct Language {
    files: Vec<File>,
    needs: &'static str,
    /// Lines of `[runtime]` after the module.
    runtime: &'static str,
}

fn language(template: Template) -> Language {
    match template {
        Template::Rust => Language {
            files: RUST.to_vec(),
            needs: "Needs Rust with its target for components: `rustup target add wasm32-wasip2`.",
            runtime: "",
        },
        Template::Js => Language {
            files: [&JS[..], &[RUN, WORLD]].concat(),
            needs: "Needs Node.js 18 or newer with npm; the first build fetches componentize-js.",
            runtime: "",
        },
        Template::Python => Language {
            files: [&PYTHON[..], &[RUN, WORLD]].concat(),
            needs: "Needs Python 3.10 or newer with venv; the first build fetches componentize-py.",
            runtime: concat!(
                "# The Python interpreter imports these whether the app uses them or not; nothing is linked behind them.\n",
                "unused = [\"wasi:sockets\"]\n",
                "\n[runtime.limits]\nmemory = \"128MiB\"\n"
            ),
        },
    }
}

/// Writes the folder; what was written, by path below it.
pub fn write(template: Template, id: &AppId, name: &str, folder: &Path) -> Result<Vec<String>, Error> {
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '<' | '>' | '&');
    if name.trim().is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        return Err(Error::Name(name.chars().take(64).collect()));
    }
    if folder.symlink_metadata().is_ok() {
        return Err(Error::Exists(folder.to_owned()));
    }
    let language = language(template);
    let crate_name = id.as_str().replace('.', "-");
    let script = language.files.iter().find(|(path, _)| *path == "build.sh").map_or("", |(_, text)| text);
    let commands: String = script
        .lines()
        .skip_while(|line| !line.starts_with("cd "))
        .skip(1)
        .map(|line| format!("    {line}\n"))
        .collect();
    let fill = |text: &str| {
        text.replace("{{commands}}", commands.trim_end())
            .replace("{{needs}}", language.needs)
            .replace("{{runtime}}", language.runtime)
            .replace("{{id}}", id.as_str())
            .replace("{{name}}", name)
            .replace("{{crate}}", &crate_name)
    };
    let mut written = Vec::new();
    for (path, text) in COMMON.iter().chain([&POLL]).chain(&language.files) {
        let to = folder.join(path);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|source| Error::Create { path: parent.to_owned(), source })?;
        }
        Host.create_file(&to, &mut fill(text).as_bytes())?;
        written.push((*path).to_owned());
    }
    Ok(written)
}

/// A name made of the id's last label.
pub fn name_from(id: &AppId) -> String {
    let last = id.as_str().rsplit('.').next().unwrap_or_default();
    let mut letters = last.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
