//! The command line.

use crate::windows::Extent;
use std::path::PathBuf;

/// Milliseconds until a held key repeats.
pub const KEY_REPEAT_DELAY: i32 = 200;
/// Repeats a second.
pub const KEY_REPEAT_RATE: i32 = 25;

/// What `--help` prints.
pub const HELP: &str = "\
weft-compositor - the Wayland compositor of a WEFT device

usage: weft-compositor [--winit | --headless WIDTHxHEIGHT] [--socket PATH] [--panel-user USER]

  --winit                  show the output in a window of this desktop (needs the feature `winit`)
  --headless WIDTHxHEIGHT  draw into memory; obey the commands that come on standard input
  --socket PATH            listen for Wayland clients there
  --panel-user USER        only this user's clients may show the system UI (a name of /etc/passwd or a number)

Without --winit or --headless it drives the first display of /dev/dri (or the device that WEFT_DRM_DEVICE names).
The sockets `wayland` and `compositor` are taken from the service manager, sd_listen_fds(3), when it passes them; else Wayland is
at --socket or at the first free $XDG_RUNTIME_DIR/wayland-N, and appd's channel at $WEFT_COMPOSITOR_SOCKET.
";

/// Which display to drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Display {
    Drm,
    Headless(Extent),
    Winit,
}

/// The command line's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub display: Display,
    pub socket: Option<PathBuf>,
    pub panel_uid: Option<u32>,
}

/// Why the command line has no meaning.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("unknown argument `{0}`; --help lists the known ones")]
    Unknown(String),
    #[error("{option} needs a value: {example}")]
    Missing { option: &'static str, example: &'static str },
    #[error("--headless {0}: not a size such as 1280x800")]
    Size(String),
    #[error("--panel-user {0}: there is no such user in /etc/passwd")]
    User(String),
}

impl Options {
    /// Reads the arguments after the program's name; `None` when help is asked for.
    pub fn parse(mut arguments: impl Iterator<Item = String>, passwd: &str) -> Result<Option<Self>, Error> {
        let mut options = Self { display: Display::Drm, socket: None, panel_uid: None };
        while let Some(argument) = arguments.next() {
            let mut value = |option, example| arguments.next().ok_or(Error::Missing { option, example });
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--winit" => options.display = Display::Winit,
                "--headless" => {
                    let size = value("--headless", "1280x800")?;
                    options.display = Display::Headless(extent(&size).ok_or(Error::Size(size))?);
                }
                "--socket" => options.socket = Some(value("--socket", "/run/weft/display/wayland-0")?.into()),
                "--panel-user" => {
                    let user = value("--panel-user", "weft-shell")?;
                    options.panel_uid = Some(uid_of(&user, passwd).ok_or(Error::User(user))?);
                }
                _ => return Err(Error::Unknown(argument)),
            }
        }
        Ok(Some(options))
    }
}

/// Longest side of an output in pixels.
const MAX_SIDE: i32 = 16_384;

/// `WIDTHxHEIGHT`.
pub fn extent(text: &str) -> Option<Extent> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    Some(Extent { width: side(width)?, height: side(height)? })
}

/// A number as it is, or the user's of that name in a file like passwd(5).
fn uid_of(user: &str, passwd: &str) -> Option<u32> {
    if let Ok(uid) = user.parse() {
        return Some(uid);
    }
    let mut lines = passwd.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| (fields.next() == Some(user)).then(|| fields.nth(1)?.parse().ok()).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/:/\nweft-shell:x:103:103::/:/\n";

    fn parse(line: &str) -> Result<Option<Options>, Error> {
        Options::parse(line.split_whitespace().map(String::from), PASSWD)
    }

    #[test]
    fn the_device_needs_no_arguments() {
        let options = Options { display: Display::Drm, socket: None, panel_uid: None };
        assert_eq!(parse("").unwrap(), Some(options));
        assert_eq!(parse("--help").unwrap(), None);
    }

    #[test]
    fn every_option_is_understood() {
        let options = parse("--headless 640x480 --socket /tmp/w --panel-user weft-shell").unwrap().unwrap();
        assert_eq!(options.display, Display::Headless(Extent { width: 640, height: 480 }));
        assert_eq!(options.panel_uid, Some(103));
        assert_eq!(parse("--panel-user 7").unwrap().unwrap().panel_uid, Some(7));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |line| parse(line).unwrap_err().to_string();
        assert_eq!(message("--full"), "unknown argument `--full`; --help lists the known ones");
        assert_eq!(message("--headless"), "--headless needs a value: 1280x800");
        assert_eq!(message("--headless 0x5"), "--headless 0x5: not a size such as 1280x800");
        assert_eq!(message("--panel-user x"), "--panel-user x: there is no such user in /etc/passwd");
    }
}
