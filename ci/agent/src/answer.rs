//! Answers one question from the system it runs on.

use crate::appd::Appd;
use crate::http::Servers;
use crate::touch::TouchScreen;
use crate::{Answer, MAX_READ, Question, Stat};
use crate::{processes, run, tree};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

const INIT_SOCKET: &str = "/run/weft/init.sock";

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot {action} {what}: {source}")]
    Failed { action: &'static str, what: String, source: io::Error },
    #[error("{0} is no process id")]
    NoPid(i32),
    #[error("there is no touch screen: plug one in first")]
    NoTouch,
    #[error("{0} is no signal")]
    NoSignal(i32),
}

fn failed(action: &'static str, what: impl ToString) -> impl FnOnce(io::Error) -> Error {
    let what = what.to_string();
    move |source| Error::Failed { action, what, source }
}

/// What stays between questions.
#[derive(Default)]
pub struct Agent {
    touch: Option<TouchScreen>,
    appd: Option<Appd>,
    servers: Servers,
}

impl Agent {
    /// Answers; what fails becomes [`Answer::Refused`].
    pub fn answer(&mut self, question: &Question) -> Answer {
        let answer = match question {
            Question::PlugTouch => self.plug_touch(),
            Question::TouchDown { slot, x, y } => self.touch(|touch| touch.down(*slot, *x, *y)),
            Question::TouchUp { slot, last } => self.touch(|touch| touch.up(*slot, *last)),
            Question::AskAppd { request } => self.ask_appd(request),
            Question::AppdSaid => Ok(Answer::Responses {
                responses: self.appd.as_ref().map(Appd::take_responses).unwrap_or_default(),
            }),
            Question::ServeHttp { address, response } => {
                let served = self.servers.serve(address, response);
                served.map(|()| Answer::Done).map_err(failed("listen on", address))
            }
            Question::HttpRequests { address } => Ok(Answer::Names { names: self.servers.requests(address) }),
            other => look(other),
        };
        answer.unwrap_or_else(|error| Answer::Refused { why: error.to_string() })
    }

    fn plug_touch(&mut self) -> Result<Answer, Error> {
        let mut touch = TouchScreen::create().map_err(failed("make", "a touch screen"))?;
        let names = touch.nodes().map_err(failed("find", "the touch screen's nodes"))?;
        self.touch = Some(touch);
        Ok(Answer::Names { names })
    }

    /// A connection that broke, because appd was started anew, is replaced.
    fn ask_appd(&mut self, request: &weft_ipc::appd::Request) -> Result<Answer, Error> {
        let asking = failed("ask", crate::appd::SOCKET);
        if let Some(appd) = &mut self.appd
            && appd.ask(request).is_ok()
        {
            return Ok(Answer::Done);
        }
        let asked = Appd::connect().and_then(|mut appd| appd.ask(request).map(|()| appd));
        self.appd = Some(asked.map_err(asking)?);
        Ok(Answer::Done)
    }

    fn touch(&mut self, act: impl FnOnce(&mut TouchScreen) -> io::Result<()>) -> Result<Answer, Error> {
        let touch = self.touch.as_mut().ok_or(Error::NoTouch)?;
        act(touch).map(|()| Answer::Done).map_err(failed("use", "the touch screen"))
    }
}

