//! Commands on standard input that drive the headless output, one a line:
//! `move X Y`, `button left|right|middle down|up`, `wheel DETENTS`, `key CODE down|up`, `touch SLOT X Y`, `lift SLOT`,
//! `resize WIDTHxHEIGHT`, `picture FILE.ppm`, `stop`. Positions are pixels.

use crate::backend::headless::{Command, Picture};
use crate::input::{AxisMove, Input, InputKind};
use crate::options::extent;
use crate::windows::Extent;
use smithay::backend::input::AxisSource;
use smithay::reexports::calloop::channel::Sender;
use std::io::{BufRead, Write};
use std::path::PathBuf;

/// evdev codes, linux/input-event-codes.h.
const BUTTONS: [(&str, u32); 3] = [("left", 0x110), ("right", 0x111), ("middle", 0x112)];

/// One line's meaning.
#[derive(Debug, Clone, PartialEq)]
enum Line {
    /// Positions in it are pixels still.
    Input(InputKind),
    Resize(Extent),
    Picture(PathBuf),
    Stop,
}

/// Obeys standard input from a thread of its own. At its end the output stays.
pub fn read_standard_input(commands: Sender<Command>) {
    let started = std::time::Instant::now();
    let read = move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let Some(command) = parse(&line) else {
                tracing::warn!("unknown command `{line}`, ignoring");
                continue;
            };
            let sent = match command {
                Line::Input(kind) => {
                    let shares = shares(kind, &commands);
                    let frame = matches!(
                        shares,
                        InputKind::TouchDown { .. } | InputKind::TouchTo { .. } | InputKind::TouchUp { .. }
                    );
                    let time_us = started.elapsed().as_micros() as u64;
                    let sent = commands.send(Command::Input(Input { time_us, kind: shares }));
                    if frame {
                        commands.send(Command::Input(Input { time_us, kind: InputKind::TouchFrame }))
                    } else {
                        sent
                    }
                }
                Line::Resize(size) => commands.send(Command::Resize(size)),
                Line::Picture(path) => {
                    if let Some(picture) = picture(&commands)
                        && let Err(error) = write_ppm(&path, &picture)
                    {
                        tracing::error!("cannot write {}: {error}", path.display());
                    }
                    println!("picture {}", path.display());
                    Ok(())
                }
                Line::Stop => commands.send(Command::Stop),
            };
            if sent.is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("control".into()).spawn(read) {
        tracing::error!("there is no thread to read commands: {error}");
    }
}

fn parse(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let down = |word: &str| match word {
        "down" => Some(true),
        "up" => Some(false),
        _ => None,
    };
    Some(match words.as_slice() {
        ["move", x, y] => Line::Input(InputKind::PointerTo { x: x.parse().ok()?, y: y.parse().ok()? }),
        ["button", name, state] => {
            let (_, code) = BUTTONS.into_iter().find(|(known, _)| known == name)?;
            Line::Input(InputKind::Button { code, pressed: down(state)? })
        }
        ["wheel", detents] => {
            let detents: f64 = detents.parse().ok()?;
            let vertical = AxisMove { v120: Some(detents * 120.0), ..AxisMove::default() };
            let horizontal = AxisMove::default();
            Line::Input(InputKind::Axis { source: AxisSource::Wheel, horizontal, vertical })
        }
        ["key", code, state] => {
            Line::Input(InputKind::Key { code: code.parse().ok()?, pressed: down(state)? })
        }
        ["touch", slot, x, y] => {
            let (slot, x, y) = (slot.parse().ok()?, x.parse().ok()?, y.parse().ok()?);
            Line::Input(InputKind::TouchDown { slot, x, y })
        }
        ["drag", slot, x, y] => {
            let (slot, x, y) = (slot.parse().ok()?, x.parse().ok()?, y.parse().ok()?);
            Line::Input(InputKind::TouchTo { slot, x, y })
        }
        ["lift", slot] => Line::Input(InputKind::TouchUp { slot: slot.parse().ok()? }),
        ["resize", size] => Line::Resize(extent(size)?),
        ["picture", path] => Line::Picture(path.into()),
        ["stop"] => Line::Stop,
        _ => return None,
    })
}

/// Positions in pixels as shares of the output.
fn shares(kind: InputKind, commands: &Sender<Command>) -> InputKind {
    let share = |x: f64, y: f64| match picture(commands) {
        Some(picture) => (x / f64::from(picture.size.width), y / f64::from(picture.size.height)),
        None => (0.0, 0.0),
    };
    match kind {
        InputKind::PointerTo { x, y } => {
            let (x, y) = share(x, y);
            InputKind::PointerTo { x, y }
        }
        InputKind::TouchDown { slot, x, y } => {
            let (x, y) = share(x, y);
            InputKind::TouchDown { slot, x, y }
        }
        InputKind::TouchTo { slot, x, y } => {
            let (x, y) = share(x, y);
            InputKind::TouchTo { slot, x, y }
        }
        other => other,
    }
}

fn picture(commands: &Sender<Command>) -> Option<Picture> {
    let (sender, answer) = std::sync::mpsc::channel();
    commands.send(Command::Picture(sender)).ok()?;
    answer.recv().ok()
}

/// A portable pixmap, ppm(5).
fn write_ppm(path: &std::path::Path, picture: &Picture) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    writeln!(file, "P6 {} {} 255", picture.size.width, picture.size.height)?;
    file.write_all(&picture.rgb)
}
