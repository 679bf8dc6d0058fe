//! What the shell was asked to show: the command line and the environment, checked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

const SYSTEM_UI: &str = "/usr/share/weft/system-ui/index.html";
const UI_KIT: &str = "/usr/share/weft/ui-kit/weft-ui-kit.js";
const APPD_SOCKET: &str = "/run/weft/appd.sock";

/// The usage of both names, for a command line that is not understood.
pub const USAGE: &str = "usage: weft-servo-shell
       weft-app-shell <app_id> <session_id> --ui FILE [--package DIR] [--ipc-fd N]";

/// What is wrong with the command line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the program is called {0:?}; it must be called weft-servo-shell or weft-app-shell")]
    Name(String),
    #[error("the argument {0:?} is not known")]
    Unknown(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{name} is {value:?}, which is not a {kind}")]
    Value { name: &'static str, value: String, kind: &'static str },
    #[error("the page {ui} is not inside the package {package}")]
    Outside { ui: PathBuf, package: PathBuf },
}

/// Everything that decides what one process shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub shell: Shell,
    /// The script with the custom elements: a user script of app pages, `weft-system://kit/weft-ui-kit.js` of the system page.
    pub ui_kit: PathBuf,
}

/// Which of the two names the program was started under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shell {
    System {
        /// The folder of the system UI, and the page in it.
        root: PathBuf,
        page: String,
        appd_socket: PathBuf,
    },
    App {
        app_id: String,
        session_id: u64,
        /// The app's folder, and the page in it with `/` between its parts.
        package: PathBuf,
        page: String,
        /// The inherited session channel. Without one the page can talk to nobody.
        ipc_fd: Option<i32>,
        ready_token: Option<String>,
    },
}