fn look(question: &Question) -> Result<Answer, Error> {
    Ok(match question {
        Question::Processes => {
            Answer::Processes { processes: processes::all().map_err(failed("list", "processes"))? }
        }
        Question::Kill { pid, signal } => {
            let target = Pid::from_raw(*pid).ok_or(Error::NoPid(*pid))?;
            let signal = Signal::from_named_raw(*signal).ok_or(Error::NoSignal(*signal))?;
            kill_process(target, signal).map_err(|errno| failed("kill", pid)(errno.into()))?;
            Answer::Done
        }
        Question::Read { path } => Answer::Text { text: read_end(path).map_err(failed("read", path))? },
        Question::ReadBytes { path } => Answer::Text { text: read_hex(path).map_err(failed("read", path))? },
        Question::Write { path, text } => {
            keep(path, text.as_bytes()).map_err(failed("write", path))?;
            Answer::Done
        }
        Question::WriteBytes { path, hex } => {
            write_hex(path, hex).map_err(failed("write", path))?;
            Answer::Done
        }
        Question::Link { target, path } => {
            std::os::unix::fs::symlink(target, path).map_err(failed("make the link", path))?;
            Answer::Done
        }
        Question::Run { command } => {
            let (code, output) = run::to_end(command).map_err(failed("run", &command.program))?;
            Answer::Ended { code, output }
        }
        Question::Start { command } => {
            run::start(command).map_err(failed("start", &command.program))?;
            Answer::Done
        }
        Question::List { path } => Answer::Names { names: list(path).map_err(failed("list", path))? },
        Question::Init { request } => {
            Answer::Text { text: ask_init(request).map_err(failed("ask", INIT_SOCKET))? }
        }
        // Those need what stays between questions.
        Question::PlugTouch
        | Question::TouchDown { .. }
        | Question::TouchUp { .. }
        | Question::AskAppd { .. }
        | Question::AppdSaid
        | Question::ServeHttp { .. }
        | Question::HttpRequests { .. } => return Err(Error::NoTouch),
        Question::ReadLinks { path } => Answer::Names { names: links(path).map_err(failed("list", path))? },
        Question::Files { path } => Answer::Files { files: tree::files(path).map_err(failed("walk", path))? },
        Question::Stat { path } => {
            let found = std::fs::symlink_metadata(path).map_err(failed("look at", path))?;
            Answer::Stat(Stat {
                mode: found.mode(),
                uid: found.uid(),
                gid: found.gid(),
                size: found.size(),
                inode: found.ino(),
                modified: found.mtime().wrapping_mul(1_000_000_000).wrapping_add(found.mtime_nsec()),
            })
        }
    })
}

fn read_end(path: &str) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > MAX_READ {
        file.seek(SeekFrom::Start(size - MAX_READ))?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_READ).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_hex(path: &str) -> io::Result<String> {
    let size = std::fs::metadata(path)?.len();
    if size > MAX_READ {
        return Err(io::Error::other(format!("it has {size} bytes, more than {MAX_READ}")));
    }
    Ok(std::fs::read(path)?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_hex(path: &str, hex: &str) -> io::Result<()> {
    let byte =
        |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    keep(path, &bytes.ok_or_else(|| io::Error::other("the text is not hexadecimal"))?)
}

/// What a test wrote is there after a power cut.
fn keep(path: &str, contents: &[u8]) -> io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(contents)?;
    match file.sync_all() {
        // A file of a kernel's interface has no disk.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => Ok(()),
        outcome => outcome,
    }
}

fn ask_init(request: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(INIT_SOCKET)?;
    writeln!(stream, "{request}")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

fn list(path: &str) -> io::Result<Vec<String>> {
    let mut names = std::fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

fn links(path: &str) -> io::Result<Vec<String>> {
    let targets = std::fs::read_dir(path)?.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    Ok(targets.map(|target| target.to_string_lossy().into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_writes_and_lists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note").to_str().unwrap().to_owned();
        assert_eq!(
            Agent::default().answer(&Question::Write { path: path.clone(), text: "yes".into() }),
            Answer::Done
        );
        assert_eq!(
            Agent::default().answer(&Question::Read { path: path.clone() }),
            Answer::Text { text: "yes".into() }
        );
        let folder = folder.path().to_str().unwrap().to_owned();
        assert_eq!(
            Agent::default().answer(&Question::List { path: folder.clone() }),
            Answer::Names { names: vec!["note".into()] }
        );
        let bytes = format!("{folder}/new/bytes");
        let question = Question::WriteBytes { path: bytes.clone(), hex: "00ff".into() };
        assert_eq!(Agent::default().answer(&question), Answer::Done);
        assert_eq!(std::fs::read(bytes).unwrap(), [0, 0xff]);
        let Answer::Stat(stat) = Agent::default().answer(&Question::Stat { path }) else { panic!("no stat") };
        assert_eq!(stat.size, 3);
    }

    #[test]
    fn a_refusal_names_what_it_was_about() {
        let Answer::Refused { why } =
            Agent::default().answer(&Question::Read { path: "/nowhere/file".into() })
        else {
            panic!("read from nowhere")
        };
        assert!(why.contains("/nowhere/file"), "{why}");
        assert!(matches!(
            Agent::default().answer(&Question::Kill { pid: 0, signal: 9 }),
            Answer::Refused { .. }
        ));
    }
}