impl Options {
    /// Reads the command line (`args` starts with the program's name) and the variables that `variable` looks up.
    pub fn parse(
        args: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Error> {
        let mut args = args.into_iter();
        let name = args.next().unwrap_or_default();
        let path =
            |name: &str, default: &str| PathBuf::from(variable(name).unwrap_or_else(|| default.into()));
        let shell = match Path::new(&name).file_name().and_then(|name| name.to_str()) {
            Some("weft-servo-shell") => {
                if let Some(extra) = args.next() {
                    return Err(Error::Unknown(text(&extra)));
                }
                let (root, page) = split_page(&path("WEFT_SYSTEM_UI_HTML", SYSTEM_UI), None)?;
                Shell::System { root, page, appd_socket: path("WEFT_APPD_SOCKET", APPD_SOCKET) }
            }
            Some("weft-app-shell") => app(args, variable("WEFT_READY_TOKEN").map(|token| text(&token)))?,
            _ => return Err(Error::Name(text(&name))),
        };
        Ok(Self { shell, ui_kit: path("WEFT_UI_KIT", UI_KIT) })
    }
}

fn app(mut args: impl Iterator<Item = OsString>, ready_token: Option<String>) -> Result<Shell, Error> {
    let (mut ui, mut package, mut ipc_fd, mut plain) = (None, None, None, Vec::new());
    while let Some(arg) = args.next() {
        let arg = text(&arg);
        match arg.as_str() {
            "--ui" => ui = Some(PathBuf::from(args.next().ok_or(Error::Missing("the file after --ui"))?)),
            "--package" => {
                package =
                    Some(PathBuf::from(args.next().ok_or(Error::Missing("the folder after --package"))?));
            }
            "--ipc-fd" => {
                let value = text(&args.next().ok_or(Error::Missing("the number after --ipc-fd"))?);
                let fd = value.parse().ok().filter(|fd| *fd > 2);
                ipc_fd =
                    Some(fd.ok_or(Error::Value { name: "--ipc-fd", value, kind: "descriptor above 2" })?);
            }
            _ if arg.starts_with('-') || plain.len() == 2 => return Err(Error::Unknown(arg)),
            _ => plain.push(arg),
        }
    }
    let mut plain = plain.into_iter();
    let app_id = plain.next().ok_or(Error::Missing("the app id"))?;
    if !is_app_id(&app_id) {
        return Err(Error::Value { name: "the app id", value: app_id, kind: "name such as org.example.app" });
    }
    let session = plain.next().ok_or(Error::Missing("the session id"))?;
    let session_id = session.parse().map_err(|_| Error::Value {
        name: "the session id",
        value: session,
        kind: "number",
    })?;
    let (package, page) = split_page(&ui.ok_or(Error::Missing("--ui FILE"))?, package.as_deref())?;
    Ok(Shell::App { app_id, session_id, package, page, ipc_fd, ready_token })
}

/// The folder that a page may read, and the page's place in it. An app's page lies in `ui/` of its package when no folder is given.
fn split_page(file: &Path, folder: Option<&Path>) -> Result<(PathBuf, String), Error> {
    let outside = |folder: &Path| Error::Outside { ui: file.to_owned(), package: folder.to_owned() };
    let parent = file.parent().unwrap_or(Path::new("/"));
    let folder = match folder {
        Some(folder) => folder,
        None if parent.ends_with("ui") => parent.parent().unwrap_or(parent),
        None => parent,
    };
    let page = file.strip_prefix(folder).map_err(|_| outside(folder))?;
    match page.to_str() {
        Some(page) if !page.is_empty() => Ok((folder.to_owned(), page.to_owned())),
        _ => Err(outside(folder)),
    }
}

/// Whether the name can be the host of a `weft-app:` URL. appd has checked it against its manifest's full rules.
fn is_app_id(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 255 && name.split('.').count() > 1 && name.split('.').all(part)
}

fn text(value: &std::ffi::OsStr) -> String {
    value.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Error> {
        Options::parse(line.split(' ').map(OsString::from), |_| None)
    }

    #[test]
    fn the_name_decides_what_is_shown() {
        assert_eq!(
            parse("/usr/bin/weft-servo-shell").unwrap().shell,
            Shell::System {
                root: "/usr/share/weft/system-ui".into(),
                page: "index.html".into(),
                appd_socket: APPD_SOCKET.into()
            }
        );
        assert_eq!(parse("weft-web"), Err(Error::Name("weft-web".into())));
        let app = parse("weft-app-shell org.a.b 3 --ui /apps/org.a.b/ui/index.html --ipc-fd 5").unwrap();
        assert_eq!(
            app.shell,
            Shell::App {
                app_id: "org.a.b".into(),
                session_id: 3,
                package: "/apps/org.a.b".into(),
                page: "ui/index.html".into(),
                ipc_fd: Some(5),
                ready_token: None
            }
        );
    }

    #[test]
    fn a_wrong_command_line_is_named() {
        assert_eq!(parse("weft-app-shell"), Err(Error::Missing("the app id")));
        assert_eq!(parse("weft-app-shell org.a.b"), Err(Error::Missing("the session id")));
        assert_eq!(parse("weft-app-shell org.a.b 1"), Err(Error::Missing("--ui FILE")));
        assert_eq!(parse("weft-app-shell org.a.b 1 --fast"), Err(Error::Unknown("--fast".into())));
        assert_eq!(parse("weft-servo-shell --fast"), Err(Error::Unknown("--fast".into())));
        for wrong in ["../etc", "org", "Org.App", "org..app", "org.app/x"] {
            let line = format!("weft-app-shell {wrong} 1 --ui /a/ui/index.html");
            assert!(matches!(parse(&line), Err(Error::Value { name: "the app id", .. })), "{wrong}");
        }
        let outside = parse("weft-app-shell org.a.b 1 --ui /a/ui/index.html --package /b");
        assert!(matches!(outside, Err(Error::Outside { .. })));
        let fd = parse("weft-app-shell org.a.b 1 --ui /a/ui/index.html --ipc-fd 1");
        assert!(matches!(fd, Err(Error::Value { name: "--ipc-fd", .. })));
    }
}
